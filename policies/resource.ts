/** A declared Kubernetes object, wherever it was declared. */
import { get, has, isObj, text, type Obj } from "./value.ts";

/** One declared object as rules see it. */
export interface Resource {
  /** API group, `""` for the core group. */
  readonly group: string;
  /** API version without the group, as in `v1beta1`. */
  readonly version: string;
  /** Kind, as in `Deployment`. */
  readonly kind: string;
  /** The whole object: apiVersion, kind, metadata, spec … */
  readonly data: Obj;
  /** What names it to a person and in reports: the URN, or `Kind/namespace/name`. */
  readonly id: string;
  /** Where it was declared, when it came from a file. */
  readonly source?: SourcePlace;
}

/** A place in a file; lines count from 1. */
export interface SourcePlace {
  readonly file: string;
  readonly line: number;
}

/** The objects that are judged together: one Pulumi stack, or all files of one scan. */
export interface Stack {
  readonly resources: readonly Resource[];
}

/** `apiVersion` split into group and version: `apps/v1` → `apps`, `v1`; `v1` → `""`, `v1`. */
function splitApiVersion(apiVersion: string): { group: string; version: string } {
  const slash = apiVersion.indexOf("/");
  return slash < 0 ? { group: "", version: apiVersion } : { group: apiVersion.slice(0, slash), version: apiVersion.slice(slash + 1) };
}

/** Whether a group is Kubernetes' own (`apps`, `networking.k8s.io`), so that a plain kind means its kind. */
export function isBuiltIn(group: string): boolean {
  return !group.includes(".") || group.endsWith("k8s.io");
}

/**
 * A resource from a manifest.
 * @returns undefined when it has no `apiVersion` and `kind`, so is no Kubernetes object
 */
export function fromManifest(data: Obj, source?: SourcePlace): Resource | undefined {
  const { apiVersion, kind } = data;
  if (typeof apiVersion !== "string" || typeof kind !== "string") return undefined;
  const metadata = isObj(data.metadata) ? data.metadata : {};
  const place = [metadata.namespace, metadata.name ?? metadata.generateName].filter((part) => typeof part === "string");
  return { ...splitApiVersion(apiVersion), kind, data, id: [kind, ...place].join("/"), ...(source && { source }) };
}

/**
 * A resource from a Pulumi registration.
 * @param type type token, as in `kubernetes:apps/v1:Deployment`; another provider's becomes group `pulumi`, kind = the token
 * @param properties plain properties ({@link copyPlain})
 * @param urn the resource's URN
 */
export function fromPulumi(type: string, properties: Obj, urn: string): Resource {
  const [provider, module = "", token = ""] = type.split(":");
  if (provider !== "kubernetes" || !module.includes("/")) return { group: "pulumi", version: "", kind: type, data: properties, id: urn };
  const { group, version } = splitApiVersion(module);
  const kind = token.endsWith("Patch") && token !== "Patch" ? token.slice(0, -"Patch".length) : token;
  return { group: group === "core" ? "" : group, version, kind, data: properties, id: urn };
}

/** `metadata.name`; undefined when the provider will choose one. @throws {UnknownRead} */
export function nameOf(resource: Resource): string | undefined {
  return text(resource.data, "metadata", "name");
}

/** `metadata.namespace`, `default` when absent. @throws {UnknownRead} */
export function namespaceOf(resource: Resource): string {
  return text(resource.data, "metadata", "namespace") ?? "default";
}

/**
 * Whether a workload's own declaration says how many pods it has. Of one with a `status` nobody can tell: that is what the server has made
 * of it, as Pulumi hands over what is deployed already, and the server fills in the number.
 * @throws {UnknownRead}
 */
export function hasFixedReplicas({ data }: Resource): boolean {
  return has(data, "spec", "replicas") && !has(data, "status");
}

/** The labels with string values. @throws {UnknownRead} when one is unknown */
export function labelsOf(metadata: unknown): Record<string, string> {
  return stringMap(get(metadata, "labels"));
}

/** One annotation of an object. @throws {UnknownRead} */
export function annotation(data: unknown, key: string): string | undefined {
  return text(data, "metadata", "annotations", key);
}

/** The entries of a map whose values are strings. @throws {UnknownRead} when one is unknown */
export function stringMap(value: unknown): Record<string, string> {
  const map = get(value);
  if (!isObj(map)) return {};
  const entries = Object.keys(map).map((key) => [key, text(map, key)] as const);
  return Object.fromEntries(entries.filter((entry): entry is [string, string] => entry[1] !== undefined));
}
