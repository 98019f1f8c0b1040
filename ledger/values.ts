/** The kinds of value that entries are made of. None can hold a person's name, address or secret by design; free text is searched for addresses. */
import { z } from "zod";
import { unfitText } from "./text.ts";

/** RFC 3339 in UTC with milliseconds, in exactly this shape: `2026-11-23T20:00:00.000Z`. */
export const timestamp = z.iso.datetime({ precision: 3, error: "must be a time in UTC with milliseconds, such as 2026-11-23T20:00:00.000Z" });

/** `sha256:` and 64 lower-case hexadecimal digits. */
export const digest = z.string().regex(/^sha256:[0-9a-f]{64}$/, "must be sha256: and 64 hexadecimal digits");

/** 64 lower-case hexadecimal digits: a leaf hash of this ledger. */
export const leafDigest = z.string().regex(/^[0-9a-f]{64}$/, "must be 64 hexadecimal digits");

/** Names of stacks, releases, gates, steps, measures: lower-case words. */
export const name = z.string().regex(/^[a-z0-9][a-z0-9.-]{0,99}$/, "must be 1 to 100 lower-case letters, digits, dots and hyphens");

/** Whose pseudonym: `pseudonyms.ts` makes them. */
export const pseudonym = z.string().regex(/^p-[0-9a-f]{32}$/, "must be a pseudonym (p- and 32 hexadecimal digits): never a name or an address");

/** A Git commit's full id. */
export const commitId = z.string().regex(/^(?:[0-9a-f]{40}|[0-9a-f]{64})$/, "must be a full commit id: 40 or 64 hexadecimal digits");

export const slot = z.enum(["blue", "green", "primary", "canary"]);

/** Seconds, not below 0. */
export const seconds = z.number().min(0);

/** Count of something. */
export const count = z.int().min(0);

/** Free text for people: 1 to 500 characters on one line; nothing that looks like an e-mail address. */
export const text = z.string().superRefine((value, context) => {
  const message = unfitText(value);
  if (message !== undefined) context.addIssue({ code: "custom", message });
});
