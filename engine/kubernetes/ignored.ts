/** `ignoreChanges` under server-side apply: what others own must not be sent along, what is ours must not be left out. */
import { parsePath } from "../propertyPath.ts";
import { at, FIELD_MANAGER, listAt, mapAt, textAt, type Json, type JsonMap, type KubernetesObject } from "./objects.ts";

/**
 * The object to apply, with ignored fields as they should stay: left out where only others own them, else as they are on the cluster.
 * Paths into lists are left as the program has them, as in Pulumi's provider.
 */
export function withIgnoredFields(object: KubernetesObject, live: JsonMap, ignoreChanges: readonly string[]): KubernetesObject {
  const result = structuredClone(object);
  for (const text of ignoreChanges) {
    const path = parsePath(text);
    if (!path.every((key) => typeof key === "string" && key !== "*")) continue;
    const keys = path.map(String);
    const owners = listAt(live, "metadata", "managedFields").filter((entry) => owns(entry, keys));
    const ours = owners.some((entry) => textAt(entry, "manager") === FIELD_MANAGER);
    if (owners.length > 0 && !ours) setAt(result, keys, undefined);
    else {
      const value = at(live, ...keys);
      if (value !== undefined) setAt(result, keys, value);
    }
  }
  return result;
}

function owns(entry: JsonMap, keys: readonly string[]): boolean {
  return at(entry, "fieldsV1", ...keys.map((key) => `f:${key}`)) !== undefined;
}

function setAt(target: JsonMap, [key = "", ...rest]: readonly string[], value: Json | undefined): void {
  if (rest.length === 0) {
    if (value === undefined) Reflect.deleteProperty(target, key);
    else target[key] = value;
    return;
  }
  if (at(target, key) === undefined && value === undefined) return;
  const inner = { ...mapAt(target, key) };
  setAt(inner, rest, value);
  target[key] = inner;
}
