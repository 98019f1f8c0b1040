import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { pipeline } from "node:stream/promises";
import { CheckFailure } from "./checks.ts";

/**
 * A check that the reward model's file has the digest it must have (`sha256:…`).
 * The file is hashed when it is first seen and whenever its identity, size or times change, as a model may be large.
 */
export function modelCheck(path: string, expected: string): () => Promise<void> {
  let seen: { state: string; digest: string } | undefined;
  return async () => {
    const { dev, ino, size, mtimeNs, ctimeNs } = await stat(path, { bigint: true });
    const state = [dev, ino, size, mtimeNs, ctimeNs].join(" ");
    if (seen?.state !== state) {
      const hash = createHash("sha256");
      await pipeline(createReadStream(path), hash);
      seen = { state, digest: `sha256:${hash.digest("hex")}` };
    }
    if (seen.digest !== expected) throw new CheckFailure(`the reward model has digest ${seen.digest}, not ${expected}`);
  };
}
