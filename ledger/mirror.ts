/**
 * Copies of a ledger elsewhere, which witness it: a mirror only ever takes what continues what it has. It holds the same files as the
 * ledger's folder, so that whoever fetches it can verify it as a ledger.
 */
import { openCheckpoint } from "./checkpoint.ts";
import { LedgerError } from "./errors.ts";
import { readBytes, segmentEntries, segmentPath } from "./files.ts";
import type { PublicKey } from "./note.ts";
import { verifyLedger } from "./verify.ts";

/** Where a copy lies. */
export interface Mirror {
  /** For people: where it is. */
  readonly place: string;
  /** The checkpoint that it has; undefined when it has none yet. */
  readonly checkpoint: () => Promise<string | undefined>;
  /**
   * Takes files and, after all of them, the checkpoint that covers them.
   * @param files bytes by path, `entries/000000000000.jsonl`; those that are there are replaced by longer ones
   * @param message what it is, in a line
   * @throws LedgerError `mirror` when it can't, or somebody else wrote since `checkpoint` was asked
   */
  readonly put: (files: ReadonlyMap<string, Buffer>, checkpoint: string, message: string) => Promise<void>;
}

/** What was done. */
export interface Mirrored {
  readonly origin: string;
  /** Entries that the mirror had, and has. */
  readonly before: number;
  readonly size: number;
}

/**
 * Verifies the ledger, and that it continues the mirror; then brings the mirror to where the ledger is.
 * @throws LedgerError what verification finds: a ledger that was cut or changed since the last time leaves the mirror as it is; `mirror`
 */
export async function mirrorLedger(dir: string, keys: readonly PublicKey[], mirror: Mirror): Promise<Mirrored> {
  const there = await mirror.checkpoint();
  const before = there === undefined ? 0 : openCheckpoint(there, keys, `The checkpoint of ${mirror.place}`).size;
  const { checkpoint, end } = verifyLedger(dir, { keys, seen: there === undefined ? [] : [there] });
  const { origin, size, note, root } = checkpoint;
  if (there !== undefined && before === size) return { origin, before, size };
  const files = new Map<string, Buffer>();
  for (let first = before - (before % segmentEntries); first < size; first += segmentEntries) {
    const bytes = readBytes(segmentPath(dir, first)) ?? Buffer.alloc(0);
    // What was appended since it was verified goes with the next time.
    files.set(`entries/${String(first).padStart(12, "0")}.jsonl`, first === end.segment ? bytes.subarray(0, end.length) : bytes);
  }
  await mirror.put(files, note, `${origin}: ${size} entries, root ${root.toString("base64")}`);
  return { origin, before, size };
}

/** A mirror that can't be reached, read or written. */
export function mirrorError(place: string, why: string, cause?: unknown): LedgerError {
  return new LedgerError("mirror", `${place}: ${why}.`, "The ledger itself is whole; mend what is named and mirror again.", { cause });
}
