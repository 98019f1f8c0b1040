/** Kubernetes objects as plain JSON, and the way there and back from the engine's property values. */
import { revealMap } from "../diff.ts";
import { UserError } from "../errors.ts";
import { Secret, type PropertyMap, type PropertyValue } from "../model.ts";
import { isPropertyMap } from "../wire.ts";

export type Json = null | boolean | number | string | Json[] | JsonMap;
export interface JsonMap {
  [key: string]: Json;
}

/** Our name as the owner of fields. */
export const FIELD_MANAGER = "rlhf-audit-trail-delivery";

/** Apart from `apiVersion`, `kind` and `metadata` anything may be in it. */
export interface KubernetesObject extends JsonMap {
  apiVersion: string;
  kind: string;
  metadata: JsonMap;
}

/** The object that a resource's inputs describe: secrets laid open, the state's own marks left out, `namespace` filled in when given. */
export function objectOf(inputs: PropertyMap, subject: string): KubernetesObject {
  const plain = dashed(revealMap(inputs)) as JsonMap;
  const object: JsonMap = Object.fromEntries(Object.entries(plain).filter(([key]) => !key.startsWith("__") && key !== "status"));
  if (typeof object["apiVersion"] !== "string" || typeof object["kind"] !== "string") {
    throw new UserError(`${subject} is no Kubernetes object: it has no apiVersion and kind.`, "Use --engine pulumi for Helm releases, Kustomize and other resources that are more than one object.");
  }
  const { "pulumi.com/autonamed": autonamed, ...annotations } = mapAt(object, "metadata", "annotations");
  const metadata: JsonMap = { ...mapAt(object, "metadata") };
  if (autonamed !== undefined || Object.keys(annotations).length > 0) metadata["annotations"] = autonamed === undefined ? annotations : { ...annotations, "pulumi.com/autonamed": autonamed };
  return { ...object, apiVersion: object["apiVersion"], kind: object["kind"], metadata };
}

/**
 * What the state records of a live object: the object without the list of managed fields, secret wherever the inputs are, and what
 * Pulumi's provider looks for in a state that it takes over: `__inputs` (without them it wants to replace everything), `__fieldManager`
 * and `__initialApiVersion`.
 */
export function outputsOf(live: KubernetesObject, inputs: PropertyMap): PropertyMap {
  const metadata = Object.fromEntries(Object.entries(live.metadata).filter(([key]) => key !== "managedFields"));
  const outputs = marked(underscored({ ...live, metadata }), inputs) as PropertyMap;
  // The server turns stringData into data.
  if (live.kind === "Secret" && outputs["data"] !== undefined && !(outputs["data"] instanceof Secret)) outputs["data"] = new Secret(outputs["data"]);
  outputs["__inputs"] = inputs;
  outputs["__fieldManager"] = FIELD_MANAGER;
  outputs["__initialApiVersion"] = live.apiVersion;
  return outputs;
}

/** Plain JSON as property values, with those parts secret that are secret in `inputs`. */
function marked(value: unknown, inputs: PropertyValue | undefined): PropertyValue {
  if (inputs instanceof Secret) return new Secret(marked(value, undefined));
  if (Array.isArray(value)) return value.map((item, at) => marked(item, Array.isArray(inputs) ? inputs[at] : undefined));
  if (typeof value !== "object" || value === null) return value as PropertyValue;
  const map = isPropertyMap(inputs) ? inputs : {};
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, marked(item, map[key])]));
}

/** The SDK spells `x-kubernetes-…` fields of CRDs with underscores. */
function dashed(value: PropertyValue): Json {
  return renamed(value as Json, (key) => (key.startsWith("x_kubernetes_") ? key.replaceAll("_", "-") : key));
}
function underscored(value: Json): Json {
  return renamed(value, (key) => (key.startsWith("x-kubernetes-") ? key.replaceAll("-", "_") : key));
}
function renamed(value: Json, rename: (key: string) => string): Json {
  if (Array.isArray(value)) return value.map((item) => renamed(item, rename));
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [rename(key), renamed(item, rename)]));
}

/** The value below `path`; undefined when the way there ends early. */
export function at(value: Json | undefined, ...path: (string | number)[]): Json | undefined {
  let current = value;
  for (const key of path) {
    if (typeof current !== "object" || current === null) return undefined;
    current = Array.isArray(current) ? current[Number(key)] : current[key];
  }
  return current;
}
/** The text below `path`; empty when there is none. */
export function textAt(value: Json | undefined, ...path: (string | number)[]): string {
  const found = at(value, ...path);
  return typeof found === "string" ? found : "";
}
/** The number below `path`; 0 when there is none, as the API leaves zeros out. */
export function numberAt(value: Json | undefined, ...path: (string | number)[]): number {
  const found = at(value, ...path);
  return typeof found === "number" ? found : 0;
}
/** The maps in the list below `path`; none when there is no list. */
export function listAt(value: Json | undefined, ...path: (string | number)[]): JsonMap[] {
  const found = at(value, ...path);
  return Array.isArray(found) ? found.filter((item): item is JsonMap => typeof item === "object" && item !== null && !Array.isArray(item)) : [];
}
/** The map below `path`; empty when there is none. */
export function mapAt(value: Json | undefined, ...path: (string | number)[]): JsonMap {
  const found = at(value, ...path);
  return typeof found === "object" && found !== null && !Array.isArray(found) ? found : {};
}

export const nameOf = (object: JsonMap): string => textAt(object, "metadata", "name");
export const namespaceOf = (object: JsonMap): string => textAt(object, "metadata", "namespace");
export const annotation = (object: JsonMap, name: string): string => textAt(object, "metadata", "annotations", name);
export const isTrue = (object: JsonMap, name: string): boolean => annotation(object, name) === "true";

/** A label selector that asks for each of the given labels. */
export function selectorText(labels: JsonMap): string {
  return Object.entries(labels)
    .map(([key, value]) => `${key}=${typeof value === "string" ? value : JSON.stringify(value)}`)
    .join(",");
}

/** `Deployment local/rlhf-audit-trail-blue`, as people name objects. */
export function title(object: JsonMap): string {
  const namespace = namespaceOf(object);
  return `${textAt(object, "kind")} ${namespace === "" ? "" : `${namespace}/`}${nameOf(object)}`;
}
