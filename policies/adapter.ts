/** Makes CrossGuard policies of the rules. The only part, with pack.ts, that knows Pulumi. */
import { Secret, type Policies, type PolicyConfigSchema, type ReportViolation, type ResourceValidationArgs, type StackValidationArgs } from "@pulumi/policy";
import { z } from "zod";
import { judge, applies, type Verdict } from "./evaluate.ts";
import { verdictMessage } from "./messages.ts";
import { editsFor } from "./remediation/apply.ts";
import { applyEdits } from "./remediation/edits.ts";
import { REMEDIES } from "./remediation/remedies.ts";
import type { Recorder } from "./reports/recorder.ts";
import { fromPulumi, type Resource } from "./resource.ts";
import type { Context, ResourceRule, Rule, StackRule } from "./rule.ts";
import { Session } from "./session.ts";
import { parseParameters, WAIVERS_POLICY, type Settings } from "./settings.ts";
import { copyPlain, isObj } from "./value.ts";
import { waiverSchema, type Waiver } from "./waivers.ts";

/** What the SDK's report function also takes, at run time: a violation with its own level. */
interface LeveledViolation {
  readonly name: string;
  readonly message: string;
  readonly enforcementLevel: "advisory" | "mandatory";
  readonly severity: Rule["severity"];
  readonly urn?: string;
}

/**
 * Makes the pack's policies. `context` is asked once for each evaluation, so that a test can set the clock.
 * @param session what the engine tells
 * @param recorder told of everything that is judged, where reports are wanted
 */
export function crossGuardPolicies(rules: readonly Rule[], context: () => Context, session = new Session(), recorder?: Recorder): Policies {
  const shared = new SharedState(session, recorder);
  return [shared.waiversPolicy(), ...inOrderOfRemedies(rules).map((rule) => (rule.scope === "resource" ? shared.resourcePolicy(rule, context) : shared.stackPolicy(rule, context)))];
}

/** The SDK remediates in the order of its policies, and one remedy may rest on another. */
function inOrderOfRemedies(rules: readonly Rule[]): Rule[] {
  const order = Object.keys(REMEDIES);
  const place = (rule: Rule) => (order.includes(rule.id) ? order.indexOf(rule.id) : order.length);
  return rules.toSorted((a, b) => place(a) - place(b));
}

/** What the policies of one pack share: the waivers configured, and one plain copy of each resource. */
class SharedState {
  readonly #session: Session;
  readonly #recorder: Recorder | undefined;
  #waivers: readonly Waiver[] = [];
  readonly #copies = new WeakMap<object, Resource>();
  readonly #parameters = new Map<string, { readonly written: string; readonly parsed: unknown }>();

  constructor(session: Session, recorder: Recorder | undefined) {
    this.#session = session;
    this.#recorder = recorder;
  }

  /** Holds the waivers. It stands first, so that they are known before any rule is asked. */
  waiversPolicy(): Policies[number] {
    return {
      name: WAIVERS_POLICY,
      description: "Time-boxed exemptions of one resource from one rule; every waived finding is still reported.",
      enforcementLevel: "mandatory",
      severity: "high",
      configSchema: { properties: { list: jsonSchema(z.strictObject({ list: z.array(waiverSchema).default([]) })).list ?? {} } },
      validateResource: (args, report) => {
        const parsed = z.array(waiverSchema).safeParse(args.getConfig<{ list?: unknown }>().list ?? []);
        this.#waivers = parsed.success ? parsed.data : [];
        if (!parsed.success) report(`the configured waivers are not used: ${parsed.error.issues.map((issue) => `${issue.path.map(String).join(".")}: ${issue.message}`).join("; ")}`);
      },
    };
  }

