import fc from "fast-check";
import { payload } from "./gates-world.ts";

const good = JSON.stringify(payload());

/** Whether a body is a question that the world's gates may say yes to: told apart here without the gates' own reader. */
function wellFormed(body: Buffer | string): boolean {
  let content: unknown;
  try {
    content = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(Buffer.from(body)));
  } catch {
    return false;
  }
  if (typeof content !== "object" || content === null) return false;
  const { name, namespace, phase, checksum, metadata = {} } = content as Record<string, unknown>;
  const texts = typeof metadata === "object" && metadata !== null && !Array.isArray(metadata) && Object.values(metadata).every((value) => typeof value === "string");
  return name === "app" && namespace === "shop" && typeof phase === "string" && typeof checksum === "string" && texts;
}

/** Bodies that are no question about the world's release: cut, flipped, too deep, of other types, other names, or anything at all. Always the same ones. */
export function malformedBodies(count: number): (Buffer | string)[] {
  const key = fc.constantFrom("name", "namespace", "phase", "checksum", "metadata");
  const nearly = fc.tuple(key, fc.jsonValue()).map(([changed, value]) => JSON.stringify({ ...payload(), [changed]: value }));
  const less = key.map((gone) => JSON.stringify({ ...payload(), [gone]: undefined }));
  const cut = fc.nat(good.length - 1).map((length) => good.slice(0, length));
  const deep = fc.integer({ min: 3, max: 7000 }).map((depth) => good.replace('"pre-rollout"', "[".repeat(depth) + "]".repeat(depth)));
  const flipped = fc.tuple(fc.nat(good.length - 1), fc.integer({ min: 1, max: 255 })).map(([at, mask]) => {
    const bytes = Buffer.from(good);
    bytes[at]! ^= mask;
    return bytes;
  });
  const bytes = fc.uint8Array({ maxLength: 400 }).map((any) => Buffer.from(any));
  const body = fc.oneof(nearly, less, cut, deep, flipped, bytes, fc.json(), fc.string());
  return fc.sample(body.filter((made) => !wellFormed(made)), { numRuns: count, seed: 6 });
}
