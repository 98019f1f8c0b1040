/** Reading untyped data in which some values may not be known yet. */

/** Stands in plain data where Pulumi can't know the value before deployment. */
export class Unknown {
  readonly path: string;
  /** @param path where the value stands, as in `spec.template.spec.containers[0].image` */
  constructor(path: string) {
    this.path = path;
  }
}

/** Thrown when a rule reads an unknown value: the question can't be decided before deployment. */
export class UnknownRead extends Error {
  readonly path: string;
  constructor(path: string) {
    super(`${path} is not known before deployment`);
    this.path = path;
  }
}

/** A plain JSON-like object. */
export type Obj = Readonly<Record<string, unknown>>;

/** The strings that @pulumi/policy puts where a boolean, number, string, array, asset, archive or object is unknown. */
const SENTINELS: ReadonlySet<string> = new Set([
  "1c4a061d-8072-4f0a-a4cb-0ff528b18fe7",
  "3eeb2bf0-c639-47a8-9e75-3b44932eb421",
  "04da6b54-80e4-46f7-96ec-b56ff0331ba9",
  "6a19a0b0-7e62-4c92-b797-7f8e31da9cc2",
  "030794c1-ac77-496b-92df-f27374a8bd58",
  "e48ece36-62e2-4504-bad9-02848725956a",
  "dd056dcd-154b-4c76-9bd3-c8f88648b5ff",
]);

/** Appends a key to a path: `a` + `b` = `a.b`, `a` + 0 = `a[0]`, `a` + `x.y/z` = `a["x.y/z"]`. */
export function join(path: string, key: string | number): string {
  if (typeof key === "number") return `${path}[${key}]`;
  if (!/^[\w-]+$/.test(key)) return `${path}[${JSON.stringify(key)}]`;
  return path === "" ? key : `${path}.${key}`;
}

/** A path and dotted keys below it: `a[0]` + `b.c` = `a[0].b.c`. */
export function within(path: string, keys: string): string {
  return path === "" ? keys : `${path}.${keys}`;
}

/**
 * Copies resource properties to plain data in which unknown values are {@link Unknown} markers.
 * Works on the SDK's unknown-checking proxy, which throws on a plain read: a property descriptor gives the raw value.
 */
export function copyPlain(source: object): Obj {
  return copyObject(source, "");
}

function copyObject(source: object, path: string): Record<string, unknown> {
  // fromEntries defines properties; assigning one named __proto__ would set the prototype, and hide what stands there from every rule.
  return Object.fromEntries(Object.keys(source).map((key) => [key, copyValue(Object.getOwnPropertyDescriptor(source, key)?.value, path, key)]));
}

function copyValue(value: unknown, path: string, key: string | number): unknown {
  if (typeof value === "string") return SENTINELS.has(value) ? new Unknown(join(path, key)) : value;
  if (typeof value !== "object" || value === null) return value;
  const here = join(path, key);
  if (!Array.isArray(value)) return copyObject(value, here);
  return Array.from({ length: value.length }, (_, i) => copyValue(Object.getOwnPropertyDescriptor(value, i)?.value, here, i));
}

/** True for an object that is neither an array nor an unknown. */
export function isObj(value: unknown): value is Obj {
  return typeof value === "object" && value !== null && !Array.isArray(value) && !(value instanceof Unknown);
}

/**
 * The value at a path of keys, or undefined where the path ends early (null counts as absent).
 * @throws {UnknownRead} when an unknown stands on the way or at the end
 */
export function get(value: unknown, ...keys: readonly (string | number)[]): unknown {
  let here: unknown = value;
  for (const key of keys) {
    if (here instanceof Unknown) throw new UnknownRead(here.path);
    if (typeof here !== "object" || here === null) return undefined;
    here = (here as Record<string | number, unknown>)[key];
  }
  if (here instanceof Unknown) throw new UnknownRead(here.path);
  return here ?? undefined;
}

/** The array at a path; empty when absent or not an array. @throws {UnknownRead} */
export function list(value: unknown, ...keys: readonly (string | number)[]): readonly unknown[] {
  const found = get(value, ...keys);
  return Array.isArray(found) ? (found as unknown[]) : [];
}

/** The object at a path; empty when absent or not an object. @throws {UnknownRead} */
export function object(value: unknown, ...keys: readonly (string | number)[]): Obj {
  const found = get(value, ...keys);
  return isObj(found) ? found : {};
}

/** The string at a path; undefined when absent or of another type. @throws {UnknownRead} */
export function text(value: unknown, ...keys: readonly (string | number)[]): string | undefined {
  const found = get(value, ...keys);
  return typeof found === "string" ? found : undefined;
}

/** The number at a path; undefined when absent or of another type. @throws {UnknownRead} */
export function num(value: unknown, ...keys: readonly (string | number)[]): number | undefined {
  const found = get(value, ...keys);
  return typeof found === "number" ? found : undefined;
}

/** The strings of the array at a path. @throws {UnknownRead} also when one element is unknown */
export function texts(value: unknown, ...keys: readonly (string | number)[]): string[] {
  const found = list(value, ...keys);
  return found.map((_, i) => text(found, i)).filter((item) => item !== undefined);
}

/** True when something stands at the path. @throws {UnknownRead} */
export function has(value: unknown, ...keys: readonly (string | number)[]): boolean {
  return get(value, ...keys) !== undefined;
}

/** What a reading gives, or undefined when it meets an unknown. For questions where unknown and absent mean the same. */
export function known<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    if (error instanceof UnknownRead) return undefined;
    throw error;
  }
}
