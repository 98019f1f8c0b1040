/** Property paths, `spec.containers[0].image` or `metadata.annotations["a.b/c"]`: parsing, writing, containment, resetting. */
import { Secret, type PropertyMap, type PropertyValue } from "./model.ts";
import { isPropertyMap } from "./wire.ts";

/** A number indexes a list, a string a map; `"*"` in a pattern stands for any one of either. */
export type PropertyPath = (string | number)[];

/** Parses a path. Throws an Error that shows the path and says what is wrong with it. */
export function parsePath(text: string): PropertyPath {
  const path: PropertyPath = [];
  const refuse = (reason: string): never => {
    throw new Error(`property path "${text}": ${reason}`);
  };
  if (text.startsWith(".")) refuse("expected a name or an index first");
  let rest = text;
  while (rest !== "") {
    if (rest.startsWith(".")) {
      rest = rest.slice(1);
      if (rest === "") refuse("expected a name or an index at the end");
      continue;
    }
    const quoted = /^\["((?:\\"|[^"])*)"\]/.exec(rest);
    const index = /^\[(\*|\d+)\]/.exec(rest);
    if (quoted !== null) {
      path.push((quoted[1] ?? "").replaceAll('\\"', '"'));
      rest = rest.slice(quoted[0].length);
    } else if (index !== null) {
      path.push(index[1] === "*" ? "*" : Number(index[1]));
      rest = rest.slice(index[0].length);
    } else if (rest.startsWith("[")) {
      refuse('expected [number], [*] or ["name"]');
    } else {
      const name = /^[^.[]+/.exec(rest)?.[0] ?? rest;
      path.push(name);
      rest = rest.slice(name.length);
    }
  }
  return path;
}

/** Writes a path so that `parsePath` reads it back. */
export function formatPath(path: PropertyPath): string {
  let text = "";
  for (const key of path) {
    if (typeof key === "number" || key === "*") text += `[${key}]`;
    else if (/^[A-Za-z_$#][\w$#]*$/.test(key)) text += text === "" ? key : `.${key}`;
    else text += `["${key.replaceAll('"', '\\"')}"]`;
  }
  return text;
}

/** True when `path` is `pattern` or lies below it. */
export function pathContains(pattern: PropertyPath, path: PropertyPath): boolean {
  return pattern.length <= path.length && pattern.every((key, index) => key === "*" || key === path[index]);
}

/**
 * Sets the value at `path` in `target` back to what it is in `old` (removing it where `old` has none).
 * `target` is changed in place; both are looked into through secrets.
 * Returns false where that can't be done: a list on the way that is shorter on one side, or different shapes.
 */
export function resetPath(path: PropertyPath, old: PropertyMap, target: PropertyMap): boolean {
  return reset(path, old, target, false, false);
}

function unwrap(value: PropertyValue | undefined): [PropertyValue | undefined, boolean] {
  let current = value;
  while (current instanceof Secret) current = current.value;
  return [current, value instanceof Secret];
}

function reset(
  path: PropertyPath,
  oldValue: PropertyValue | undefined,
  newValue: PropertyValue | undefined,
  oldWasSecret: boolean,
  newWasSecret: boolean,
): boolean {
  const [key, ...rest] = path;
  if (key === undefined) return false;
  const [old, oldIsSecret] = unwrap(oldValue);
  const [target, newIsSecret] = unwrap(newValue);
  const oldSecret = oldWasSecret || oldIsSecret;
  const newSecret = newWasSecret || newIsSecret;
  const keep = (value: PropertyValue): PropertyValue => (oldSecret && !newSecret ? new Secret(value) : value);

  if (key === "*") return resetAll(rest, old, target, oldSecret, newSecret, keep);
  if (typeof key === "number") {
    const oldList = Array.isArray(old) ? old : undefined;
    const newList = Array.isArray(target) ? target : undefined;
    if (oldList === undefined && newList === undefined) return true;
    if (oldList === undefined || newList === undefined) return false;
    const oldItem = oldList[key];
    const newItem = newList[key];
    if (rest.length > 0) {
      return oldItem !== undefined && newItem !== undefined && reset(rest, oldItem, newItem, oldSecret, newSecret);
    }
    if (oldItem === undefined || newItem === undefined) return oldItem === newItem;
    newList[key] = keep(oldItem);
    return true;
  }
  const oldMap = isPropertyMap(old) ? old : undefined;
  const newMap = isPropertyMap(target) ? target : undefined;
  if (oldMap === undefined && newMap === undefined) return true;
  if (rest.length > 0) {
    const oldItem = oldMap?.[key];
    const newItem = newMap?.[key];
    if (oldItem === undefined && newItem === undefined) return true;
    if (oldItem === undefined || newItem === undefined) return false;
    return reset(rest, oldItem, newItem, oldSecret, newSecret);
  }
  if (newMap === undefined) return false;
  const oldItem = oldMap?.[key];
  if (oldItem === undefined) Reflect.deleteProperty(newMap, key);
  else newMap[key] = keep(oldItem);
  return true;
}

function resetAll(
  rest: PropertyPath,
  old: PropertyValue | undefined,
  target: PropertyValue | undefined,
  oldSecret: boolean,
  newSecret: boolean,
  keep: (value: PropertyValue) => PropertyValue,
): boolean {
  if (Array.isArray(old) && Array.isArray(target)) {
    if (old.length !== target.length) return false;
    return old.every((item, index) => {
      if (rest.length > 0) return reset(rest, item, target[index], oldSecret, newSecret);
      target[index] = keep(item);
      return true;
    });
  }
  if (!isPropertyMap(old) || !isPropertyMap(target)) return !Array.isArray(old) && !Array.isArray(target);
  const keys = new Set([...Object.keys(old), ...Object.keys(target)]);
  let complete = true;
  for (const key of keys) complete = reset([key, ...rest], old, target, oldSecret, newSecret) && complete;
  return complete;
}
