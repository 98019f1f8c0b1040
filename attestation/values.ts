import { z } from "zod";

/** `sha256:` and 64 lower-case hex digits: how images and files are named here. */
export const sha256Digest = z.string().regex(/^sha256:[0-9a-f]{64}$/, "must be sha256: and 64 lower-case hex digits");

/** Name of an environment, such as production. */
export const environmentName = z.string().regex(/^[a-z][a-z0-9-]{0,62}$/, "must be a name such as local, staging or production");

/** Who did something: a pseudonym, never a person's name or mail address, since attestations are kept for years. */
export const pseudonym = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9_.:-]{0,127}$/, "must be a pseudonym of letters, digits and _.:- (no mail address)");

/** A moment: RFC 3339 with offset. */
export const moment = z.iso.datetime({ offset: true, error: "must be a date and time with offset, such as 2026-01-31T12:00:00Z" });

/** Clocks of the machines that sign and that verify may differ by this much, in milliseconds. */
export const clockSkewMs = 60_000;
