import { z } from "zod";
import { configSchema } from "./schema.ts";

/** One key of the configuration, as people are told about it. */
export interface KeyDescription {
  /** Members from the top: `["canary", "stepWeight"]`. */
  readonly path: readonly string[];
  /** JSON type, or `string|number` where both are taken. */
  readonly type: string;
  readonly description: string;
  /** Completes "must be …". */
  readonly rule: string;
  readonly unit?: string;
  /** What each member of a list must be. */
  readonly itemRule?: string;
  /** JSON value that an absent key takes. */
  readonly default?: unknown;
  /** A valid value to show. */
  readonly example?: unknown;
  /** Whether the key has to be set (in its object, where it is inside one). */
  readonly required: boolean;
}

/** The part of a JSON schema that this project's schema makes use of. */
export interface JsonSchema {
  [keyword: string]: unknown;
  type?: string | string[];
  description?: string;
  rule?: string;
  unit?: string;
  default?: unknown;
  example?: unknown;
  required?: string[];
  items?: JsonSchema;
  properties?: Record<string, JsonSchema>;
}

/** The schema of what people write, as JSON schema (draft 2020-12). */
export function jsonSchema(): JsonSchema {
  return z.toJSONSchema(configSchema, { io: "input" }) as JsonSchema;
}

/**
 * Every key in the order of the schema, objects before their members.
 * @param schema where to begin; the whole configuration by default
 */
export function describeKeys(schema: JsonSchema = jsonSchema(), above: readonly string[] = []): KeyDescription[] {
  return Object.entries(schema.properties ?? {}).flatMap(([name, member]) => {
    const path = [...above, name];
    const { description = "", unit, example } = member;
    const itemRule = member.items?.rule;
    const own: KeyDescription = {
      path,
      type: typeof member.type === "string" ? member.type : (member.type ?? []).join("|"),
      description,
      rule: member.rule ?? "an object of the keys below it",
      ...(itemRule === undefined ? {} : { itemRule }),
      required: schema.required?.includes(name) ?? false,
      ...(unit === undefined ? {} : { unit }),
      ...(example === undefined ? {} : { example }),
      ...("default" in member ? { default: member.default } : {}),
    };
    return [own, ...describeKeys(member, path)];
  });
}

/**
 * Writes a key as it is typed after `pulumi config set --path`.
 * @param path members from the top; numbers are places in a list
 */
export function keyText(project: string, path: readonly PropertyKey[]): string {
  return path.reduce<string>((text, member, index) => {
    if (typeof member === "number") return `${text}[${member}]`;
    const name = String(member);
    if (index === 0) return `${project}:${name}`;
    return /^[\w-]+$/.test(name) ? `${text}.${name}` : `${text}[${JSON.stringify(name)}]`;
  }, project);
}
