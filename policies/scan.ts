/** Judges everything read from files, as one stack. */
import { judgeResource, judgeStack, RuleIndex, type Verdict } from "./evaluate.ts";
import { readInputs, type InputProblem } from "./inputs.ts";
import type { Resource } from "./resource.ts";
import type { Context, Rule } from "./rule.ts";
import type { Settings } from "./settings.ts";

/** What a scan found. */
export interface ScanResult {
  /** Resources judged. */
  readonly resources: number;
  readonly verdicts: readonly Verdict[];
  readonly problems: readonly InputProblem[];
}

/** Reads and judges. Resources are kept for the stack rules only when one of those is enforced. */
export function scan(paths: readonly string[], rules: readonly Rule[], settings: Settings, context: Context): ScanResult {
  const index = new RuleIndex(rules.filter((rule) => settings.rules.get(rule.id)?.level !== "disabled"));
  const kept: Resource[] = [];
  const verdicts: Verdict[] = [];
  const problems: InputProblem[] = [];
  let resources = 0;
  for (const item of readInputs(paths)) {
    if ("problem" in item) {
      problems.push(item.problem);
      continue;
    }
    resources += 1;
    verdicts.push(...judgeResource(item.resource, index, settings, context));
    if (index.stackRules.length > 0) kept.push(item.resource);
  }
  if (index.stackRules.length > 0) verdicts.push(...judgeStack({ resources: kept }, index, settings, context));
  return { resources, verdicts, problems };
}
