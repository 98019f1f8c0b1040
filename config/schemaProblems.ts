import type { z } from "zod";
import { nearestKey } from "./nearest.ts";
import type { Problem } from "./problems.ts";
import { overlaps, type Path, type Reporter, valueAt } from "./reporter.ts";

/** What the schema has against a configuration. */
export interface SchemaProblems {
  readonly problems: readonly Problem[];
  /** Paths whose values can't be relied on by rules over several keys. */
  readonly unreliable: readonly Path[];
}

/** Puts the schema's issues into words: one problem for each key, mistyped keys with the nearest known one. */
export function schemaProblems(
  issues: readonly z.core.$ZodIssue[],
  values: unknown,
  reporter: Reporter,
): SchemaProblems {
  const unknown = issues.flatMap((issue) =>
    issue.code === "unrecognized_keys" ? issue.keys.map((name) => [...issue.path, name]) : [],
  );
  const suggestions = unknown.map((path) => {
    const free = reporter.known.map((key) => key.path).filter((known) => valueAt(values, known) === undefined);
    return (
      nearestKey(path.map(String), free) ??
      nearestKey(
        path.map(String),
        reporter.known.map((key) => key.path),
      )
    );
  });
  const meant = suggestions.filter((path) => path !== undefined);
  const invalid = new Map<string, Path>();
  for (const issue of issues) {
    const replaced = meant.some((path) => path.length === issue.path.length && overlaps(path, issue.path));
    const missing = valueAt(values, issue.path) === undefined;
    if (issue.code !== "unrecognized_keys" && !(missing && replaced)) invalid.set(reporter.key(issue.path), issue.path);
  }
  return {
    problems: [
      ...unknown.map((path, index) => unknownKey(path, suggestions[index], values, reporter)),
      ...[...invalid.values()].map((path) => invalidValue(path, valueAt(values, path), reporter)),
    ],
    unreliable: [...invalid.values(), ...meant.filter((path) => valueAt(values, path) === undefined)],
  };
}

function unknownKey(path: Path, nearest: readonly string[] | undefined, values: unknown, reporter: Reporter): Problem {
  const key = reporter.key(path);
  const siblings = reporter.known.filter(
    (known) => known.path.length === path.length && overlaps(known.path.slice(0, -1), path.slice(0, -1)),
  );
  const remove = `pulumi config rm ${path.length > 1 ? "--path " : ""}'${key}'`;
  return {
    key,
    value: reporter.show(path, valueAt(values, path)),
    rule:
      nearest === undefined
        ? `a known key; known here: ${siblings.map((known) => known.path.at(-1) ?? "").join(", ")}`
        : `a known key; the nearest is ${reporter.key(nearest)}`,
    fix:
      nearest === undefined ? `Remove it: ${remove}` : `Rename it to ${reporter.key(nearest)}, or remove it: ${remove}`,
  };
}

function invalidValue(path: Path, value: unknown, reporter: Reporter): Problem {
  const known = reporter.describe(path);
  const inList = typeof path.at(-1) === "number";
  const rule = (inList ? known?.itemRule : known?.rule) ?? "a value of the type that docs/configuration.md gives";
  const isObject = known?.type === "object";
  const needsQuotes = known?.type === "string" && (typeof value === "number" || typeof value === "boolean");
  const fix = isObject
    ? `Set its members one by one: pulumi config set --path '${reporter.key(path)}.<member>' <value>`
    : `For example: ${reporter.set(
        path.filter((member) => typeof member === "string"),
        known?.default ?? known?.example,
      )}`;
  return {
    key: reporter.key(path),
    value: reporter.show(path, value),
    rule: `${value === undefined ? "required, and " : needsQuotes ? "text, in quotes, and " : ""}${rule}`,
    fix,
  };
}

/**
 * A copy in which unknown keys are gone and unusable values are replaced by their defaults or an example, so that the
 * rules over several keys can judge the rest.
 */
export function repaired(
  values: Record<string, unknown>,
  issues: readonly z.core.$ZodIssue[],
  reporter: Reporter,
): Record<string, unknown> {
  const copy = structuredClone(values);
  for (const issue of issues) {
    const paths = issue.code === "unrecognized_keys" ? issue.keys.map((name) => [...issue.path, name]) : [issue.path];
    for (const path of paths) replaceByExample(copy, path, reporter);
  }
  return copy;
}

function replaceByExample(values: Record<string, unknown>, path: Path, reporter: Reporter): void {
  const place = path.findIndex((member) => typeof member === "number");
  const whole = place === -1 ? path : path.slice(0, place);
  const last = whole.at(-1);
  const parent = valueAt(values, whole.slice(0, -1));
  if (last === undefined || typeof parent !== "object" || parent === null) return;
  const known = reporter.describe(whole);
  if (known?.required === true) Object.assign(parent, { [last]: known.example });
  else Reflect.deleteProperty(parent, last);
}
