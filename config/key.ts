import type { z } from "zod";

/** What people are told about one configuration key; it feeds the docs, the JSON schema and every message. */
export interface KeyFacts {
  /** One sentence: what the key decides. */
  description: string;
  /** Completes "must be …"; absent for objects, whose members carry the rules. */
  rule?: string;
  /** Unit of the value, for example "percent". Durations and quantities carry theirs in the text. */
  unit?: string;
  /** A valid value to show, needed where there is no default. */
  example?: unknown;
}

/** Attaches the facts about a key to its schema. */
export function key<Schema extends z.ZodType>(schema: Schema, facts: KeyFacts): Schema {
  return schema.meta({ ...facts });
}
