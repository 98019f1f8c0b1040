/** Judges Pod Security's own fixtures by this pack's profiles: `node policies/pod-security.ts DIR`, DIR = test/testdata of k8s.io/pod-security-admission. */
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { judgeResource, RuleIndex } from "./evaluate.ts";
import { readInputs } from "./inputs.ts";
import { BASELINE, RESTRICTED, type Profile } from "./profiles.ts";
import { RULES } from "./rules/index.ts";
import type { Settings } from "./settings.ts";

const VERSION = "v1.35";

/** Judges every fixture of a profile. @returns how many there were and the names of those judged wrong */
export function judgeFixtures(directory: string, profile: Profile): { judged: number; wrong: string[] } {
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

if (import.meta.main) {
  const [directory] = process.argv.slice(2);
  if (directory === undefined || !existsSync(directory)) {
    process.stderr.write("usage: node policies/pod-security.ts DIRECTORY   (test/testdata of the Go module k8s.io/pod-security-admission)\n");
    process.exitCode = 1;
  } else {
    for (const [name, profile] of [["baseline", BASELINE], ["restricted", RESTRICTED]] as const) {
      const { judged, wrong } = judgeFixtures(join(directory, name, VERSION), profile);
      process.stdout.write([`${name} ${VERSION}: ${judged - wrong.length} of ${judged} fixtures judged right`, ...wrong.map((line) => `  wrong: ${line}`), ""].join("\n"));
      if (wrong.length > 0) process.exitCode = 2;
    }
  }
}
