/** Makes CrossGuard policies of the rules. The only part, with pack.ts, that knows Pulumi. */
import type { Policies, PolicyConfigSchema, ReportViolation, ResourceValidationArgs, StackValidationArgs } from "@pulumi/policy";
import { z } from "zod";
import { judge, applies, type Verdict } from "./evaluate.ts";
import { verdictMessage } from "./messages.ts";
import { fromPulumi, type Resource } from "./resource.ts";
import type { Context, ResourceRule, Rule, StackRule } from "./rule.ts";
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

/** Makes the pack's policies. `context` is asked once for each evaluation, so that a test can set the clock. */
export function crossGuardPolicies(rules: readonly Rule[], context: () => Context): Policies {
  const shared = new SharedState();
  return [shared.waiversPolicy(), ...rules.map((rule) => (rule.scope === "resource" ? shared.resourcePolicy(rule, context) : shared.stackPolicy(rule, context)))];
}

/** What the policies of one pack share: the waivers configured, and one plain copy of each resource. */
class SharedState {
  #waivers: readonly Waiver[] = [];
  readonly #copies = new WeakMap<object, Resource>();
  readonly #parameters = new Map<string, { readonly written: string; readonly parsed: unknown }>();

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
    // The SDK skips a tagged function by type before it deserialises the resource.
    return { ...metadata(rule), validateResource: type === undefined ? validate : Object.assign(validate, { __pulumiType: type }) };
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
    // The level is the SDK's business here: it enforces what its own configuration says.
    const settings: Settings = { rules: new Map([[rule.id, { level: "mandatory", parameters: this.#parse(rule, configured) }]]), waivers: this.#waivers };
    return judge(rule, settings, context, run, resource);
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
    }
    return resource;
  }
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
