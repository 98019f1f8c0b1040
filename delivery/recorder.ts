/** Writing a release into the ledger. */
import { existsSync } from "node:fs";
import { checkpointPath } from "../ledger/files.ts";
import { type LedgerWriter, openLedger } from "../ledger/writer.ts";
import type { Note } from "./releaseContext.ts";
import { DeliveryError } from "./deliveryError.ts";
import { exitCodes } from "./exitCodes.ts";
import { type BegunFreeze, followFreeze } from "./freeze.ts";
import { whoRuns } from "./identity.ts";
import { secretKey } from "./ledgerOptions.ts";
import { type Release, ReleaseReader } from "./releases.ts";

/** Where and how to record. */
export interface RecorderOptions {
  readonly ledger: string;
  /** File with the key that signs. */
  readonly signingKey: string;
  /** File that says who is behind a pseudonym. */
  readonly people: string;
  readonly stack: string;
  /** A stack of this machine may go without a ledger. */
  readonly optional: boolean;
  readonly cwd: string;
  readonly env: NodeJS.ProcessEnv;
  readonly command: string;
}

/** Records entries; each is on the disk when `note` returns. */
export interface Recorder {
  /** What the ledger knows so far, of all stacks, oldest first; it was verified when it was opened. */
  readonly releases: readonly Release[];
  /** The freeze of this stack that a command has begun. */
  readonly freeze: BegunFreeze | undefined;
  readonly note: (release: string, note: Note) => void;
  /** Records what belongs to no release. */
  readonly noteStack: (note: Extract<Note, { kind: "freeze" }>) => void;
  readonly close: () => void;
}

/**
 * Opens the ledger for a release.
 * @param onMissing told when nothing will be recorded
 * @throws DeliveryError `refused` when there is no ledger and the stack needs one; LedgerError when it is damaged, locked or its key missing
 */
export function openRecorder(options: RecorderOptions, onMissing: (message: string) => void): Recorder {
  const { ledger, stack, optional } = options;
  if (!existsSync(checkpointPath(ledger))) {
    const message = `There is no ledger in ${ledger}, so nobody could prove what was done`;
    const fix = "Make one: delivery ledger keygen, then delivery ledger init.";
    if (!optional) throw new DeliveryError(exitCodes.refused, `${message}; stack ${stack} is not released without one. Nothing was changed.`, fix);
    onMissing(`${message}; a stack of this machine is released all the same. ${fix}`);
    return { releases: [], freeze: undefined, note: () => undefined, noteStack: () => undefined, close: () => undefined };
  }
  const reader = new ReleaseReader();
  let freeze: BegunFreeze | undefined;
  const writer: LedgerWriter = openLedger(ledger, {
    key: secretKey(options.signingKey),
    command: options.command,
    onEntry: ({ entry }) => {
      reader.add(entry);
      if (entry.stack === stack) freeze = followFreeze(freeze, entry);
    },
  });
  const who = whoRuns(options.people, options.cwd, options.env);
  return {
    releases: reader.releases(),
    freeze,
    // In the middle of a release a clock that went back is flagged, not refused: the entry must not be lost.
    note: (release, note) => void writer.append({ ...note, stack, release, who }, note.kind === "release-started" ? "refuse" : "flag"),
    noteStack: (note) => void writer.append({ ...note, stack, who }, "refuse"),
    close: () => writer.close(),
  };
}
