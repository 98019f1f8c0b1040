/** Ledgers with releases in them, for what reads them. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { generateKeys, parseSecretKey } from "../../ledger/note.ts";
import type { Draft, Entry } from "../../ledger/schema.ts";
import { createLedger, openLedger } from "../../ledger/writer.ts";
import { temporaryFolder } from "../ledger/temporary.ts";

/** A folder of its own. */
export const folder = (): string => temporaryFolder("delivery-");

export const image = (letter: string): string => `sha256:${letter.repeat(64)}`;
export const ada = `p-${"a".repeat(32)}`;

/** A draft and its time, seconds after noon. */
export type Timed = readonly [number, Draft];

const noon = Date.parse("2026-11-23T12:00:00.000Z");
/** RFC 3339 of so many seconds after noon. */
export const at = (seconds: number): string => new Date(noon + seconds * 1000).toISOString();

const of = (release: string, stack = "production") => ({ release, stack, who: { git: ada } });

export const started = (release: string, second: number, more: { committed?: number; reason?: "planned" | "incident"; stack?: string } = {}): Timed => [
  second,
  {
    kind: "release-started",
    ...of(release, more.stack),
    what: { image: image("1"), config: image("c") },
    data: { strategy: "blue-green", reason: more.reason ?? "planned", ...(more.committed === undefined ? {} : { commit: "a".repeat(40), committed: at(more.committed) }) },
  },
];
export const switched = (release: string, second: number): Timed => [second, { kind: "switched", ...of(release), data: { from: "blue", to: "green" } }];
export const promoted = (release: string, second: number): Timed => [second, { kind: "promoted", ...of(release), data: { baked: 300 } }];
export const rolledBack = (release: string, second: number, hurtSince?: number): Timed => [
  second,
  { kind: "rolled-back", ...of(release), why: "error ratio 0.2", data: { from: "green", to: "blue", cause: "bake", ...(hurtSince === undefined ? {} : { hurtSince: at(hurtSince) }) } },
];
export const failed = (release: string, second: number): Timed => [second, { kind: "failed", ...of(release), data: { step: "verify", exitCode: 4, because: "the new version did not start" } }];

/** A ledger of these, with its keys beside it: `ledger`, `ledger.pub`, `ledger.key`. */
export function ledgerOf(entries: readonly Timed[]): { dir: string; keyFile: string; entries: readonly Entry[] } {
  const dir = join(folder(), "ledger");
  const pair = generateKeys("example.com/releases");
  const key = parseSecretKey(pair.secret);
  writeFileSync(`${dir}.pub`, pair.public);
  writeFileSync(`${dir}.key`, pair.secret);
  createLedger(dir, key);
  let now = 0;
  const writer = openLedger(dir, { key, command: "test", now: () => now });
  const recorded = entries.map(([second, draft]) => {
    now = noon + second * 1000;
    return writer.append(draft).lines[0]!.entry;
  });
  writer.close();
  return { dir, keyFile: `${dir}.pub`, entries: recorded };
}
