/** Values and changes as lines of text. */
import { type PropertyChange } from "./model.ts";
import { type Plain, plainValue } from "./plain.ts";
import { type Meaning, type Style } from "./style.ts";

/** Longest value on one line, in characters, unless everything is asked for. */
const shortLength = 60;

const marks: { readonly [kind in PropertyChange["kind"]]: { sign: string; meaning: Meaning } } = {
  add: { sign: "+", meaning: "create" },
  delete: { sign: "-", meaning: "delete" },
  update: { sign: "~", meaning: "update" },
};

/** A value on one line; long ones are cut when `short`. */
function oneLine(value: Plain, short: boolean): string {
  const text = JSON.stringify(value);
  return short && text.length > shortLength ? `${text.slice(0, shortLength - 1)}…` : text;
}

/**
 * One changed property: `~ spec.replicas: 2 => 3`.
 * @param full show values whole; the added or removed ones over several lines
 */
export function changeLines(change: PropertyChange, style: Style, full: boolean): string[] {
  const { sign, meaning } = marks[change.kind];
  const suffix = change.replaces ? style("replace", " (forces replacement)") : "";
  const path = change.path === "" ? "(the whole)" : change.path;
  if (change.kind === "update") {
    const before = oneLine(plainValue(change.before ?? null), !full);
    const after = oneLine(plainValue(change.after ?? null), !full);
    return [`${style(meaning, sign)} ${path}: ${before} => ${after}${suffix}`];
  }
  const value = plainValue((change.kind === "add" ? change.after : change.before) ?? null);
  if (!full || isScalar(value)) return [`${style(meaning, sign)} ${path}: ${oneLine(value, !full)}${suffix}`];
  return [
    `${style(meaning, sign)} ${path}:${suffix}`,
    ...valueLines(value).map((line) => `    ${style(meaning, line)}`),
  ];
}

/** A value over several lines, in the manner of YAML. */
export function valueLines(value: Plain): string[] {
  if (isScalar(value)) return [JSON.stringify(value)];
  if (Array.isArray(value)) {
    return value.flatMap((item) => {
      const [first = "", ...rest] = valueLines(item);
      return [`- ${first}`, ...rest.map((line) => `  ${line}`)];
    });
  }
  return Object.entries(value as { [key: string]: Plain }).flatMap(([key, item]) => {
    if (isScalar(item)) return [`${key}: ${JSON.stringify(item)}`];
    return [`${key}:`, ...valueLines(item).map((line) => `  ${line}`)];
  });
}

/** True for what fits on the line of its key: no list or map with anything in it. */
function isScalar(value: Plain): boolean {
  return typeof value !== "object" || value === null || Object.keys(value).length === 0;
}
