/** Comparing property values: equality, structural differences with paths, and what `ignoreChanges` does to inputs. */
import {
  AssetValue,
  OutputValue,
  ResourceReference,
  Secret,
  Unknown,
  type PropertyChange,
  type PropertyMap,
  type PropertyValue,
} from "./model.ts";
import { formatPath, parsePath, pathContains, resetPath, type PropertyPath } from "./propertyPath.ts";
import { isPropertyMap } from "./wire.ts";

/** A copy in which no list or map is shared with the original. */
function cloneValue(value: PropertyValue): PropertyValue {
  if (value instanceof Secret) return new Secret(cloneValue(value.value));
  if (Array.isArray(value)) return value.map(cloneValue);
  return isPropertyMap(value) ? cloneMap(value) : value;
}

/** `cloneValue` of a property map. */
export function cloneMap(map: PropertyMap): PropertyMap {
  return Object.fromEntries(Object.entries(map).map(([key, value]) => [key, cloneValue(value)]));
}

/** True when a value is, or holds, an unknown. */
export function hasUnknown(value: PropertyValue): boolean {
  if (value instanceof Unknown) return true;
  if (value instanceof Secret) return hasUnknown(value.value);
  if (value instanceof OutputValue) return !value.known || hasUnknown(value.value);
  if (value instanceof ResourceReference) return value.id instanceof Unknown;
  if (Array.isArray(value)) return value.some(hasUnknown);
  return isPropertyMap(value) && Object.values(value).some(hasUnknown);
}

/** The value with all secrets unwrapped. */
function revealSecrets(value: PropertyValue): PropertyValue {
  if (value instanceof Secret) return revealSecrets(value.value);
  if (Array.isArray(value)) return value.map(revealSecrets);
  return isPropertyMap(value) ? revealMap(value) : value;
}

/** `revealSecrets` of a property map. */
export function revealMap(map: PropertyMap): PropertyMap {
  return Object.fromEntries(Object.entries(map).map(([key, value]) => [key, revealSecrets(value)]));
}

/** Deep equality. Unknowns equal only unknowns; an asset equals one with the same hash, or else the same content. */
export function valuesEqual(left: PropertyValue | undefined, right: PropertyValue | undefined): boolean {
  if (left === right) return true;
  if (left === undefined || right === undefined || left === null || right === null) return false;
  if (left instanceof Unknown) return right instanceof Unknown;
  if (left instanceof Secret) return right instanceof Secret && valuesEqual(left.value, right.value);
  if (left instanceof AssetValue) return right instanceof AssetValue && assetsEqual(left, right);
  if (left instanceof ResourceReference) {
    if (!(right instanceof ResourceReference) || left.urn !== right.urn) return false;
    return left.id === right.id || (left.id instanceof Unknown && right.id instanceof Unknown);
  }
  if (Array.isArray(left)) {
    return Array.isArray(right) && left.length === right.length && left.every((item, at) => valuesEqual(item, right[at]));
  }
  if (!isPropertyMap(left) || !isPropertyMap(right)) return false;
  const keys = Object.keys(left);
  const other = right;
  return (
    keys.length === Object.keys(other).length &&
    keys.every((key) => Object.hasOwn(other, key) && valuesEqual(left[key], other[key]))
  );
}

function assetsEqual(left: AssetValue, right: AssetValue): boolean {
  const { hash } = left.wire;
  if (typeof hash === "string" && hash !== "" && typeof right.wire["hash"] === "string") return hash === right.wire["hash"];
  return JSON.stringify(left.wire) === JSON.stringify(right.wire);
}

/**
 * The differences between two property maps, in the order of their keys, the deepest differing paths.
 * Lists are compared by position. `replaces` is false on all. A change below a secret keeps `Secret` around its values.
 */
export function diffMaps(before: PropertyMap, after: PropertyMap): PropertyChange[] {
  const changes: PropertyChange[] = [];
  collect([], before, after, false, changes);
  return changes;
}

/** Differences at the top level only: one change for each differing key. */
export function diffTopLevel(before: PropertyMap, after: PropertyMap): PropertyChange[] {
  const changes: PropertyChange[] = [];
  for (const key of new Set([...Object.keys(before), ...Object.keys(after)])) {
    const old = before[key];
    const now = after[key];
    if (!valuesEqual(old, now)) changes.push(makeChange([key], old, now, false));
  }
  return changes;
}

function makeChange(path: PropertyPath, before: PropertyValue | undefined, after: PropertyValue | undefined, secret: boolean): PropertyChange {
  const wrap = (value: PropertyValue): PropertyValue => (secret && !(value instanceof Secret) ? new Secret(value) : value);
  return {
    path: formatPath(path),
    kind: before === undefined ? "add" : after === undefined ? "delete" : "update",
    replaces: false,
    ...(before === undefined ? {} : { before: wrap(before) }),
    ...(after === undefined ? {} : { after: wrap(after) }),
  };
}

function collect(
  path: PropertyPath,
  before: PropertyValue | undefined,
  after: PropertyValue | undefined,
  secret: boolean,
  changes: PropertyChange[],
): void {
  if (valuesEqual(before, after)) return;
  if (before instanceof Secret && after instanceof Secret) {
    collect(path, before.value, after.value, true, changes);
    return;
  }
  if (Array.isArray(before) && Array.isArray(after)) {
    for (let at = 0; at < Math.max(before.length, after.length); at++) collect([...path, at], before[at], after[at], secret, changes);
    return;
  }
  if (isPropertyMap(before) && isPropertyMap(after)) {
    for (const key of new Set([...Object.keys(before), ...Object.keys(after)])) {
      collect([...path, key], before[key], after[key], secret, changes);
    }
    return;
  }
  changes.push(makeChange(path, before, after, secret));
}

/** What `applyIgnoreChanges` made of the inputs, and the paths it could not honour. */
export interface IgnoredInputs {
  inputs: PropertyMap;
  invalidPaths: string[];
}

/** Inputs with every ignored path set back to its old value. The given maps stay as they are. */
export function applyIgnoreChanges(inputs: PropertyMap, oldInputs: PropertyMap, ignoreChanges: string[]): IgnoredInputs {
  if (ignoreChanges.length === 0) return { inputs, invalidPaths: [] };
  const target = cloneMap(inputs);
  const old = cloneMap(oldInputs);
  const invalidPaths = ignoreChanges.filter((text) => !resetPath(parsePath(text), old, target));
  return { inputs: target, invalidPaths };
}

/** The changes with those marked as replacing that `replaceOnChanges` names (or names an ancestor of). */
export function applyReplaceOnChanges(changes: PropertyChange[], replaceOnChanges: string[]): PropertyChange[] {
  if (replaceOnChanges.length === 0) return changes;
  const patterns = replaceOnChanges.map(parsePath);
  return changes.map((change) => {
    const path = parsePath(change.path);
    return change.replaces || !patterns.some((pattern) => pathContains(pattern, path)) ? change : { ...change, replaces: true };
  });
}
