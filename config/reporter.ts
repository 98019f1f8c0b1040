import { describeKeys, keyText, type KeyDescription } from "./keys.ts";
import { setCommand, showValue } from "./problems.ts";
import type { RawConfig } from "./rawConfig.ts";

/** Place of a value in the configuration: members from the top, and places in lists. */
export type Path = readonly PropertyKey[];

/** Whether one path lies at or above the other, either way round. */
export function overlaps(a: Path, b: Path): boolean {
  return a.slice(0, b.length).every((member, index) => member === b[index]);
}

/** The value at a path, or undefined where there is none. */
export function valueAt(values: unknown, path: Path): unknown {
  return path.reduce<unknown>(
    (value, member) =>
      typeof value === "object" && value !== null && Object.hasOwn(value, member)
        ? (value as Record<PropertyKey, unknown>)[member]
        : undefined,
    values,
  );
}

/** Puts keys, values and fixes into words without secrets. It costs the JSON schema, so only failures make one. */
export class Reporter {
  readonly known: readonly KeyDescription[] = describeKeys();
  private readonly project: string;
  private readonly secrets: ReadonlySet<string>;

  constructor({ project, secretKeys }: RawConfig) {
    this.project = project;
    this.secrets = new Set(secretKeys);
  }

  key(path: Path): string {
    return keyText(this.project, path);
  }

  /** A secret anywhere inside a top-level key makes the whole of it one: Pulumi does not say which member it was. */
  isSecret(path: Path): boolean {
    return this.secrets.has(`${this.project}:${String(path[0])}`);
  }

  /** The value in words, or `[secret]`. */
  show(path: Path, value: unknown): string {
    return value !== undefined && this.isSecret(path) ? "[secret]" : showValue(value);
  }

  /** What is known of a key; of the list, for a place in one. */
  describe(path: Path): KeyDescription | undefined {
    const members = path.filter((member) => typeof member === "string");
    return this.known.find(
      (key) => key.path.length === members.length && key.path.every((member, index) => member === members[index]),
    );
  }

  /** The command that sets a key to a value that would do. */
  set(path: Path, value: unknown): string {
    return setCommand(this.key(path), path.length > 1, this.isSecret(path), value);
  }
}
