/** Judges Pod Security's own fixtures by this pack's profiles: `npm run policy -- pod-security DIR`, DIR = test/testdata of k8s.io/pod-security-admission. */
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { judgeResource, RuleIndex } from "./evaluate.ts";
import { readInputs } from "./inputs.ts";
import { BASELINE, RESTRICTED, type Profile } from "./profiles.ts";
import { RULES } from "./rules/index.ts";
import type { Settings } from "./settings.ts";

const VERSION = "v1.35";

/** Judges every fixture of a profile. @returns how many there were and the names of those judged wrong */
function judgeFixtures(directory: string, profile: Profile): { judged: number; wrong: string[] } {
  const rules = RULES.filter((rule) => rule.id in profile);
  const settings: Settings = { rules: new Map(rules.map((rule) => [rule.id, { level: "mandatory", parameters: rule.parameters.parse(profile[rule.id]) }])), waivers: [] };
  const index = new RuleIndex(rules);
  let judged = 0;
  const wrong: string[] = [];
  for (const expected of ["pass", "fail"]) {
    for (const name of readdirSync(join(directory, expected))) {
      for (const item of readInputs([join(directory, expected, name)])) {
        judged += 1;
        const found = "resource" in item ? judgeResource(item.resource, index, settings, { now: new Date() }) : [];
        if (found.length > 0 !== (expected === "fail")) wrong.push(`${expected}/${name}: ${found.map((verdict) => verdict.message).join("; ") || "nothing found"}`);
      }
    }
  }
  return { judged, wrong };
}

/** Judges the fixtures of both profiles and prints how many were judged right. @returns the exit status */
export function podSecurity(args: readonly string[]): number {
  const [directory] = args;
  if (directory === undefined || !existsSync(directory)) {
    process.stderr.write("usage: npm run policy -- pod-security DIRECTORY   (test/testdata of the Go module k8s.io/pod-security-admission)\n");
    return 1;
  }
  let status = 0;
  for (const [name, profile] of [["baseline", BASELINE], ["restricted", RESTRICTED]] as const) {
    const { judged, wrong } = judgeFixtures(join(directory, name, VERSION), profile);
    process.stdout.write([`${name} ${VERSION}: ${judged - wrong.length} of ${judged} fixtures judged right`, ...wrong.map((line) => `  wrong: ${line}`), ""].join("\n"));
    if (wrong.length > 0) status = 2;
  }
  return status;
}
