/** Writing into the ledger that something was attested about an image. */
import type { Draft } from "../ledger/schema.ts";
import { openLedger } from "../ledger/writer.ts";
import { whoRuns } from "./identity.ts";
import { secretKey } from "./ledgerOptions.ts";

/** Where and as whom. */
export interface NoteOptions {
  /** undefined: nothing is recorded. */
  readonly ledger?: string;
  readonly signingKey: string;
  readonly people: string;
}

type Attested = Omit<Extract<Draft, { kind: "approval" }>, "who"> | Omit<Extract<Draft, { kind: "evidence-signed" }>, "who">;

/**
 * Records an attestation.
 * @returns the entry's number; undefined where there is no ledger to write to
 * @throws LedgerError when the ledger is damaged, locked, or its key missing; then nothing was written
 */
export function noteAttestation(options: NoteOptions, command: string, entry: Attested): number | undefined {
  if (options.ledger === undefined) return undefined;
  const writer = openLedger(options.ledger, { key: secretKey(options.signingKey), command });
  try {
    const { lines } = writer.append({ ...entry, who: whoRuns(options.people, process.cwd(), process.env) });
    return lines[0]?.entry.seq;
  } finally {
    writer.close();
  }
}
