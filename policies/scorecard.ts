/**
 * `npm run scorecard -- CASES [--all] [--defaults]`: judges labelled cases and prints precision and recall per check and per source, with every disagreement.
 * A verdict of a case is about one rule of its source: it is compared with the policies that ask the same, with that rule's parameters.
 * With --defaults it is compared with all policies of its checks as they are without configuration.
 * CASES holds one JSON object a line: {id, source, rule, checks[], expect: allow|deny, scope, pulumiType, resource, context?, params?, flags?}.
 */
import { createReadStream, existsSync } from "node:fs";
import { createInterface } from "node:readline";
import checks from "./checks.json" with { type: "json" };
import type { Case } from "./scorecard-case.ts";
import { questionOf, type Question } from "./scorecard-questions.ts";
import { explain } from "./scorecard-notes.ts";
import { judgeResource, judgeStack, RuleIndex } from "./evaluate.ts";
import { fromManifest, fromPulumi, type Resource } from "./resource.ts";
import { RULES } from "./rules/index.ts";
import type { RuleSettings, Settings } from "./settings.ts";

/** Counts of right and wrong answers; a positive is a denial. */
interface Score {
  truePositive: number;
  falsePositive: number;
  falseNegative: number;
  trueNegative: number;
}

/** Every policy of the case's checks, under its defaults. */
const byCheck: Question = { parameters: {} };

const TABLE: Readonly<Record<string, readonly string[]>> = checks;

/** The policies that decide a case: those of its source's rule, or all of its checks. */
function policiesOf(found: Case, question: Question): readonly string[] {
  return question.policies ?? [...new Set(found.checks.flatMap((check) => TABLE[check] ?? []))];
}

/** Whether the pack denies a case. What the source exempts would stand in this pack's waivers, so isn't denied. */
function denies(found: Case, question: Question): { denied: boolean; messages: string[] } {
  const wanted = policiesOf(found, question);
  const rules = RULES.filter((rule) => wanted.includes(rule.id));
  const settings: Settings = { rules: new Map(rules.map((rule): [string, RuleSettings] => [rule.id, { level: "mandatory", parameters: rule.parameters.parse(question.parameters[rule.id] ?? {}) }])), waivers: [] };
  const index = new RuleIndex(rules);
  const subject = fromPulumi(found.pulumiType, found.resource, "subject");
  const others = (found.context ?? []).map((data) => fromManifest(data)).filter((resource): resource is Resource => resource !== undefined);
  const context = { now: new Date() };
  const verdicts = [...judgeResource(subject, index, settings, context), ...judgeStack({ resources: [subject, ...others] }, index, settings, context)].filter((verdict) => verdict.resource === subject);
  return { denied: verdicts.length > 0 && question.exempt === undefined, messages: verdicts.map((verdict) => `${verdict.rule.id}: ${verdict.path} ${verdict.message}`) };
}

function ratio(part: number, whole: number): string {
  return whole === 0 ? "   –  " : (part / whole).toFixed(4);
}

function line(name: string, { truePositive: tp, falsePositive: fp, falseNegative: fn, trueNegative: tn }: Score): string {
  return `${name.padEnd(20)} recall ${ratio(tp, tp + fn)}  precision ${ratio(tp, tp + fp)}  denied right ${tp}, missed ${fn}, denied wrong ${fp}, allowed right ${tn}`;
}

function add(scores: Map<string, Score>, name: string, expected: boolean, denied: boolean): void {
  const score = scores.get(name) ?? { truePositive: 0, falsePositive: 0, falseNegative: 0, trueNegative: 0 };
  scores.set(name, score);
  if (expected) score[denied ? "truePositive" : "falseNegative"] += 1;
  else score[denied ? "falsePositive" : "trueNegative"] += 1;
}

/** Why a case can't come out right without its source's parameters; undefined when it has none. */
function withoutParameters(found: Case): string | undefined {
  return Object.keys(questionOf(found).parameters).length > 0 ? "parameter: the source's rule is given values here, this pack none" : undefined;
}

/** Judges the cases of a file and prints the scores. @returns the exit status */
export async function scorecard(args: readonly string[]): Promise<number> {
  const file = args.find((arg) => !arg.startsWith("--"));
  if (file === undefined || !existsSync(file)) {
    process.stderr.write("usage: npm run scorecard -- CASES [--all] [--defaults]   (--all: also the cases whose label is marked doubtful; --defaults: without the sources' parameters)\n");
    return 1;
  }
  const defaults = args.includes("--defaults");
  const scoresByCheck = new Map<string, Score>();
  const bySource = new Map<string, Score>();
  const whole = new Map<string, Score>();
  const wrong: string[] = [];
  let [doubtful, undecidable, explained] = [0, 0, 0];
  for await (const text of createInterface({ input: createReadStream(file) })) {
    if (text.trim() === "") continue;
    const found = JSON.parse(text) as Case;
    if (!args.includes("--all") && found.flags?.includes("list-inferred")) {
      doubtful += 1;
      continue;
    }
    if (policiesOf(found, byCheck).length === 0) {
      undecidable += 1;
      continue;
    }
    const question = defaults ? byCheck : questionOf(found);
    const { denied, messages } = denies(found, question);
    const expected = found.expect === "deny";
    for (const check of found.checks) add(scoresByCheck, check, expected, denied);
    add(bySource, found.source, expected, denied);
    add(whole, "all cases", expected, denied);
    const note = denied === expected ? undefined : (explain(found) ?? (defaults ? withoutParameters(found) : undefined));
    if (note === undefined) add(whole, "without explained", expected, denied);
    if (denied === expected) continue;
    if (note !== undefined) explained += 1;
    wrong.push(`${expected ? "missed      " : "denied wrong"} ${found.checks.join(",")} ${found.rule}  ${found.id}\n             ${messages.join("; ") || "nothing found"}\n             ${note ?? "not explained"}`);
  }
  const sorted = (scores: Map<string, Score>) => [...scores].sort(([a], [b]) => a.localeCompare(b)).map(([name, score]) => line(name, score));
  const parts = [...sorted(scoresByCheck), "", ...sorted(bySource), "", ...sorted(whole), "", ...wrong, "", `${doubtful} cases with doubtful labels left out, ${undecidable} of checks that no declared resource decides; ${wrong.length} disagreements, ${explained} explained`];
  process.stdout.write(`${parts.join("\n")}\n`);
  return 0;
}

if (import.meta.main) process.exitCode = await scorecard(process.argv.slice(2));
