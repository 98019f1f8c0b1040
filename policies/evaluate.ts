/** Runs rules over resources and says what each finding comes to. */
import { findWaiver, type Waiver } from "./waivers.ts";
import { ask, type Context, type Finding, type Level, type Rule, type ResourceRule, type StackRule } from "./rule.ts";
import type { Settings } from "./settings.ts";
import { isBuiltIn, type Resource, type Stack } from "./resource.ts";

/** A finding after unknowns, waivers and failures have been weighed. */
export interface Verdict {
  readonly rule: Rule;
  readonly resource?: Resource;
  /** How it is enforced; waived findings and tolerated unknowns are advisory. */
  readonly level: Level;
  /** `violation`; `undecided`: hangs on an unknown value; `waived`: a waiver covers it; `error`: the rule itself failed. */
  readonly status: "violation" | "undecided" | "waived" | "error";
  readonly path: string;
  readonly message: string;
  readonly waiver?: Waiver;
}

/** True when a verdict must stop a deployment. */
export function stops(verdict: Verdict): boolean {
  return verdict.level === "mandatory";
}

/** What rules are there for which kind; built once, looked up for each resource. */
export class RuleIndex {
  readonly resourceRules: readonly ResourceRule[];
  readonly stackRules: readonly StackRule[];
  readonly #byKind = new Map<string, readonly ResourceRule[]>();

  constructor(rules: readonly Rule[]) {
    this.resourceRules = rules.filter((rule) => rule.scope === "resource");
    this.stackRules = rules.filter((rule) => rule.scope === "stack");
  }

  /** The resource rules that apply to a resource's kind. */
  for(resource: Resource): readonly ResourceRule[] {
    const key = `${resource.group}/${resource.kind}`;
    let found = this.#byKind.get(key);
    if (!found) {
      found = this.resourceRules.filter((rule) => applies(rule, resource));
      this.#byKind.set(key, found);
    }
    return found;
  }
}

/** Whether a rule is about resources of this kind. */
export function applies(rule: ResourceRule, resource: Resource): boolean {
  if (resource.group === "pulumi") return false;
  const qualified = `${resource.group}/${resource.kind}`;
  const builtIn = isBuiltIn(resource.group);
  return rule.kinds.some((kind) => kind === "*" || kind === qualified || (builtIn && kind === resource.kind));
}

/** All verdicts on one resource. */
export function judgeResource(resource: Resource, index: RuleIndex, settings: Settings, context: Context): Verdict[] {
  return index.for(resource).flatMap((rule) => judge(rule, settings, context, (parameters) => rule.check(resource, parameters, context), resource));
}

/** All verdicts on a stack as a whole. */
export function judgeStack(stack: Stack, index: RuleIndex, settings: Settings, context: Context): Verdict[] {
  return index.stackRules.flatMap((rule) => judge(rule, settings, context, (parameters) => rule.check(stack, parameters, context)));
}

/** Verdicts of one rule. A rule that throws reports itself, and the others go on. */
export function judge(rule: Rule, settings: Settings, context: Context, run: (parameters: unknown) => readonly Finding[], resource?: Resource): Verdict[] {
  const own = settings.rules.get(rule.id);
  if (!own || own.level === "disabled") return [];
  const level = own.level;
  try {
    return ask(() => run(own.parameters), resource).map((finding) => weigh(rule, level, finding, finding.resource ?? resource, settings, context));
  } catch (error) {
    const message = `the rule ${rule.id} failed and nothing can be said: ${error instanceof Error ? error.message : String(error)}`;
    return [{ rule, level: "mandatory", status: "error", path: "", message, ...(resource && { resource }) }];
  }
}

function weigh(rule: Rule, level: Level, finding: Finding, resource: Resource | undefined, settings: Settings, context: Context): Verdict {
  const { path, message } = finding;
  const base = { rule, path, ...(resource && { resource }) };
  const answer = resource ? findWaiver(rule.id, resource, settings.waivers, context.now) : { waived: false as const };
  if (answer.waived) return { ...base, status: "waived", level: "advisory", message, waiver: answer.waiver };
  const told = answer.refused === undefined ? message : `${message} (${answer.refused})`;
  if (finding.unknown) return { ...base, status: "undecided", level: rule.onUnknown === "deny" ? level : "advisory", message: told };
  return { ...base, status: "violation", level, message: told };
}
