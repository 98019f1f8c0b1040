/** Reports to check formats by. */
import assert from "node:assert/strict";
import { exampleResources, exampleSets, verdictsOf } from "../../policies/example-findings.ts";
import { judgeResource, RuleIndex } from "../../policies/evaluate.ts";
import { readEvidence } from "../../policies/evidence-files.ts";
import { makeReport, reportFinding, type Report } from "../../policies/reports/report.ts";
import { fromManifest } from "../../policies/resource.ts";
import { deployment } from "../../policies/rules/examples.ts";
import { RULES } from "../../policies/rules/index.ts";
import { defaultSettings } from "../../policies/settings.ts";

/** The day on which the samples are made. */
export const NOW = new Date("2026-11-23T12:00:00Z");

/** A report with a mandatory, an advisory and a waived finding, an unread input, and text that would break markup. */
export function sample(): Report {
  const waiver = { rule: "no-privileged-containers", resource: "Deployment/shop/app", reason: 'driver <b>"x"</b> & co', requestedBy: "a", approver: "b", expires: "2026-12-01", digest: `sha256:${"4e".repeat(32)}` };
  const resource = fromManifest(deployment({ name: 'app<script>"', securityContext: { privileged: true, runAsNonRoot: false } }), { file: "a b.yaml", line: 3 });
  assert(resource);
  const settings = { ...defaultSettings(RULES), waivers: [waiver] };
  const verdicts = judgeResource(resource, new RuleIndex(RULES), settings, { now: NOW });
  const evidence = readEvidence("compliance") ?? [];
  return makeReport({ tool: { version: "1.0.0" }, run: { kind: "scan" }, settings, now: NOW, rules: RULES, resources: 1, findings: verdicts.map(reportFinding), problems: [{ file: "broken.yaml", line: 7, message: "broken & bad" }], evidence });
}

/** A preview's report with what every rule says of its failing examples. */
export function everything(): Report {
  const findings = RULES.flatMap((rule) => exampleSets(rule).flatMap((examples) => examples.fail.flatMap((example) => verdictsOf(rule, examples, exampleResources(example), { now: NOW }))));
  const run = { kind: "preview", organization: "acme", project: "shop", stack: "production" } as const;
  return makeReport({ tool: { version: "1.0.0", digest: `sha256:${"0".repeat(64)}` }, run, settings: defaultSettings(RULES), now: NOW, rules: RULES, resources: findings.length, findings: findings.map(reportFinding) });
}

/** A report without a single resource, rule or finding. */
export function nothing(): Report {
  return makeReport({ tool: { version: "1.0.0" }, run: { kind: "update" }, settings: { rules: new Map(), waivers: [] }, now: NOW, rules: [], resources: 0, findings: [] });
}
