/** Label selectors. */
import { stringMap } from "../resource.ts";
import { get, list, text, texts } from "../value.ts";

/**
 * Whether a LabelSelector (matchLabels and matchExpressions) selects a label set. An empty selector selects all.
 * @throws {UnknownRead} when part of the selector is unknown
 */
export function selects(selector: unknown, labels: Readonly<Record<string, string>>): boolean {
  const equal = Object.entries(stringMap(get(selector, "matchLabels"))).every(([key, value]) => labels[key] === value);
  const expressions = list(selector, "matchExpressions");
  return equal && expressions.every((_, index) => holds(get(expressions, index), labels));
}

function holds(expression: unknown, labels: Readonly<Record<string, string>>): boolean {
  const value = labels[text(expression, "key") ?? ""];
  const values = texts(expression, "values");
  switch (text(expression, "operator")) {
    case "In": return value !== undefined && values.includes(value);
    // As in Kubernetes, an absent key satisfies NotIn.
    case "NotIn": return value === undefined || !values.includes(value);
    case "Exists": return value !== undefined;
    case "DoesNotExist": return value === undefined;
    default: return false;
  }
}

/** Whether a plain map of labels (a Service's selector) selects a label set. An empty one selects nothing. @throws {UnknownRead} */
export function mapSelects(selector: unknown, labels: Readonly<Record<string, string>>): boolean {
  const entries = Object.entries(stringMap(selector));
  return entries.length > 0 && entries.every(([key, value]) => labels[key] === value);
}

/** Whether a LabelSelector is there and empty, so selects everything. @throws {UnknownRead} */
export function selectsAll(selector: unknown): boolean {
  return Object.keys(stringMap(get(selector, "matchLabels"))).length === 0 && list(selector, "matchExpressions").length === 0;
}
