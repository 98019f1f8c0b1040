/** Judges everything that is read, as one stack, and tells what it finds while it reads: only what stack rules need is kept. */
import { judgeResource, judgeStack, RuleIndex, stops, type Verdict } from "./evaluate.ts";
import type { InputItem, InputProblem } from "./documents.ts";
import type { Resource } from "./resource.ts";
import type { Context, Rule } from "./rule.ts";
import type { Settings } from "./settings.ts";
import { forStackRules } from "./stack-memory.ts";

/** How much a scan found. */
export interface ScanCounts {
  /** Resources judged. */
  resources: number;
  mandatory: number;
  advisory: number;
  waived: number;
  /** Inputs that could not be read. */
  unread: number;
}

/** Who is told what a scan finds, as it finds it. */
export interface ScanListener {
  /** Verdicts on one resource, or of one stack rule on many; never an empty list. */
  readonly verdicts: (verdicts: readonly Verdict[]) => void;
  readonly problem: (problem: InputProblem) => void;
  /** Each resource before it is judged. */
  readonly resource?: (resource: Resource) => void;
}

/** Judges items as they come: resource rules at once, stack rules after the last. */
export async function scan(items: Iterable<InputItem> | AsyncIterable<InputItem>, rules: readonly Rule[], settings: Settings, context: Context, listener: ScanListener): Promise<ScanCounts> {
  const index = new RuleIndex(rules.filter((rule) => settings.rules.get(rule.id)?.level !== "disabled"));
  const kept: Resource[] = [];
  const counts: ScanCounts = { resources: 0, mandatory: 0, advisory: 0, waived: 0, unread: 0 };
  const tell = (verdicts: readonly Verdict[]): void => {
    if (verdicts.length === 0) return;
    for (const verdict of verdicts) counts[verdict.status === "waived" ? "waived" : stops(verdict) ? "mandatory" : "advisory"] += 1;
    listener.verdicts(verdicts);
  };
  const take = (item: InputItem): void => {
    if ("problem" in item) {
      counts.unread += 1;
      listener.problem(item.problem);
      return;
    }
    counts.resources += 1;
    listener.resource?.(item.resource);
    tell(judgeResource(item.resource, index, settings, context));
    if (index.stackRules.length > 0) kept.push(forStackRules(item.resource));
  };
  if (Symbol.asyncIterator in items) for await (const item of items) take(item);
  else for (const item of items) take(item);
  const stack = { resources: kept };
  // One rule at a time, so that no more than its findings are held.
  for (const rule of index.stackRules) tell(judgeStack(stack, new RuleIndex([rule]), settings, context));
  return counts;
}
