/** Changes to plain data, told as paths and values, so that whoever applies them decides how data is held. */

/** One value to be set. */
export interface Edit {
  /** Where, in the notation of findings: `spec.containers[0].securityContext.runAsNonRoot`. Absent objects on the way are made. */
  readonly path: string;
  readonly value: unknown;
}

/** Lets a change go through what holds a value, as a secret does. */
export type Through = (value: unknown, change: (inner: unknown) => unknown) => unknown;

/**
 * The data with edits made; what no edit names is the same object as before.
 * @param through opens what holds values; plain data holds none
 * @throws when an edit leads through something that is neither object, list nor absent
 */
export function applyEdits(data: unknown, edits: readonly Edit[], through: Through = (value, change) => change(value)): unknown {
  return edits.reduce((whole, { path, value }) => set(whole, keysOf(path), value, through), data);
}

function set(here: unknown, keys: readonly (string | number)[], value: unknown, through: Through): unknown {
  const [key, ...rest] = keys;
  if (key === undefined) return value;
  return through(here, (inner) => {
    if (typeof key === "number") {
      if (!Array.isArray(inner)) throw new Error(`there is no list that has an item ${key}`);
      return inner.map((item: unknown, index) => (index === key ? set(item, rest, value, through) : item));
    }
    if (inner !== undefined && inner !== null && (typeof inner !== "object" || Array.isArray(inner))) throw new Error(`there is no object that could have ${key}`);
    const before = (inner ?? {}) as Readonly<Record<string, unknown>>;
    return Object.fromEntries([...Object.entries(before).filter(([name]) => name !== key), [key, set(Object.hasOwn(before, key) ? before[key] : undefined, rest, value, through)]]);
  });
}

/** The keys of a path: `a["x.y/z"][0]` → `a`, `x.y/z`, 0. */
export function keysOf(path: string): (string | number)[] {
  return [...path.matchAll(/\[(\d+)\]|\[("(?:[^"\\]|\\.)*")\]|([^.[\]]+)/g)].map(([, index, quoted, plain]) => {
    if (index !== undefined) return Number(index);
    return quoted === undefined ? (plain ?? "") : (JSON.parse(quoted) as string);
  });
}
