/** Names of Kubernetes objects: given, taken over from the recorded object, or generated. */
import { createHash } from "node:crypto";
import { Secret, Unknown, type PropertyMap, type PropertyValue, type Urn } from "./model.ts";
import { isPropertyMap } from "./wire.ts";

/** Marks an object whose name was generated. */
const AUTONAMED = "pulumi.com/autonamed";
const MANAGED_BY = "app.kubernetes.io/managed-by";

/** What a name is generated from. */
export interface NameSource {
  urn: Urn;
  name: string;
  /** The same seed gives the same name. */
  seed: string;
}

/** An object's metadata with its name filled in, from the recorded metadata or by generating one. */
export function assignName(metadata: PropertyMap, recorded: PropertyValue | undefined, source: NameSource): PropertyMap {
  const old = isPropertyMap(recorded) ? recorded : undefined;
  let result = metadata;
  if (old !== undefined && mapOf(old["labels"])[MANAGED_BY] === "pulumi") {
    result = { ...result, labels: { ...mapOf(result["labels"]), [MANAGED_BY]: "pulumi" } };
  }
  if (hasName(result) || hasText(result["generateName"])) return result;
  const annotations = { ...mapOf(result["annotations"]), [AUTONAMED]: "true" };
  if (old !== undefined && isAutonamed(old) && typeof old["name"] === "string") return { ...result, name: old["name"], annotations };
  if (old !== undefined) return result;
  const suffix = createHash("sha256").update(source.seed).update(source.urn).digest("hex").slice(0, 8);
  return { ...result, name: `${source.name}-${suffix}`, annotations };
}

/** True when an object has a name, known or not. */
export function isNamed(inputs: PropertyMap): boolean {
  const metadata = inputs["metadata"];
  return isPropertyMap(metadata) && hasName(metadata);
}

/** True when the name in an object's metadata was generated. */
export function isAutonamed(metadata: PropertyValue | undefined): boolean {
  return isPropertyMap(metadata) && mapOf(metadata["annotations"])[AUTONAMED] === "true";
}

/** An object's name; undefined when it has none or it is not known. */
export function nameOf(object: PropertyMap): string | undefined {
  const metadata = object["metadata"];
  const name = isPropertyMap(metadata) ? plain(metadata["name"]) : undefined;
  return typeof name === "string" ? name : undefined;
}

/** An object's namespace; empty when it has none or it is not known. */
export function namespaceOf(object: PropertyMap): string {
  const metadata = object["metadata"];
  const namespace = isPropertyMap(metadata) ? plain(metadata["namespace"]) : undefined;
  if (namespace instanceof Unknown) return UNKNOWN_NAMESPACE;
  return typeof namespace === "string" ? namespace : "";
}

/** No namespace can have this name. */
const UNKNOWN_NAMESPACE = "?";

function plain(value: PropertyValue | undefined): PropertyValue | undefined {
  return value instanceof Secret ? plain(value.value) : value;
}

function hasName(metadata: PropertyMap): boolean {
  return hasText(metadata["name"]);
}

function hasText(value: PropertyValue | undefined): boolean {
  const text = plain(value);
  return text instanceof Unknown || (typeof text === "string" && text !== "");
}

function mapOf(value: PropertyValue | undefined): PropertyMap {
  return isPropertyMap(value) ? value : {};
}
