import { createHash } from "node:crypto";

const linkPrefix = Buffer.of(2);

/** What the first event links to: 32 zero bytes. */
export const genesis: Buffer = Buffer.alloc(32);

/** An event's link: SHA-256(0x02 || link of the event before || leaf hash). The prefix keeps it apart from Merkle leaves and nodes. */
export function linkHash(previous: Uint8Array, leaf: Uint8Array): Buffer {
  return createHash("sha256").update(linkPrefix).update(previous).update(leaf).digest();
}
