/** Reports that the bundled pack writes in Pulumi's own runner. */
import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { createRequire } from "node:module";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import type { Report } from "../../policies/reports/report.ts";
import { parseTarget, ReportError, writeReport } from "../../policies/reports/targets.ts";
import { deployment, manifest } from "../../policies/rules/examples.ts";
import { PackProcess } from "./packProcess.ts";

const type = "kubernetes:apps/v1:Deployment";

describe("reports of the pack", () => {
  let folder: string;
  let pack: PackProcess | undefined;
  before(() => void execFileSync(process.execPath, ["policies/build.mjs"]));
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "reports-"));
  });
  afterEach(async () => {
    await pack?.stop();
    pack = undefined;
    rmSync(folder, { recursive: true });
  });
  const read = (name: string) => JSON.parse(readFileSync(join(folder, name), "utf8")) as Report;

  it("are there, whole, when the answer about the stack is: with the levels and waivers in force", async () => {
    pack = await PackProcess.start({ POLICY_REPORTS: `json=${folder}/{stack}.json; sarif=${folder}/a.sarif`, PULUMI_STACK: "dev" });
    const day = new Date(Date.now() + 5 * 86_400_000).toISOString().slice(0, 10);
    const waiver = { rule: "no-privileged-containers", resource: "Deployment/shop/app", reason: "legacy driver, ticket 12", requestedBy: "a@example.org", approver: "b@example.org", expires: day, digest: `sha256:${"4e".repeat(32)}` };
    await pack.configure({ "run-as-non-root": { enforcementLevel: "advisory" }, waivers: { enforcementLevel: "mandatory", list: [waiver] }, "cpu-limit": { enforcementLevel: "disabled" } });
    const bad = { type, name: "bad", properties: deployment({ securityContext: { privileged: true, runAsNonRoot: false } }) };
    await pack.analyze(bad);
    await pack.analyzeStack([bad, { type: "kubernetes:networking.k8s.io/v1:NetworkPolicy", name: "deny", properties: manifest("networking.k8s.io/v1", "NetworkPolicy", { spec: { podSelector: {}, policyTypes: ["Ingress", "Egress"] } }) }]);
    const report = read("dev.json");
    const of = (rule: string) => report.findings.filter((finding) => finding.rule === rule).map(({ level, status }) => [level, status]);
    assert.deepEqual(of("no-privileged-containers"), [["advisory", "waived"]]);
    assert.deepEqual(of("run-as-non-root"), [["advisory", "violation"]]);
    assert.deepEqual([report.complete, report.resources, report.disabled], [true, 2, ["cpu-limit"]]);
    assert.match(report.images[0]!.image, /^registry\.example\.com\/app@sha256:/);
    assert.match(report.tool.digest!, /^sha256:[0-9a-f]{64}$/);
    assert.equal(report.evidence.length, 3);
    assert.deepEqual(readdirSync(folder).sort(), ["a.sarif", "dev.json"]);
  });

  it("are refused at once where they can't be written, with the file and the reason", () => {
    const runner = createRequire(import.meta.url).resolve("@pulumi/pulumi/cmd/run-policy-pack/index.js");
    const start = (reports: string) => {
      const { status, stderr } = spawnSync(process.execPath, [runner, "127.0.0.1:1", resolve("policies")], { cwd: resolve("policies"), env: { ...process.env, POLICY_REPORTS: reports }, encoding: "utf8" });
      return [status, stderr];
    };
    for (const [reports, words] of [["json=/nowhere/at/all.json", /\/nowhere\/at\/all\.json can't be written: \/nowhere\/at is not there/], [`json=${folder}`, /is a directory/], ["json=r.json", /must be an absolute path/], ["pdf=/tmp/a", /"pdf=\/tmp\/a" names no report/]] as const) {
      const [status, stderr] = start(reports);
      assert.equal(status, 1);
      assert.match(String(stderr), words);
    }
  });

  it("leave no draft behind when they can't be written after all", () => {
    assert.throws(() => writeReport(parseTarget(`json=${folder}/gone/a.json`), {} as Report), ReportError);
    writeReport(parseTarget(`json=${folder}/a.json`), { problems: [] } as unknown as Report);
    assert.deepEqual(readdirSync(folder), ["a.json"]);
  });
});
