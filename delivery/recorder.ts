/** Writing a release into the ledger. */
import { existsSync } from "node:fs";
import { checkpointPath } from "../ledger/files.ts";
import type { ClockRule, Line } from "../ledger/entry.ts";
import { LedgerError } from "../ledger/errors.ts";
import type { Draft } from "../ledger/schema.ts";
import { type LedgerWriter, openLedger, type OpenOptions } from "../ledger/writer.ts";
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
  /** What the ledger knew when it was opened, of all stacks, oldest first. */
  readonly releases: readonly Release[];
  /** The freeze of this stack that a command has begun. */
  readonly freeze: BegunFreeze | undefined;
  readonly note: (release: string, note: Note) => void;
  /** Records what belongs to no release. */
  readonly noteStack: (note: Extract<Note, { kind: "freeze" }>) => void;
}

/**
 * Verifies the ledger, reads it, and makes it ready for a release. It is only locked while an entry is written, as releases of other
 * stacks may share it.
 * @param onMissing told when nothing will be recorded
 * @throws DeliveryError `refused` when there is no ledger and the stack needs one; LedgerError when it is damaged, locked or its key missing
 */
export function openRecorder(options: RecorderOptions, onMissing: (message: string) => void): Recorder {
  const { ledger, stack, optional, command } = options;
  if (!existsSync(checkpointPath(ledger))) {
    const message = `There is no ledger in ${ledger}, so nobody could prove what was done`;
    const fix = "Make one: delivery ledger keygen, then delivery ledger init.";
    if (!optional) throw new DeliveryError(exitCodes.refused, `${message}; stack ${stack} is not released without one. Nothing was changed.`, fix);
    onMissing(`${message}; a stack of this machine is released all the same. ${fix}`);
    return { releases: [], freeze: undefined, note: () => undefined, noteStack: () => undefined };
  }
  const key = secretKey(options.signingKey);
  const reader = new ReleaseReader();
  let freeze: BegunFreeze | undefined;
  const onEntry = ({ entry }: Line): void => {
    reader.add(entry);
    if (entry.stack === stack) freeze = followFreeze(freeze, entry);
  };
  openPatiently(ledger, { key, command, onEntry }).close();
  const who = whoRuns(options.people, options.cwd, options.env);
  const append = (draft: Draft, rule: ClockRule): void => {
    const writer = openPatiently(ledger, { key, command });
    try {
      writer.append(draft, rule);
    } finally {
      writer.close();
    }
  };
  return {
    releases: reader.releases(),
    freeze,
    // In the middle of a release a clock that went back is flagged, not refused: the entry must not be lost.
    note: (release, note) => append({ ...note, stack, release, who }, note.kind === "release-started" ? "refuse" : "flag"),
    noteStack: (note) => append({ ...note, stack, who }, "refuse"),
  };
}

/** Attempts, and milliseconds between them: together shorter than a lease, which is not renewed meanwhile. */
const patience = { attempts: 60, pauseMs: 50 } as const;

/** Another writer has it for milliseconds; who has it for longer is named by the error. */
function openPatiently(ledger: string, options: OpenOptions): LedgerWriter {
  for (let attempt = 1; ; attempt++) {
    try {
      return openLedger(ledger, options);
    } catch (error) {
      if (!(error instanceof LedgerError && error.code === "locked") || attempt === patience.attempts) throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, patience.pauseMs);
    }
  }
}
