import { distance } from "fastest-levenshtein";
import { needsApproval } from "./deliveryRules.ts";
import { ConfigError, type Problem } from "./problems.ts";
import { ownValues, type RawConfig } from "./rawConfig.ts";
import { overlaps, type Path, Reporter, valueAt } from "./reporter.ts";
import type { Rule, RuleContext, Violation } from "./rule.ts";
import { rules } from "./rules.ts";
import { configSchema, type ParsedConfig } from "./schema.ts";
import { repaired, schemaProblems } from "./schemaProblems.ts";
import { deepFreeze, type StackConfig } from "./stackConfig.ts";

/**
 * Reads one stack's configuration: schema first, then the rules over several keys.
 * @throws ConfigError that tells everything that is wrong, never a secret value
 */
export function loadStackConfig(raw: RawConfig): StackConfig {
  const values = ownValues(raw);
  const parsed = configSchema.safeParse(values);
  if (parsed.success && hasNoForeignKeys(raw) && violations(parsed.data, raw.stack, rules, String).length === 0) {
    return deepFreeze(complete(raw.stack, parsed.data));
  }
  throw new ConfigError(raw.stack, diagnose(raw, values));
}

/** Fills in what follows from other keys. The rules have made sure of what the type promises beyond the schema. */
function complete(stack: string, parsed: ParsedConfig): StackConfig {
  const namespace = parsed.namespace ?? parsed.environment;
  const gates = { namespace: parsed.network.gates.namespace ?? namespace };
  const approval = { ...parsed.canary.gates.approval, required: needsApproval(parsed.environment, parsed.canary.gates.approval) };
  const canary = { ...parsed.canary, gates: { ...parsed.canary.gates, approval } };
  return { ...parsed, stack, namespace, canary, network: { ...parsed.network, gates } } as StackConfig;
}

function violations(
  config: ParsedConfig,
  stack: string,
  asked: readonly Rule[],
  reveal: RuleContext["reveal"],
): Violation[] {
  const context: RuleContext = { stack, strict: config.environment !== "local", reveal };
  return asked.flatMap(({ check }) => check(config, context));
}

function diagnose(raw: RawConfig, values: Record<string, unknown>): Problem[] {
  const reporter = new Reporter(raw);
  const parsed = configSchema.safeParse(values);
  const { problems, unreliable } = parsed.success
    ? { problems: [], unreliable: [] }
    : schemaProblems(parsed.error.issues, values, reporter);
  const judged = parsed.success ? parsed : configSchema.safeParse(repaired(values, parsed.error.issues, reporter));
  return [
    ...foreignKeys(raw, reporter),
    ...problems,
    ...(judged.success ? ruleProblems(judged.data, values, unreliable, raw.stack, reporter) : []),
  ];
}

function ruleProblems(
  config: ParsedConfig,
  values: unknown,
  unreliable: readonly Path[],
  stack: string,
  reporter: Reporter,
): Problem[] {
  const askable = rules.filter(
    ({ reads }) => !reads.some((key) => unreliable.some((path) => overlaps(key.split("."), path))),
  );
  const reveal: RuleContext["reveal"] = (text, ...keys) =>
    keys.some((key) => reporter.isSecret(key.split("."))) ? "[secret]" : String(text);
  return violations(config, stack, askable, reveal).map(({ key, rule, fix }) => {
    const path = key.split(".");
    const written = valueAt(values, path);
    const isDefault = written === undefined && valueAt(config, path) !== undefined;
    return {
      key: reporter.key(path),
      value: `${reporter.show(path, valueAt(config, path))}${isDefault ? " (the default)" : ""}`,
      rule,
      fix: typeof fix === "string" ? fix : `For example: ${reporter.set(path, fix.set)}`,
    };
  });
}

// A slip in the namespace would otherwise pass for another package's key, and never be read. Short names are too near to
// others.
function isForeign({ project }: RawConfig, key: string): boolean {
  const namespace = key.split(":", 1)[0] ?? "";
  return project.length > 8 && namespace !== project && distance(namespace, project) <= 2;
}

function hasNoForeignKeys(raw: RawConfig): boolean {
  return !Object.keys(raw.all).some((key) => isForeign(raw, key));
}

function foreignKeys(raw: RawConfig, reporter: Reporter): Problem[] {
  return Object.keys(raw.all)
    .filter((key) => isForeign(raw, key))
    .map((key) => ({
      key,
      value: raw.secretKeys.includes(key) ? "[secret]" : reporter.show([], raw.all[key]),
      rule: `a key of the namespace ${raw.project}`,
      fix: `Rename it to ${raw.project}:${key.slice(key.indexOf(":") + 1)}, or remove it: pulumi config rm '${key}'`,
    }));
}
