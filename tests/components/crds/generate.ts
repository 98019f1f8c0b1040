import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { resolve } from "node:path";
import { parseAllDocuments } from "yaml";
import { type CrdSource, crdSources } from "./sources.ts";

type Schema = Record<string, unknown>;
interface Definition {
  readonly kind: string;
  readonly spec: { readonly names: { readonly kind: string }; readonly versions: readonly { readonly name: string; readonly schema: { readonly openAPIV3Schema: Schema } }[] };
}

/** Keywords that say which values are valid. Texts are left out, and rules in CEL, which only the API server evaluates. */
const keywords = new Set(
  ["type", "properties", "required", "items", "enum", "pattern", "minimum", "maximum", "minLength", "maxLength", "minItems", "maxItems"]
    .concat(["additionalProperties", "anyOf", "oneOf", "allOf", "not", "nullable", "minProperties", "maxProperties"])
    .concat(["x-kubernetes-preserve-unknown-fields", "x-kubernetes-int-or-string"]),
);

/** A structural schema as JSON Schema in which an unknown field is an error; the API server would drop it without a word. */
function strict(schema: Schema, only: NonNullable<CrdSource["only"]>, path = "", inner = false): Schema {
  const kept = Object.fromEntries(Object.entries(schema).filter(([key]) => keywords.has(key)));
  const child = (value: unknown, at = path, within = inner): unknown =>
    typeof value === "object" && value !== null ? strict(value as Schema, only, at, within) : value;
  const { properties, items, additionalProperties, nullable, ...rest } = kept;
  const open = rest["x-kubernetes-preserve-unknown-fields"] === true;
  delete rest["x-kubernetes-preserve-unknown-fields"];
  if (rest["x-kubernetes-int-or-string"] === true) delete rest["type"];
  delete rest["x-kubernetes-int-or-string"];
  if (nullable === true && typeof rest["type"] === "string") rest["type"] = [rest["type"], "null"];
  for (const key of ["anyOf", "oneOf", "allOf"]) {
    if (Array.isArray(rest[key])) rest[key] = (rest[key] as unknown[]).map((part) => child(part, path, true));
  }
  if (rest["not"] !== undefined) rest["not"] = child(rest["not"], path, true);
  return {
    ...rest,
    ...(typeof properties === "object" && properties !== null
      ? {
          properties: Object.fromEntries(
            Object.entries(properties)
              .filter(([name]) => only[path]?.includes(name) ?? true)
              .map(([name, value]) => [name, child(value, path === "" ? name : `${path}.${name}`)]),
          ),
          // Within a combination the fields are listed outside it.
          ...(inner || open || additionalProperties !== undefined ? {} : { additionalProperties: false }),
        }
      : {}),
    ...(items === undefined ? {} : { items: child(items) }),
    ...(additionalProperties === undefined ? {} : { additionalProperties: child(additionalProperties) }),
  };
}

function schemasOf({ module, files, kinds, only = {} }: CrdSource): [kind: string, schema: Schema][] {
  const { Dir } = JSON.parse(execFileSync("go", ["mod", "download", "-json", module], { encoding: "utf8" })) as { Dir: string };
  const definitions = files.flatMap((file) => parseAllDocuments(readFileSync(resolve(Dir, file), "utf8")).map((document) => document.toJS() as Definition | null));
  return kinds.map((kindAndVersion) => {
    const [kind, version] = kindAndVersion.split("/");
    const definition = definitions.find((candidate) => candidate?.kind === "CustomResourceDefinition" && candidate.spec.names.kind === kind);
    const served = definition?.spec.versions.find(({ name }) => name === version);
    if (kind === undefined || served === undefined) throw new Error(`${module} has no ${kindAndVersion}`);
    const { apiVersion, kind: kindField, spec } = served.schema.openAPIV3Schema["properties"] as Record<string, Schema>;
    const whole = strict({ ...served.schema.openAPIV3Schema, properties: { apiVersion, kind: kindField, metadata: { type: "object" }, spec } }, only);
    return [kind, { $comment: `Facts of ${module}; written by npm run generate:crds`, ...whole }];
  });
}

for (const source of crdSources) {
  for (const [kind, schema] of schemasOf(source)) {
    writeFileSync(resolve(__dirname, "schemas", `${kind}.json`), `${JSON.stringify(schema)}\n`);
  }
}
