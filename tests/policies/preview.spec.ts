/** Production's preview, from the command line: what happens to it when evidence is missing, and what waivers do about that. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { deployment } from "../../policies/rules/examples.ts";
import { makeProject, planOf, runCli } from "../engine/cli.ts";
import { removeFolders } from "../engine/folders.ts";
import { EXAMPLE_DIGEST } from "../../policies/example-release.ts";
import type { Report } from "../../policies/reports/report.ts";

const day = (offset: number) => new Date(Date.now() + offset * 86_400_000).toISOString().slice(0, 10);
const production = JSON.parse(readFileSync("policies/config/production.json", "utf8")) as Record<string, unknown>;

/** A waiver of one kind of evidence for the blue slot, which is live. */
const waiver = (kind: string, change: object = {}) => ({
  rule: `evidence-${kind}`, resource: "Deployment/production/rlhf-audit-trail-blue", reason: "the renewed file is being signed", requestedBy: "a@example.org", approver: "b@example.org",
  expires: day(5), digest: EXAMPLE_DIGEST, ...change,
});

describe("production's preview", function () {
  this.timeout(120_000);
  let folder: string;
  let evidence: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "production-"));
    evidence = join(folder, "compliance");
    cpSync("compliance", evidence, { recursive: true });
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  function preview(waivers: object[]): { status: number | null; stdout: string; report: Report } {
    const config = join(folder, "config.json");
    writeFileSync(config, JSON.stringify({ ...production, waivers: { list: waivers } }));
    const file = join(folder, "report.json");
    const args = ["engine/main.mjs", "preview", "--stack", "production", "--state", join(folder, "state.json"), "--policy-pack", "policies", "--policy-pack-config", config, "--require-policy", "--report", `json=${file}`];
    const { status, stdout, stderr } = spawnSync(process.execPath, args, { encoding: "utf8", env: { ...process.env, RLHF_EVIDENCE_DIRECTORY: evidence } });
    assert.equal(stderr, "");
    return { status, stdout, report: JSON.parse(readFileSync(file, "utf8")) as Report };
  }
  const said = ({ findings }: Report) => findings.filter(({ rule }) => rule.startsWith("evidence-")).map(({ rule, level, status, message }) => ({ rule, level, status, message }));

  it("turns red for evidence that is gone or has expired, and for waivers that have expired or are for another digest: 2", () => {
    for (const file of ["eu-ai-act-checklist.yml", "security-posture.yml"]) rmSync(join(evidence, file));
    const governance = join(evidence, "data-governance.yml");
    writeFileSync(governance, readFileSync(governance, "utf8").replace(/^expires: .*$/m, "expires: 2026-11-22"));
    const { status, stdout, report } = preview([waiver("data-governance", { expires: day(-2) }), waiver("security-posture", { digest: `sha256:${"0".repeat(64)}` })]);
    assert.equal(status, 2, stdout);
    assert.match(stdout, /✗ \[mandatory critical\] evidence-eu-ai-act\n.*no evidence file of kind eu-ai-act/);
    assert.match(stdout, /✗ \[mandatory critical\] evidence-data-governance\n.*data-governance\.yml: expired on 2026-11-22 \(its waiver expired on /);
    assert.match(stdout, /✗ \[mandatory critical\] evidence-security-posture\n.*\(its waiver is for another image digest\)/);
    assert.match(stdout, /production: blocked by policy\. .*; 3 mandatory/);
    assert.deepEqual([report.verdict, said(report).map(({ level }) => level)], ["violated", ["mandatory", "mandatory", "mandatory"]]);
  });

  it("stays green under a sound waiver, which is told in the preview and in the report: 0", () => {
    rmSync(join(evidence, "eu-ai-act-checklist.yml"));
    const { status, stdout, report } = preview([waiver("eu-ai-act")]);
    assert.equal(status, 0, stdout);
    assert.match(stdout, /! \[advisory critical\] evidence-eu-ai-act\n.*\[evidence-eu-ai-act waived\] .*Waived until .* by b@example\.org for a@example\.org: the renewed file is being signed/);
    assert.deepEqual(said(report).map(({ rule, level, status }) => [rule, level, status]), [["evidence-eu-ai-act", "advisory", "waived"]]);
    assert.equal(report.verdict, "passed");
  });
});

describe("a preview with remediation", () => {
  afterEach(removeFolders);

  it("shows what policies change in a resource, as a diff, and plans it so", async () => {
    const { metadata, spec } = deployment({ securityContext: { allowPrivilegeEscalation: undefined, capabilities: undefined } });
    const config = { all: "disabled", "no-privilege-escalation": "remediate", "drop-all-capabilities": "remediate" };
    const root = makeProject(`new k8s.apps.v1.Deployment("app", ${JSON.stringify({ metadata, spec })});`, { dev: "" }, { "dev.json": JSON.stringify(config) });
    const { code, stdout } = await runCli(root, ["preview", "--stack", "dev", "--json", "plan.json", "--policy-pack", resolve("policies"), "--policy-pack-config", "dev.json"]);
    assert.equal(code, 0, stdout);
    const shown = [
      "Changed by policies:",
      "  kubernetes:apps/v1:Deployment  app  changed by no-privilege-escalation",
      "      + spec.template.spec.containers[0].securityContext.allowPrivilegeEscalation: false",
      "  kubernetes:apps/v1:Deployment  app  changed by drop-all-capabilities",
      '      + spec.template.spec.containers[0].securityContext.capabilities: {"drop":["ALL"]}',
    ].join("\n");
    assert(stdout.includes(shown), stdout);
    const plan = planOf(root);
    assert.deepEqual(plan?.policies.remediations.map(({ policy }) => policy), ["no-privilege-escalation", "drop-all-capabilities"]);
    assert.deepEqual(plan.policies.findings, []);
    assert.match(JSON.stringify(plan.steps.find(({ name }) => name === "app")?.inputs), /"allowPrivilegeEscalation":false.*"drop":\["ALL"\]/);
  });
});