  resourcePolicy(rule: ResourceRule, context: () => Context): Policies[number] {
    const validate = (args: ResourceValidationArgs, report: ReportViolation): void => {
      if (!args.type.startsWith("kubernetes:")) return;
      const resource = this.#resource(args);
      if (!applies(rule, resource)) return;
      const now = context();
      send(this.#judge(rule, args.getConfig(), now, (parameters) => rule.check(resource, parameters, now), resource), rule, report);
    };
    const type = singleType(rule);
    const remediate = (args: ResourceValidationArgs): Record<string, unknown> | undefined => this.#remediated(rule, args, context().now);
    // The SDK skips a tagged function by type before it deserialises the resource.
    const tagged = <F extends object>(policy: F): F => (type === undefined ? policy : Object.assign(policy, { __pulumiType: type }));
    return { ...metadata(rule), validateResource: tagged(validate), ...(REMEDIES[rule.id] && { remediateResource: tagged(remediate) }) };
  }

  /** The properties with what the rule's remedy changes; undefined when that is nothing. Secrets stay secret, unknown values unknown. */
  #remediated(rule: ResourceRule, args: ResourceValidationArgs, now: Date): Record<string, unknown> | undefined {
    if (!args.type.startsWith("kubernetes:")) return undefined;
    const raw = unwrapped(args.props);
    const edits = editsFor(rule, fromPulumi(args.type, copyPlain(revealed(raw) as object), args.urn), this.#session.waivers() ?? this.#waivers, now);
    if (edits.length === 0) return undefined;
    return applyEdits(raw, edits, (value, change) => (value instanceof Secret ? new Secret(change(value.value)) : change(value))) as Record<string, unknown>;
  }

  stackPolicy(rule: StackRule, context: () => Context): Policies[number] {
    return {
      ...metadata(rule),
      validateStack: (args: StackValidationArgs, report: ReportViolation): void => {
        const resources = args.resources.filter((resource) => resource.type.startsWith("kubernetes:")).map((resource) => this.#resource(resource));
        const now = context();
        send(this.#judge(rule, args.getConfig(), now, (parameters) => rule.check({ resources }, parameters, now)), rule, report);
      },
    };
  }

  #judge(rule: Rule, configured: Record<string, unknown>, context: Context, run: Parameters<typeof judge>[3], resource?: Resource): Verdict[] {
    // The level is the SDK's business: it enforces what its own configuration says. What a remedy left undone is mandatory.
    const told = this.#session.levelOf(rule);
    const level = told === "advisory" ? told : "mandatory";
    const settings: Settings = { rules: new Map([[rule.id, { level, parameters: this.#parse(rule, configured) }]]), waivers: this.#waivers };
    const verdicts = judge(rule, settings, context, run, resource);
    this.#recorder?.verdicts(rule, resource, verdicts);
    return verdicts;
  }

  #parse(rule: Rule, configured: Record<string, unknown>): unknown {
    const written = JSON.stringify(configured);
    const before = this.#parameters.get(rule.id);
    if (before?.written === written) return before.parsed;
    const parsed = parseParameters(rule, configured, "policy pack configuration");
    this.#parameters.set(rule.id, { written, parsed });
    return parsed;
  }

  #resource(args: { type: string; props: Record<string, unknown>; urn: string }): Resource {
    // Behind the SDK's proxy stands one object for each deserialisation: it tells whether a copy is still the same.
    const target: unknown = args.props.__getSpecialProxyTarget;
    const key = isObj(target) ? target : args.props;
    let resource = this.#copies.get(key);
    if (!resource) {
      resource = fromPulumi(args.type, copyPlain(key), args.urn);
      this.#copies.set(key, resource);
      this.#recorder?.resource(resource);
    }
    return resource;
  }
}

/** The object behind the SDK's proxies: one that keeps secrets, one that guards what is unknown. */
function unwrapped(props: Record<string, unknown>): Record<string, unknown> {
  const target: unknown = props.__isSpecialProxy === true ? props.__getSpecialProxyTarget : undefined;
  return isObj(target) ? unwrapped(target) : props;
}

/** A copy without secrets' wrappings, to decide by; never sent. */
function revealed(value: unknown): unknown {
  if (value instanceof Secret) return revealed(value.value);
  if (Array.isArray(value)) return value.map(revealed);
  return isObj(value) ? Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, revealed(inner)])) : value;
}

function send(verdicts: readonly Verdict[], rule: Rule, report: ReportViolation): void {
  for (const verdict of verdicts) {
    const message = verdictMessage(verdict);
    const urn = rule.scope === "stack" ? verdict.resource?.id : undefined;
    if (verdict.status === "violation" || (verdict.status === "undecided" && verdict.level === "mandatory")) {
      report(message, urn);
      continue;
    }
    const leveled: LeveledViolation = { name: rule.id, message, enforcementLevel: verdict.level, severity: rule.severity, ...(urn !== undefined && { urn }) };
    // The typed signature knows strings only; the server takes objects with a level of their own, which waived findings need.
    (report as unknown as (violation: LeveledViolation) => void)(leveled);
  }
}

function metadata(rule: Rule): { name: string; displayName: string; description: string; enforcementLevel: "advisory" | "mandatory"; severity: Rule["severity"]; remediationSteps: string; configSchema?: PolicyConfigSchema } {
  const properties = jsonSchema(rule.parameters);
  return {
    name: rule.id,
    displayName: rule.title,
    description: rule.title,
    enforcementLevel: rule.level,
    severity: rule.severity,
    remediationSteps: rule.fix,
    ...(Object.keys(properties).length > 0 && { configSchema: { properties } }),
  };
}

/** Properties of a schema in the part of JSON Schema that Pulumi reads. */
function jsonSchema(schema: z.ZodObject): PolicyConfigSchema["properties"] {
  return (z.toJSONSchema(schema, { io: "input" }).properties ?? {}) as PolicyConfigSchema["properties"];
}

/** The one Pulumi type a rule is about, when it is about one and no other version of it exists. */
function singleType(rule: ResourceRule): string | undefined {
  const [only, ...others] = rule.kinds;
  return others.length === 0 && only !== undefined ? SINGLE_TYPES[only] : undefined;
}

/** Kinds of which Kubernetes serves one version only. */
const SINGLE_TYPES: Readonly<Record<string, string>> = {
  Service: "kubernetes:core/v1:Service",
  Namespace: "kubernetes:core/v1:Namespace",
  ConfigMap: "kubernetes:core/v1:ConfigMap",
  Secret: "kubernetes:core/v1:Secret",
  ServiceAccount: "kubernetes:core/v1:ServiceAccount",
  PersistentVolumeClaim: "kubernetes:core/v1:PersistentVolumeClaim",
  "flagger.app/Canary": "kubernetes:flagger.app/v1beta1:Canary",
  "argoproj.io/Application": "kubernetes:argoproj.io/v1alpha1:Application",
  "argoproj.io/AppProject": "kubernetes:argoproj.io/v1alpha1:AppProject",
  "argoproj.io/Rollout": "kubernetes:argoproj.io/v1alpha1:Rollout",
};
