/**
 * A policy pack's configuration file, as `--policy-pack-config` takes it, and how it settles each policy's level and parameters:
 * the pack's own defaults, then its initial configuration, then the file; in each of the last two "all" before single policies.
 */
import { type Schema, Validator } from "@cfworker/json-schema";
import { UserError, suggestion } from "./errors.ts";
import { type EnforcementLevel } from "./model.ts";

/** JSON as a policy's parameters are. */
export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

/** What one entry of the file asks for. */
export interface PolicySetting {
  level?: EnforcementLevel;
  properties: { [key: string]: Json };
}
export type PolicySettings = Map<string, PolicySetting>;

/** What a pack tells about one of its policies, as far as configuration goes. */
export interface ConfigurablePolicy {
  name: string;
  level: EnforcementLevel;
  /** JSON schema of each parameter. */
  properties: { [key: string]: Json };
  required: string[];
}

const levels: readonly string[] = ["advisory", "mandatory", "remediate", "disabled"];

/**
 * Reads the text of a configuration file: policy name or "all" → level, or an object with `enforcementLevel` and parameters.
 * @throws UserError for anything else
 */
export function parsePolicyConfig(text: string, path: string): PolicySettings {
  const settings: PolicySettings = new Map();
  if (text.trim() === "") return settings;
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch (cause) {
    throw new UserError(
      `${path} is not valid JSON: ${cause instanceof Error ? cause.message : String(cause)}.`,
      undefined,
      { cause },
    );
  }
  if (typeof parsed !== "object" || parsed === null || Array.isArray(parsed)) {
    throw new UserError(`${path} must be a JSON object of policy names.`);
  }
  for (const [name, entry] of Object.entries(parsed as { [key: string]: Json })) {
    // Editors like a schema named; it is no policy.
    if (name === "$schema") continue;
    if (name === "environments") {
      throw new UserError(
        `${path} imports ESC environments, which the embedded engine cannot open.`,
        'Remove "environments", or use --engine pulumi.',
      );
    }
    settings.set(name, readSetting(name, entry, path));
  }
  return settings;
}

function readSetting(name: string, entry: Json, path: string): PolicySetting {
  if (typeof entry === "string") return { level: readLevel(name, entry, path), properties: {} };
  if (typeof entry !== "object" || entry === null || Array.isArray(entry)) {
    throw new UserError(
      `${path}: ${name} is ${JSON.stringify(entry)}; it must be a level or an object with enforcementLevel and parameters.`,
    );
  }
  const { enforcementLevel, ...properties } = entry;
  return { level: enforcementLevel === undefined ? undefined : readLevel(name, enforcementLevel, path), properties };
}

function readLevel(name: string, level: Json, path: string): EnforcementLevel {
  if (typeof level === "string" && levels.includes(level)) return level as EnforcementLevel;
  throw new UserError(
    `${path}: the level of ${name} is ${JSON.stringify(level)}; it must be advisory, mandatory, remediate or disabled.`,
  );
}

/**
 * The level and parameters that hold for each policy of a pack.
 * @param given the file's settings, with the name of the file for messages
 * @throws UserError for a name that is no policy of the pack, or parameters that its schema does not admit (all of them at once)
 */
export function settlePolicies(
  pack: string,
  policies: readonly ConfigurablePolicy[],
  initial: PolicySettings,
  given?: { settings: PolicySettings; path: string },
): Map<string, Required<PolicySetting>> {
  const names = policies.map(({ name }) => name);
  for (const name of given?.settings.keys() ?? []) {
    if (name === "all" || names.includes(name)) continue;
    throw new UserError(
      `${given?.path ?? ""} sets "${name}", which is no policy of ${pack}.`,
      suggestion(name, names, "policies"),
    );
  }
  const settled = new Map(
    policies.map((policy) => [policy.name, { level: policy.level, properties: defaultsOf(policy) }]),
  );
  applySettings(settled, initial);
  if (given !== undefined) applySettings(settled, given.settings);
  const problems = policies.flatMap((policy) => problemsOf(policy, settled.get(policy.name)?.properties ?? {}));
  if (problems.length > 0) {
    throw new UserError(
      `The configuration of policy pack ${pack} is not valid:\n${problems.map((problem) => `  - ${problem}`).join("\n")}`,
      given === undefined ? undefined : `Mend ${given.path}.`,
    );
  }
  return settled;
}

function defaultsOf(policy: ConfigurablePolicy): { [key: string]: Json } {
  const defaults: { [key: string]: Json } = {};
  for (const [key, schema] of Object.entries(policy.properties)) {
    if (typeof schema === "object" && schema !== null && !Array.isArray(schema) && schema["default"] !== undefined)
      defaults[key] = schema["default"];
  }
  return defaults;
}

function applySettings(settled: Map<string, Required<PolicySetting>>, settings: PolicySettings): void {
  const all = settings.get("all")?.level;
  if (all !== undefined) for (const setting of settled.values()) setting.level = all;
  for (const [name, { level, properties }] of settings) {
    const setting = settled.get(name);
    if (setting === undefined) continue; // "all", or an initial setting for a policy that the pack no longer has
    if (level !== undefined) setting.level = level;
    Object.assign(setting.properties, properties);
  }
}

function problemsOf(policy: ConfigurablePolicy, properties: { [key: string]: Json }): string[] {
  if (Object.keys(policy.properties).length === 0 && policy.required.length === 0) return [];
  const schema = { type: "object", properties: policy.properties, required: policy.required } as Schema;
  const { errors } = new Validator(schema, "7", false).validate(properties);
  // The validator reports a failure again at every level above it; the innermost says what is wrong.
  return errors
    .filter(({ keyword }) => keyword !== "properties" && keyword !== "items")
    .map(({ instanceLocation, error }) => `${policy.name}${instanceLocation.slice(1).replaceAll("/", ".")}: ${error}`);
}
