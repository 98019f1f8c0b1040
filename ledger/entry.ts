/** Entries as bytes: one line of canonical JSON (RFC 8785) each. A leaf of the tree is the line without its newline. */
import canonicalize from "canonicalize";
import { LedgerError } from "./errors.ts";
import { leafHash } from "./merkle.ts";
import { type Draft, draftSchema, type Entry, entrySchema, entryVersion, schemaProblem } from "./schema.ts";

/** What an entry is stamped with: where the ledger stands. */
export interface Position {
  /** Number of the next entry. */
  readonly seq: number;
  /** Leaf hash of the last entry; undefined in an empty ledger. */
  readonly previous: Buffer | undefined;
  /** The latest time recorded so far, milliseconds since 1970; -Infinity in an empty ledger. */
  readonly latest: number;
}

/** Where an empty ledger stands. */
export const start: Position = { seq: 0, previous: undefined, latest: -Infinity };

/** An entry with its bytes. */
export interface Line {
  readonly entry: Entry;
  /** Canonical JSON, without the newline. */
  readonly bytes: Buffer;
  readonly leaf: Buffer;
  /** `entry.when` in milliseconds since 1970. */
  readonly time: number;
}

/**
 * What happens when the clock shows less than the latest recorded time: `refuse` writes nothing; `flag` writes the time that the clock
 * shows, and by how much it lies behind, for entries that must not be lost in the middle of a release.
 */
export type ClockRule = "refuse" | "flag";

/**
 * Stamps a draft.
 * @param now milliseconds since 1970
 * @param signer `name+keyId` of the key that will sign
 * @throws LedgerError `invalid-entry`, `clock`
 */
export function stamp(draft: Draft, position: Position, now: number, rule: ClockRule, signer: string): Line {
  const checked = draftSchema.safeParse(draft);
  if (!checked.success) {
    throw new LedgerError("invalid-entry", `The entry "${draft.kind}" was not recorded: ${schemaProblem(checked.error)}.`, "Mend the value that is named; docs/ledger.md lists every field.");
  }
  const behind = Math.max(0, position.latest - now);
  if (behind > 0 && rule === "refuse") {
    throw new LedgerError(
      "clock",
      `The clock went back: it shows ${new Date(now).toISOString()}, and entry ${position.seq - 1} or one before it was recorded at ${new Date(position.latest).toISOString()}.`,
      "Set the clock right (or wait until it has caught up) and start again; nothing was recorded.",
    );
  }
  const entry: Entry = {
    ...checked.data,
    v: entryVersion,
    seq: position.seq,
    ...(position.previous === undefined ? {} : { previous: position.previous.toString("hex") }),
    when: new Date(now).toISOString(),
    ...(behind > 0 ? { clockBehindMs: behind } : {}),
    signer,
  };
  const bytes = Buffer.from(canonical(entry));
  return { entry, bytes, leaf: leafHash(bytes), time: now };
}

/** Where the ledger stands after a line. */
export function after(position: Position, line: Line): Position {
  return { seq: position.seq + 1, previous: line.leaf, latest: Math.max(position.latest, line.time) };
}

/** What a line of a ledger is: an entry, or something else, with the reason. */
export type Reading = { readonly line: Line; readonly problem?: undefined } | { readonly line?: undefined; readonly problem: string };

/** Reads a line: canonical JSON that fits the schema. */
export function readLine(bytes: Buffer): Reading {
  const text = bytes.toString("utf8");
  const value = parseJson(text);
  if (value === undefined) return { problem: "it is not JSON" };
  const checked = entrySchema.safeParse(value);
  if (!checked.success) return { problem: versionProblem(value) ?? schemaProblem(checked.error) };
  if (!isCanonical(value, text)) return { problem: "it is not canonical JSON (RFC 8785)" };
  return { line: { entry: checked.data, bytes, leaf: leafHash(bytes), time: Date.parse(checked.data.when) } };
}

/** The number that a line claims to have; undefined when it claims none. */
export function claimedSeq(bytes: Buffer): number | undefined {
  const value = parseJson(bytes.toString("utf8"));
  return typeof value === "object" && value !== null && "seq" in value && typeof value.seq === "number" ? value.seq : undefined;
}

/** Why an entry cannot stand where it stands; undefined when it can. The number and the link are looked at elsewhere. */
export function clockProblem({ entry, time }: Line, latest: number): string | undefined {
  const behind = Math.max(0, latest - time);
  if (behind === (entry.clockBehindMs ?? 0)) return undefined;
  return `its time ${entry.when} lies ${behind} ms before the latest one, and it says ${entry.clockBehindMs ?? 0}`;
}

function versionProblem(value: unknown): string | undefined {
  const version = typeof value === "object" && value !== null && "v" in value ? value.v : undefined;
  return typeof version === "number" && version > entryVersion ? `it is of version ${version}, and this program knows versions up to ${entryVersion}: use a newer one` : undefined;
}

/** RFC 8785. Entries have nothing that JSON cannot say, so there is always a text. */
function canonical(entry: Entry): string {
  return canonicalize(entry) ?? "";
}

/**
 * Whether a text is the canonical form of the value it was parsed to. For values of our schema, whose names are no numbers, that is
 * JavaScript's own form with the names in order; asking it costs a tenth of writing the form anew.
 */
export function isCanonical(value: unknown, text: string): boolean {
  return JSON.stringify(value) === text && inOrder(value);
}

function inOrder(value: unknown): boolean {
  if (typeof value !== "object" || value === null) return true;
  if (Array.isArray(value)) return value.every(inOrder);
  let before = "";
  for (const name of Object.keys(value)) {
    if (name < before || !inOrder((value as Record<string, unknown>)[name])) return false;
    before = name;
  }
  return true;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
