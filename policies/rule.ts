/** What a rule is. Rules are pure functions over plain data: no I/O, no clock, no Pulumi. */
import { z } from "zod";
import type { EvidenceFile } from "./evidence.ts";
import type { Resource, Stack } from "./resource.ts";
import { UnknownRead } from "./value.ts";

/** How bad it is when the rule is broken. */
export type Severity = "low" | "medium" | "high" | "critical";

/** `mandatory` stops a deployment, `advisory` tells. */
export type Level = "advisory" | "mandatory";

/** One way in which a resource breaks a rule. */
export interface Finding {
  /** Where, as in `spec.template.spec.containers[0].image`. */
  readonly path: string;
  /** What is wrong, for a person; never a secret value. */
  readonly message: string;
  /** True when the value at `path` is not known yet, so that the rule could not decide. */
  readonly unknown?: true;
  /** The resource meant, when a stack rule judges many. */
  readonly resource?: Resource;
}

/** What rules may know beyond the resource. */
export interface Context {
  /** The moment of judgement. */
  readonly now: Date;
  /** The evidence files found; undefined when no evidence directory was given. */
  readonly evidence?: readonly EvidenceFile[];
}

/** Manifests that show the rule; each is judged alone, a list together as one stack. */
export interface Examples {
  /** Parameters under which they show it; the defaults when absent. */
  readonly parameters?: Readonly<Record<string, unknown>>;
  readonly pass: readonly Example[];
  readonly fail: readonly Example[];
  /** The same under other parameters; the first set alone stands on the rule's page. */
  readonly more?: readonly Examples[];
}
/** One manifest, or several that belong together. */
export type Example = Readonly<Record<string, unknown>> | readonly Readonly<Record<string, unknown>>[];

interface Meta {
  /** Policy name: kebab-case, stable for ever. */
  readonly id: string;
  /** One sentence that says what must hold. */
  readonly title: string;
  readonly severity: Severity;
  /** Enforcement when no configuration says otherwise. Default: mandatory for high and critical, else advisory. */
  readonly level: Level;
  /** What an unknown value means: `deny` is a violation, `warn` an advisory note. */
  readonly onUnknown: "deny" | "warn";
  /** What goes wrong otherwise. */
  readonly why: string;
  /** What to write instead. */
  readonly fix: string;
  /** Parameters with their defaults: an empty object must be valid. */
  readonly parameters: z.ZodObject;
  readonly examples: Examples;
}

/** A rule over one resource: what must block a deployment, since stack rules run after `up`. */
export interface ResourceRule extends Meta {
  readonly scope: "resource";
  /** `Kind`, or `group/Kind` where the kind's name is ambiguous; `*` for every Kubernetes object. */
  readonly kinds: readonly string[];
  readonly check: (resource: Resource, parameters: unknown, context: Context) => readonly Finding[];
}

/** A rule over all resources of a stack together. */
export interface StackRule extends Meta {
  readonly scope: "stack";
  readonly check: (stack: Stack, parameters: unknown, context: Context) => readonly Finding[];
}

export type Rule = ResourceRule | StackRule;

type Optional = "level" | "onUnknown" | "parameters";
type Written<S extends z.ZodObject, Subject> = Omit<Meta, Optional> &
  Partial<Pick<Meta, "level" | "onUnknown">> & {
    readonly parameters?: S;
    readonly check: (subject: Subject, parameters: z.output<S>, context: Context) => readonly Finding[];
  };

function defaults<S extends z.ZodObject>(rule: Written<S, never>): Omit<Meta, "examples"> {
  const level = rule.level ?? (rule.severity === "high" || rule.severity === "critical" ? "mandatory" : "advisory");
  const { id, title, severity, why, fix } = rule;
  return { id, title, severity, why, fix, level, onUnknown: rule.onUnknown ?? (level === "mandatory" ? "deny" : "warn"), parameters: rule.parameters ?? z.strictObject({}) };
}

/** Makes a resource rule. Level follows severity and onUnknown follows level unless given. */
export function resourceRule<S extends z.ZodObject>(rule: Written<S, Resource> & { readonly kinds: readonly string[] }): ResourceRule {
  return {
    ...defaults<S>(rule),
    examples: rule.examples,
    scope: "resource",
    kinds: rule.kinds,
    // The settings have parsed the parameters with this rule's own schema.
    check: (resource, parameters, context) => rule.check(resource, parameters as z.output<S>, context),
  };
}

/** Makes a stack rule. Each finding names its resource. */
export function stackRule<S extends z.ZodObject>(rule: Written<S, Stack>): StackRule {
  return {
    ...defaults<S>(rule),
    examples: rule.examples,
    scope: "stack",
    check: (stack, parameters, context) => rule.check(stack, parameters as z.output<S>, context),
  };
}

/** What a check of one item may say. */
export type Said = Finding | readonly Finding[] | undefined;

/** Findings of one question; an unknown read becomes an undecided finding instead of ending the rule. */
export function ask(question: () => Said, resource?: Resource): Finding[] {
  try {
    const said = question();
    if (said === undefined) return [];
    const findings = Array.isArray(said) ? (said as Finding[]) : [said as Finding];
    return resource ? findings.map((finding) => ({ resource, ...finding })) : findings;
  } catch (error) {
    if (!(error instanceof UnknownRead)) throw error;
    return [{ path: error.path, message: `${error.path} is not known before deployment, so this can't be decided`, unknown: true, ...(resource && { resource }) }];
  }
}

/** {@link ask} over each item: an unknown in one item doesn't hide what is wrong with the others. */
export function each<T>(items: readonly T[], check: (item: T) => Said): Finding[] {
  return items.flatMap((item) => ask(() => check(item)));
}

/** {@link ask} over each resource of a stack, naming it in the findings. */
export function eachResource(resources: readonly Resource[], check: (resource: Resource) => Said): Finding[] {
  return resources.flatMap((resource) => ask(() => check(resource), resource));
}
