import { createHash } from "node:crypto";

/**
 * A short name for what a value says: the first ten hexadecimal digits of the SHA-256 of its JSON with sorted keys.
 * The same content gives the same hash whatever the order of its keys; a key whose value is undefined counts as absent.
 */
export function contentHash(value: unknown): string {
  return createHash("sha256").update(stableJson(value)).digest("hex").slice(0, 10);
}

/** JSON with the keys of every object in code-unit order and without undefined values. */
export function stableJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map((item) => stableJson(item ?? null)).join(",")}]`;
  if (typeof value !== "object" || value === null) return JSON.stringify(value ?? null);
  const entries = Object.entries(value)
    .filter(([, item]) => item !== undefined)
    .sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
  return `{${entries.map(([key, item]) => `${JSON.stringify(key)}:${stableJson(item)}`).join(",")}}`;
}
