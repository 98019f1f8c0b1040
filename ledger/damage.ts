/** Once a ledger is known not to be what was signed: what was done to it, as exactly as the files can tell. */
import { claimedSeq } from "./entry.ts";
import { LedgerError, type LedgerErrorCode } from "./errors.ts";
import { coveredLines } from "./lines.ts";

const restore = "Restore the ledger from a mirror or a backup, and find out who could write there; nothing was changed.";

/** An error about the files of a ledger; its `fix` is to restore them. */
export function damaged(code: LedgerErrorCode, message: string): LedgerError {
  return new LedgerError(code, message, restore);
}

/**
 * Names the damage where a line does not have the number it should have.
 * @param dir the ledger
 * @param size entries that the checkpoint covers
 */
export function misplaced(dir: string, size: number): LedgerError {
  const seen = new Set<number>();
  const order: (number | undefined)[] = [];
  // One line more than covered: an inserted line pushes the last one out.
  for (const line of coveredLines(dir, size + 1)) order.push(claimedSeq(line));
  for (const seq of order) if (seq !== undefined) seen.add(seq);
  const missing = Array.from({ length: size }, (_, seq) => seq).filter((seq) => !seen.has(seq));
  const [firstMissing] = missing;
  const foreign = order.findIndex((seq, place) => seq === undefined && place < size);
  if (foreign !== -1 && missing.length > 0) return damaged("edited", `Entry ${foreign} is not what was signed: it has no number, or is not JSON.`);
  if (firstMissing === undefined) {
    const out = order.findIndex((seq, place) => seq !== place);
    const claimed = order[out];
    const twice = claimed === undefined || order.indexOf(claimed) !== out || order.filter((seq) => seq === claimed).length > 1;
    if (twice) return damaged("inserted", `Where entry ${out} should be stands a line that does not belong there (it ${claimed === undefined ? "has no number" : `says it is entry ${claimed}, which is there twice`}).`);
    return damaged("reordered", `The entries are in another order than they were signed in: where entry ${out} should be stands entry ${claimed}.`);
  }
  if (missing.length === size - firstMissing) return truncated(firstMissing, size);
  return damaged("removed", `Entry ${firstMissing} is gone${missing.length > 1 ? `, and ${missing.length - 1} more` : ""}, while later ones are there.`);
}

/** The end is gone. */
export function truncated(found: number, size: number): LedgerError {
  return damaged("truncated", `The checkpoint covers ${size} entries, and only ${found} are there: the end is gone.`);
}
