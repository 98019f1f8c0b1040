/** Ledgers to try things on. */
import { cpSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { segmentPath } from "../../ledger/files.ts";
import { generateKeys, parsePublicKey, parseSecretKey, type PublicKey, type SecretKey } from "../../ledger/note.ts";
import type { Draft } from "../../ledger/schema.ts";
import { createLedger, openLedger, type OpenOptions } from "../../ledger/writer.ts";
import { temporaryFolder } from "./temporary.ts";

export const pair = generateKeys("example.com/releases");
export const key: SecretKey = parseSecretKey(pair.secret);
export const publicKey: PublicKey = parsePublicKey(pair.public);
export const keys: readonly PublicKey[] = [publicKey];

/** A folder of its own. */
export const folder = (): string => temporaryFolder("ledger-");

export const digestOf = (letters: string): string => `sha256:${letters.repeat(64).slice(0, 64)}`;

/** A bake sample of release `r-n`: the shortest entry, different for every n. */
export function sample(n: number): Draft {
  return { kind: "bake-sample", release: `r-${n}`, stack: "production", who: {}, data: { at: n, measures: { errorRatio: n / 1000, p95: null } } };
}

export const epoch = Date.parse("2026-11-23T12:00:00.000Z");

/** A clock that shows a second more each time. */
export function clock(from = epoch): () => number {
  let now = from;
  return () => (now += 1000);
}

export const open = (dir: string, options: Partial<OpenOptions> = {}) => openLedger(dir, { key, command: "test", now: clock(), ...options });

/** An empty ledger. */
export function emptyLedger(): string {
  const dir = join(folder(), "ledger");
  createLedger(dir, key);
  return dir;
}

/** A ledger of `size` samples, appended in one go. */
export function ledgerOf(size: number): string {
  const dir = emptyLedger();
  const writer = open(dir);
  writer.appendAll(Array.from({ length: size }, (_, n) => sample(n)));
  writer.close();
  return dir;
}

/** A copy that may be harmed. */
export function copyOf(dir: string): string {
  const copy = join(folder(), "ledger");
  cpSync(dir, copy, { recursive: true });
  return copy;
}

export const checkpointOf = (dir: string): string => readFileSync(join(dir, "checkpoint"), "utf8");

/** The lines of the segment that holds entry `seq`. */
export const linesOf = (dir: string, seq = 0): string[] => readFileSync(segmentPath(dir, seq), "utf8").split("\n").slice(0, -1);

/** Rewrites the lines of a segment. */
export function rewrite(dir: string, change: (lines: string[]) => string[], seq = 0): void {
  writeFileSync(segmentPath(dir, seq), change(linesOf(dir, seq)).map((line) => `${line}\n`).join(""));
}
