// The kinds of value that configuration keys share, with their rules in words for messages and docs alike.
import { z } from "zod";
import { durationRule, parseDuration } from "./duration.ts";
import { imageRule, parseImage } from "./image.ts";
import { key } from "./key.ts";
import { isCpu, isMemory } from "./quantity.ts";

type Facts = { description: string; example?: unknown };

// `pulumi config set --path … 2` stores a number where a quantity is meant as text; both say the same.
const textOrNumber = z.union([z.string(), z.number()]).transform(String);

/** A CPU amount, kept as the text that Kubernetes takes. */
export const cpu = (facts: Facts) =>
  key(textOrNumber.refine(isCpu), {
    rule: 'a CPU quantity in whole thousandths of a core, such as "500m" or "2"',
    unit: "cores",
    ...facts,
  });

/** A memory or storage amount, kept as the text that Kubernetes takes. */
export const memory = (facts: Facts) =>
  key(textOrNumber.refine(isMemory), {
    rule: 'a memory quantity of whole bytes, at least 1Mi, such as "512Mi" or "4Gi"',
    unit: "bytes",
    ...facts,
  });

/** A duration as text, within bounds that are given as text too. */
export function duration(facts: Facts & { min: string; max: string }) {
  const { min, max, ...rest } = facts;
  const low = parseDuration(min) ?? 0;
  const high = parseDuration(max) ?? Infinity;
  const schema = z.string().refine((text) => {
    const value = parseDuration(text);
    return value !== undefined && value >= low && value <= high;
  });
  return key(schema, { rule: `${durationRule}, from ${min} to ${max}`, unit: "duration", ...rest });
}

/** A duration as Flagger's CRD takes it: whole seconds or whole minutes, one unit. */
export function tickDuration(facts: Facts & { min: string; max: string }) {
  const { min, max, ...rest } = facts;
  const low = parseDuration(min) ?? 0;
  const high = parseDuration(max) ?? Infinity;
  const schema = z.string().refine((text) => {
    const value = parseDuration(text);
    return /^\d+[ms]$/.test(text) && value !== undefined && value >= low && value <= high;
  });
  return key(schema, {
    rule: `whole seconds or whole minutes, as Flagger reads them, such as "30s" or "1m", from ${min} to ${max}`,
    unit: "duration",
    ...rest,
  });
}

/** A whole number between two bounds. */
export const integer = (min: number, max: number, facts: Facts & { unit?: string }) =>
  key(z.int().min(min).max(max), { rule: `a whole number from ${min} to ${max}`, ...facts });

/** A share of a hundred, fractions allowed. */
export const percent = (min: number, max: number, facts: Facts) =>
  key(z.number().min(min).max(max), { rule: `a percentage from ${min} to ${max}`, unit: "percent", ...facts });

/** One of a few words. */
export const oneOf = <const Words extends readonly [string, ...string[]]>(words: Words, facts: Facts) =>
  key(z.enum(words), { rule: `one of ${words.join(", ")}`, ...facts });

/** true or false. */
export const flag = (facts: Facts) => key(z.boolean(), { rule: "true or false", ...facts });

/** A DNS label: the name of a namespace, a Service and most other things in Kubernetes. */
export const dnsLabel = (facts: Facts) =>
  key(z.string().regex(/^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/), {
    rule: "at most 63 lower-case letters, digits and hyphens, with a letter or digit at both ends",
    ...facts,
  });

/** A DNS name of at least two labels. */
export const hostname = (facts: Facts) =>
  key(
    z
      .string()
      .max(253)
      .regex(/^(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/),
    {
      rule: 'a lower-case DNS name such as "audit.example.com", without a scheme, port or wildcard',
      ...facts,
    },
  );

/** An absolute HTTP address without credentials. */
export function address(facts: Facts & { schemes: readonly ("http" | "https")[] }) {
  const { schemes, ...rest } = facts;
  const schema = z
    .string()
    .max(2048)
    .refine((text) => {
      const url = URL.canParse(text) ? new URL(text) : undefined;
      return (
        url !== undefined &&
        schemes.some((scheme) => url.protocol === `${scheme}:`) &&
        url.username === "" &&
        url.password === ""
      );
    });
  return key(schema, { rule: `an absolute ${schemes.join(" or ")} address without user name and password`, ...rest });
}

/** A container image with its registry; whether it needs a digest depends on the environment (rules.ts). */
export const image = (facts: Facts) =>
  key(
    z.string().refine((text) => parseImage(text) !== undefined),
    { rule: imageRule, ...facts },
  );

/** Text of printable characters on one line. */
export const line = (max: number, facts: Facts) =>
  key(
    z
      .string()
      .min(1)
      .max(max)
      .regex(/^[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?$/),
    {
      rule: `1 to ${max} printable ASCII characters, without spaces at the ends`,
      ...facts,
    },
  );

/** A name that HTTP takes for a header or a cookie. */
export const headerName = (facts: Facts) =>
  key(z.string().max(64).regex(/^[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?$/), {
    rule: "1 to 64 letters, digits and hyphens, with a letter or digit at both ends",
    ...facts,
  });

/** A TCP or UDP port. */
export const port = (facts: Facts) => integer(1, 65535, facts);
