import type { z } from "zod";
import { configSchema } from "./schema.ts";

/** A stack's configuration as Pulumi hands it to a program. */
export interface RawConfig {
  /** Name of the project, and namespace of the keys that are read. */
  readonly project: string;
  readonly stack: string;
  /** Every key with its namespace; objects and lists are JSON text. */
  readonly all: Readonly<Record<string, string>>;
  /** Keys, with their namespace, whose values are encrypted or contain something encrypted. */
  readonly secretKeys: readonly string[];
}

/** Schemas that wrap another one (defaults, optional, pipes) hold it here. */
interface WrappingDefinition {
  type: string;
  innerType?: z.core.$ZodType;
  in?: z.core.$ZodType;
}

function isText(schema: z.core.$ZodType): boolean {
  const definition: WrappingDefinition = schema._zod.def;
  const inner = definition.innerType ?? definition.in;
  return inner === undefined ? definition.type === "string" || definition.type === "enum" : isText(inner);
}

/** JSON where it is JSON; otherwise the text itself, which the schema then refuses with its value shown. */
function fromJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch (error) {
    if (error instanceof SyntaxError) return text;
    throw error;
  }
}

/** The project's own keys with their values as the schema expects them; keys of other namespaces are left alone. */
export function ownValues({ project, all }: RawConfig): Record<string, unknown> {
  const prefix = `${project}:`;
  const shape: Readonly<Record<string, z.core.$ZodType>> = configSchema.shape;
  const own = Object.entries(all).flatMap(([key, text]): [string, unknown][] => {
    if (!key.startsWith(prefix)) return [];
    const name = key.slice(prefix.length);
    const schema = Object.hasOwn(shape, name) ? shape[name] : undefined;
    return [[name, schema === undefined || isText(schema) ? text : fromJson(text)]];
  });
  return Object.fromEntries(own);
}
