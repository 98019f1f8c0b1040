/** The pack's configuration: enforcement and parameters of each rule, and the waivers. */
import { z } from "zod";
import type { Level, Rule } from "./rule.ts";
import { waiverSchema, type Waiver } from "./waivers.ts";

/** Name of the policy whose configuration holds the waivers. */
export const WAIVERS_POLICY = "waivers";

/** What is enforced: one entry a rule. */
export interface Settings {
  readonly rules: ReadonlyMap<string, RuleSettings>;
  readonly waivers: readonly Waiver[];
}

/** Enforcement and parsed parameters of one rule. */
export interface RuleSettings {
  readonly level: Level | "disabled";
  readonly parameters: unknown;
}

/** One thing that is wrong with a configuration. */
export interface SettingsProblem {
  /** Keys that lead to it, as in `["image-registry-allowed", "allowed"]`. */
  readonly path: readonly string[];
  readonly message: string;
}

/** A configuration that can't be used; `problems` lists everything wrong with it. */
export class SettingsError extends Error {
  readonly problems: readonly SettingsProblem[];
  constructor(place: string, problems: readonly SettingsProblem[]) {
    super(`${place}: ${problems.map(({ path, message }) => `${path.join(".")}: ${message}`).join("; ")}`);
    this.problems = problems;
  }
}

const LEVELS = ["advisory", "mandatory", "remediate", "disabled"] as const;
const entrySchema = z.union([z.enum(LEVELS), z.looseObject({ enforcementLevel: z.enum(LEVELS).optional() })]);

/** Default parameters of a rule. */
function defaultParameters(rule: Rule): unknown {
  return rule.parameters.parse({});
}

/** Parameters of one rule as configured, defaults filled in. @throws {SettingsError} */
export function parseParameters(rule: Rule, configured: Readonly<Record<string, unknown>>, place: string): unknown {
  const parsed = rule.parameters.safeParse(configured);
  if (parsed.success) return parsed.data;
  throw new SettingsError(place, describe([rule.id], parsed.error));
}

function describe(base: readonly string[], error: z.ZodError): SettingsProblem[] {
  return error.issues.flatMap((issue) => {
    const path = [...base, ...issue.path.map(String)];
    if (issue.code !== "unrecognized_keys") return [{ path, message: issue.message }];
    return issue.keys.map((key) => ({ path: [...path, key], message: "no such parameter" }));
  });
}

/** Settings without any configuration. */
export function defaultSettings(rules: readonly Rule[]): Settings {
  return { rules: new Map(rules.map((rule) => [rule.id, { level: rule.level, parameters: defaultParameters(rule) }])), waivers: [] };
}

/**
 * Settings from a configuration in the shape of `--policy-pack-config`:
 * `{"all": level, "<policy>": level | {enforcementLevel, …parameters}, "waivers": {"list": […]}}`.
 * @param place what names the configuration in errors
 * @throws {SettingsError} with every problem at once
 */
export function parseSettings(rules: readonly Rule[], configuration: unknown, place: string): Settings {
  const whole = z.record(z.string(), entrySchema).safeParse(configuration);
  if (!whole.success) throw new SettingsError(place, describe([], whole.error));
  const problems: SettingsProblem[] = [];
  const names = new Set(rules.map((rule) => rule.id));
  for (const name of Object.keys(whole.data)) {
    if (!names.has(name) && name !== "all" && name !== WAIVERS_POLICY) problems.push({ path: [name], message: `no such policy${nearest(name, [...names])}` });
  }
  const all = split(whole.data.all).level;
  const settings = new Map<string, RuleSettings>();
  for (const rule of rules) {
    const { level, parameters } = split(whole.data[rule.id]);
    const parsed = rule.parameters.safeParse(parameters);
    if (!parsed.success) problems.push(...describe([rule.id], parsed.error));
    else settings.set(rule.id, { level: asLevel(level ?? all ?? rule.level), parameters: parsed.data });
  }
  const waivers = z.array(waiverSchema).safeParse(split(whole.data[WAIVERS_POLICY]).parameters.list ?? []);
  if (!waivers.success) problems.push(...describe([WAIVERS_POLICY, "list"], waivers.error));
  if (problems.length > 0) throw new SettingsError(place, problems);
  return { rules: settings, waivers: waivers.data ?? [] };
}

/** A rule that would be remediated counts as mandatory once it is judged. */
function asLevel(level: (typeof LEVELS)[number]): RuleSettings["level"] {
  return level === "remediate" ? "mandatory" : level;
}

function split(entry: z.output<typeof entrySchema> | undefined): { level?: (typeof LEVELS)[number]; parameters: Record<string, unknown> } {
  if (entry === undefined) return { parameters: {} };
  if (typeof entry === "string") return { level: entry, parameters: {} };
  const { enforcementLevel, ...parameters } = entry;
  return { ...(enforcementLevel && { level: enforcementLevel }), parameters };
}

function nearest(name: string, names: readonly string[]): string {
  const words = new Set(name.split("-"));
  const scored = names.map((other) => ({ other, shared: other.split("-").filter((word) => words.has(word)).length }));
  const best = scored.reduce((a, b) => (b.shared > a.shared ? b : a), { other: "", shared: 0 });
  return best.shared > 0 ? `; did you mean ${best.other}?` : "";
}
