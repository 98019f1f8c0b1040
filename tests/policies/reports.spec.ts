/** Reports: the same findings in every format, nothing lost, nothing injected. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { CONTROLS, controlsOf, FRAMEWORKS } from "../../policies/controls.ts";
import { readEvidence } from "../../policies/evidence-files.ts";
import { FORMATS } from "../../policies/reports/index.ts";
import { makeReport, type Report } from "../../policies/reports/report.ts";
import { RULES } from "../../policies/rules/index.ts";
import { defaultSettings, parseSettings } from "../../policies/settings.ts";
import { NOW, sample } from "./sampleReports.ts";

describe("reports", () => {
  const report = sample();
  const written = (format: string) => FORMATS[format]!(report);
  const parsed = (format: string) => JSON.parse(written(format)) as Record<string, unknown>;

  it("has the findings that the others are checked against", () => {
    const kinds = new Set(report.findings.map((finding) => (finding.status === "waived" ? "waived" : finding.level)));
    assert.deepEqual([...kinds].sort(), ["advisory", "mandatory", "waived"]);
  });

  it("SARIF: one result a finding, each with its rule; waived ones suppressed", () => {
    const { runs } = parsed("sarif") as { runs: [{ results: { ruleId: string; ruleIndex: number; level: string; suppressions?: unknown[]; locations: { physicalLocation: { artifactLocation: { uri: string }; region: { startLine: number } } }[] }[]; tool: { driver: { rules: { id: string }[] } }; invocations: { executionSuccessful: boolean }[] }] };
    const [run] = runs;
    assert.equal(run.results.length, report.findings.length);
    for (const result of run.results) assert.equal(run.tool.driver.rules[result.ruleIndex]?.id, result.ruleId);
    assert.equal(run.results.filter((result) => result.suppressions).length, 1);
    assert.equal(run.results.filter((result) => result.level === "error").length, report.findings.filter((finding) => finding.level === "mandatory").length);
    assert.deepEqual(run.results[0]!.locations[0]!.physicalLocation, { artifactLocation: { uri: "a%20b.yaml" }, region: { startLine: 3 } });
    assert.equal(run.invocations[0]!.executionSuccessful, false);
  });

  it("JUnit: well formed, its counts are true", () => {
    const xml = written("junit");
    const count = (pattern: RegExp) => [...xml.matchAll(pattern)].length;
    const [, tests, failures, errors] = /tests="(\d+)" failures="(\d+)" errors="(\d+)"/.exec(xml)!;
    assert.equal(count(/<testcase /g), Number(tests) + Number(errors));
    assert.equal(count(/<failure /g), Number(failures));
    assert.equal(count(/<skipped>waived until /g), 1);
    assert.equal(Number(errors), 1);
    assert.doesNotMatch(xml, /<script>|<b>/);
    assert.doesNotMatch(xml.replace(/&(amp|lt|gt|quot);/g, ""), /&/);
  });

  it("OpenReports: the summary adds up", () => {
    const { summary, results } = parsed("openreports") as { summary: Record<string, number>; results: { result: string }[] };
    for (const outcome of ["pass", "fail", "warn", "skip"]) assert.equal(results.filter(({ result }) => result === outcome).length, summary[outcome]);
    assert.equal(summary.skip, 1);
  });

  it("OSCAL: a control is satisfied when no mandatory rule of it is broken; references lead somewhere", () => {
    const results = (parsed("oscal")["assessment-results"] as { results: [{ observations: { uuid: string; title: string }[]; findings: { target: { "target-id": string; status: { state: string } }; "related-observations": { "observation-uuid": string }[] }[] }] }).results[0];
    const uuids = new Set(results.observations.map(({ uuid }) => uuid));
    assert.equal(uuids.size, RULES.length);
    for (const finding of results.findings) for (const related of finding["related-observations"]) assert(uuids.has(related["observation-uuid"]));
    const state = (id: string) => results.findings.find(({ target }) => target["target-id"] === id)?.target.status.state;
    assert.equal(state("cis-5.2"), "not-satisfied");
    assert.equal(state("cis-5.1"), "satisfied");
    const component = parsed("oscal-component")["component-definition"] as { components: [{ "control-implementations": { "implemented-requirements": unknown[] }[] }] };
    assert.equal(component.components[0]["control-implementations"].flatMap((one) => one["implemented-requirements"]).length, CONTROLS.length);
  });

  it("HTML: self-contained, without script, everything escaped, closed to anything else by its own policy", () => {
    const page = written("html");
    assert.doesNotMatch(page, /<script|src=|href=|@import|url\(|<b>"|<b>&quot;/);
    assert.match(page, /container &quot;app&lt;script&gt;/);
    assert.match(page, /Waivers in use[\s\S]*driver &lt;b&gt;/);
    assert.match(page, /broken\.yaml:7/);
    const [, hash, style] = /style-src &#39;sha256-([^&]+)&#39;[\s\S]*<style>([\s\S]*)<\/style>/.exec(page)!;
    assert.equal(createHash("sha256").update(style!).digest("base64"), hash);
  });

  it("HTML: says first how it ended, and never that it passed where something could not be judged", () => {
    const findings = report.findings.filter(({ level }) => level === "advisory");
    const page = (changes: Partial<Report>) => FORMATS.html!({ ...report, ...changes });
    assert.match(page({}), /class="verdict violated"[^]*<strong>Stopped<\/strong><span>1 finding of 1 mandatory policy/);
    assert.match(page({ findings, verdict: "incomplete" }), /<strong>Incomplete<\/strong>[^]*This is not a pass/);
    assert.match(page({ findings, verdict: "passed", problems: [], complete: true }), /<strong>Passed<\/strong>/);
  });

  it("HTML: a control without any policy in force is not judged, instead of clear", () => {
    const rules = report.rules.filter(({ id }) => !id.startsWith("evidence-"));
    assert.match(FORMATS.html!({ ...report, rules }), /Article 9: risk management system<\/td><td data-label="State"><span class="off">not judged/);
    assert.doesNotMatch(FORMATS.html!(report), /not judged/);
  });

  it("is the same for the same findings", () => {
    for (const format of Object.keys(FORMATS)) assert.equal(FORMATS[format]!(sample()), written(format));
  });
});

describe("a report", () => {
  const settings = defaultSettings(RULES);
  const made = (changes: object = {}) => makeReport({ tool: { version: "1.0.0" }, run: { kind: "preview" }, settings, now: NOW, rules: RULES, resources: 1, findings: [], ...changes });

  it("passes only when everything could be judged", () => {
    assert.equal(made().verdict, "passed");
    assert.equal(made({ complete: false }).verdict, "incomplete");
    assert.equal(made({ problems: [{ file: "a", message: "b" }] }).verdict, "incomplete");
    assert.equal(made({ complete: false, findings: sample().findings }).verdict, "violated");
  });

  it("has a digest of the settings in force: another level, parameter or waiver is another one, another spelling is not", () => {
    const digest = (configuration: object) => made({ settings: parseSettings(RULES, configuration, "test") }).configuration.digest;
    const plain = digest({});
    assert.equal(plain, made().configuration.digest);
    assert.equal(digest({ "no-privileged-containers": "mandatory" }), plain);
    assert.notEqual(digest({ "no-privileged-containers": "advisory" }), plain);
    assert.notEqual(digest({ "high-user-id": { min: 5000 } }), plain);
    assert.notEqual(digest({ waivers: { list: [{ rule: "high-user-id", resource: "Pod/a", reason: "needed for the test", requestedBy: "a", approver: "b", expires: "2026-12-01" }] } }), plain);
  });

  it("lists what is switched off, and evidence with its state on the day", () => {
    const off = made({ settings: parseSettings(RULES, { all: "disabled" }, "test") });
    assert.deepEqual([off.rules.length, off.disabled.length], [0, RULES.length]);
    const [file] = readEvidence("compliance")!;
    const real = { ...file!, evidence: { ...file!.evidence!, example: undefined } };
    const states = (now: string) => made({ evidence: [file, real, { file: "x.yml", problems: ["no"], references: {} }], now: new Date(now) }).evidence.map(({ state }) => state);
    assert.deepEqual(states("2026-11-23T00:00:00Z"), ["current", "current", "unusable"]);
    assert.deepEqual(states("2027-05-02T23:00:00Z"), ["current", "current", "unusable"]);
    assert.deepEqual(states("2027-05-03T00:00:00Z"), ["current", "expired", "unusable"]);
  });
});

describe("control catalogue", () => {
  it("names only rules that exist, and every rule answers for a control", () => {
    const names = new Set(RULES.map((rule) => rule.id));
    for (const control of CONTROLS) {
      assert(control.framework in FRAMEWORKS, control.id);
      assert(control.rules.length > 0, control.id);
      for (const rule of control.rules) assert(names.has(rule), `${control.id}: ${rule}`);
    }
    for (const rule of RULES) assert(controlsOf(rule.id).length > 0, rule.id);
    assert.equal(new Set(CONTROLS.map((control) => control.id)).size, CONTROLS.length);
  });
});
