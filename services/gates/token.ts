import { createHash, timingSafeEqual } from "node:crypto";
import { WatchedFile } from "./watched-file.ts";

const digest = (text: string): Buffer => createHash("sha256").update(text).digest();

/**
 * The secrets of a file: one a line, the first two count, so that a new one can be rolled out before the old one goes.
 * @param called what the file is, for the error
 * @throws when there is none, or one is short.
 */
export function parseSecrets(text: string, called: string): string[] {
  const secrets = text.split("\n").map((line) => line.trim()).filter((line) => line !== "").slice(0, 2);
  if (secrets.length === 0 || secrets.some((secret) => !/^[A-Za-z0-9_-]{32,256}$/.test(secret)))
    throw new Error(`the ${called} must hold one or two lines of 32 to 256 letters, digits, - or _ (make one with: openssl rand -hex 32)`);
  return secrets;
}

/** Knows the callers by a token in the address, the only place where Flagger can carry one. */
export class Tokens {
  readonly #file: WatchedFile<Buffer[]>;

  constructor(path: string) {
    this.#file = new WatchedFile(path, (text) => parseSecrets(text, "token file").map(digest));
  }

  /** Whether the token is one of those that count now; takes the same time for each answer. @throws when the file cannot be used. */
  async accepts(token: string | undefined): Promise<boolean> {
    const given = digest(token ?? "");
    const accepted = await this.#file.get();
    return accepted.map((wanted) => timingSafeEqual(wanted, given)).includes(true);
  }
}
