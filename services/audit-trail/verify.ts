import { genesis, linkHash } from "./chain.ts";
import type { Pool } from "./database.ts";
import { GrowingTree, leafHash } from "../../ledger/merkle.ts";
import { readEvents, readHead, readLeafCount } from "./trail.ts";

/** The verdict on a stretch of the trail. */
export type Verification = Readonly<{
  valid: boolean;
  /** Events looked at. */
  checked: number;
  /** Number of the first event looked at. */
  from: number;
  /** Where to go on, when the stretch ended before the head. */
  next: number | undefined;
  /** The first thing that is wrong: the event's number and what does not hold. */
  fault: Readonly<{ seq: number; rule: string }> | undefined;
  /** Size and Merkle root that the whole trail was compared with; only when it was looked at from its first to its last event. */
  tree: Readonly<{ size: number; root: string }> | undefined;
}>;

const pageSize = 500;

/**
 * Hashes every event from `from` on again, at most `limit` of them, and follows the links; over the whole trail also rebuilds the Merkle tree
 * and compares it with the stored one. A stretch that starts later trusts the link of the event before it.
 */
export async function verifyTrail(pool: Pool, from: number, limit: number): Promise<Verification> {
  // Counted before the head is read: the trail may grow in between, and must not have shrunk.
  const leaves = await readLeafCount(pool);
  const head = await readHead(pool);
  const end = Math.min(head.size, from + limit);
  const whole = from === 0 && end === head.size;
  const tree = new GrowingTree();
  const report = (checked: number, fault?: Verification["fault"]): Verification => ({
    valid: fault === undefined,
    checked,
    from,
    next: fault === undefined && end < head.size ? end : undefined,
    fault,
    tree: whole ? { size: head.size, root: head.root.toString("hex") } : undefined,
  });

  if (leaves > head.size) return report(0, { seq: head.size, rule: "the event is missing: the Merkle tree has a leaf for it" });
  const before = from === 0 ? undefined : (await readEvents(pool, from - 1, 1))[0];
  let previous = before?.link ?? genesis;
  if (from > 0 && from < head.size && before?.seq !== from - 1) return report(0, { seq: from - 1, rule: "the event is missing" });
  for (let seq = from; seq < end; ) {
    const page = await readEvents(pool, seq, Math.min(pageSize, end - seq));
    if (page.length === 0) return report(seq - from, { seq, rule: "the event is missing" });
    for (const event of page) {
      if (event.seq !== seq) return report(seq - from, { seq, rule: "the event is missing" });
      if (!event.leafHash.equals(leafHash(event.record))) return report(seq - from, { seq, rule: "the record does not have its leaf hash" });
      if (!event.previousLink.equals(previous)) return report(seq - from, { seq, rule: "it does not link to the event before" });
      if (!event.link.equals(linkHash(previous, event.leafHash))) return report(seq - from, { seq, rule: "its link is not the hash of the link before and its leaf" });
      if (whole) tree.add(event.leafHash);
      previous = event.link;
      seq += 1;
    }
  }
  if (whole && !tree.root().equals(head.root))
    return report(end - from, { seq: Math.max(0, end - 1), rule: "the stored Merkle tree has another root than the events" });
  return report(end - from);
}
