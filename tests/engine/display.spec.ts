import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { resultLines } from "../../engine/display.ts";
import { treeLines } from "../../engine/displayTree.ts";
import { findingLines, packLines } from "../../engine/displayPolicies.ts";
import { valueLines } from "../../engine/displayValues.ts";
import { type Finding, type PropertyChange, type Step } from "../../engine/model.ts";
import { summarize } from "../../engine/plan.ts";
import { Progress } from "../../engine/progress.ts";
import { makeStyle, wantsColours } from "../../engine/style.ts";
import { childUrn, result, stackUrn, step, target, webUrn } from "./samples.ts";

const plain = makeStyle(false);
const lines = (diff: boolean): string =>
  resultLines("preview", target, result, { style: plain, diff, debug: false }).join("\n");
/** The first complete pack of the sample. */
const pack = result.packs[0]!;

describe("display", () => {
  it("shows tree, outputs, diagnostics, policies and summary", () => {
    assert.equal(lines(false), readFileSync(new URL("golden/display.txt", import.meta.url), "utf8"));
  });

  it("with --diff shows all properties of what is created, and whole values", () => {
    const text = lines(true);
    for (const part of ["metadata:", 'name: "web"', "labels: {}", "- port: 80", '  name: "tls"', 'token: "[secret]"'])
      assert(text.includes(part), `${part} is missing in\n${text}`);
  });

  it("never shows a secret, nor ephemeral and debug messages unless asked", () => {
    for (const diff of [false, true]) assert.doesNotMatch(lines(diff), /hunter2|gone in a moment|inside/);
    assert.match(
      resultLines("preview", target, result, { style: plain, diff: false, debug: true }).join("\n"),
      /debug: inside/,
    );
  });

  it("leaves out what stays the same, unless something below it changes", () => {
    const text = treeLines(
      [step("same", stackUrn), step("same", webUrn), step("same", childUrn("core/v1:Service", "a"))],
      plain,
      false,
    ).join("\n");
    assert.equal(text, "");
  });

  it("neither shows nor counts default providers, but shows a declared one", () => {
    const provider = (name: string): string => `urn:pulumi:dev::shop::pulumi:providers:kubernetes::${name}`;
    const steps = ["default", "default_4_34_2", "defaults-of-mine"].map((name) => step("create", provider(name)));
    assert.deepEqual(
      treeLines(steps, plain, false).map((line) => /\S+\s+create$/.exec(line)?.[0]),
      ["defaults-of-mine  create"],
    );
    assert.equal(summarize(steps).create, 1);
  });

  it("cuts a long list of changes, and says how to see all", () => {
    const changes = Array.from(
      { length: 12 },
      (_, index): PropertyChange => ({ path: `p${index}`, kind: "add", replaces: false, after: "x".repeat(100) }),
    );
    const update = step("update", stackUrn, { changes });
    const short = treeLines([update], plain, false);
    assert.equal(short.length, 10);
    assert.match(short.at(-1) ?? "", /… and 4 more: --diff shows all/);
    assert(short.every((line) => line.length < 90));
    assert.equal(treeLines([update], plain, true).length, 13);
  });

  it("shows an orphan whose parent is not in the plan", () => {
    assert.match(treeLines([step("delete", webUrn)], plain, false).join("\n"), /- +shop:app:Web +web +delete/);
  });

  it("tells advice once that is the same in several places, and every mandatory finding by itself", () => {
    const finding = (name: string, message: string, level: Finding["level"] = "advisory"): Finding => ({ pack: "gate", packVersion: "1.0.0", policy: "no-maps", level, urn: childUrn("core/v1:Service", name), message });
    const advice = [finding("a", "items[0]: bad"), finding("b", "items[3]: bad"), finding("b", "items[4]: bad"), finding("a", "items[0]: worse")];
    const text = findingLines(advice, plain).join("\n");
    assert.match(text, /^kubernetes:core\/v1:Service {2}a\n.*\n {6}items\[0\]: worse\nthe same in several places .*\n.*no-maps {2}3 findings in 2 resources\n {6}items\[0\]: bad\n {6}in a, b$/);
    assert.equal(findingLines(advice, plain, true).filter((line) => line.includes(": bad")).length, 3);
    const stopping = findingLines([finding("a", "bad", "mandatory"), finding("b", "bad", "mandatory")], plain);
    assert.equal(stopping.filter((line) => line.includes("bad")).length, 2);
  });

  it("is loud about a pack that judged nothing", () => {
    assert.match(
      packLines([{ ...pack, policies: 0, disabled: [] }], plain).join("\n"),
      /WARNING: this pack judged NOTHING: it has no policies/,
    );
    assert.match(
      packLines([{ ...pack, policies: 1, disabled: ["a"] }], plain).join("\n"),
      /WARNING: this pack judged NOTHING: all its policies are disabled/,
    );
    assert.match(
      packLines([{ ...pack, resourcesAnalyzed: 0 }], plain).join("\n"),
      /WARNING: this pack saw NO resource/,
    );
    assert.match(
      packLines([{ ...pack, resourcesUnchecked: 2 }], plain).join("\n"),
      /WARNING: 2 resources went UNCHECKED/,
    );
    assert.match(
      resultLines("preview", target, { ...result, packs: [] }, { style: plain, diff: false, debug: false }).join("\n"),
      /no policy pack ran/,
    );
  });

  it("shows errors of several lines as one", () => {
    assert.match(
      resultLines(
        "preview",
        target,
        { ...result, errors: ["one\ntwo"] },
        { style: plain, diff: false, debug: false },
      ).join("\n"),
      /Errors:\n {2}error: one\n {9}two\n/,
    );
  });

  it("writes values in the manner of YAML", () => {
    assert.deepEqual(valueLines({ a: [], b: [[1, 2], { c: null, d: { e: "f" } }], g: {} }), [
      "a: []",
      "b:",
      "  - - 1",
      "    - 2",
      "  - c: null",
      "    d:",
      '      e: "f"',
      "g: {}",
    ]);
  });

  it("colours on terminals only, and never against NO_COLOR", () => {
    assert.equal(wantsColours({ isTTY: true }, {}), true);
    assert.equal(wantsColours({ isTTY: true }, { NO_COLOR: "1" }), false);
    assert.equal(wantsColours({ isTTY: true }, { TERM: "dumb" }), false);
    assert.equal(wantsColours({}, {}), false);
    assert.equal(wantsColours({}, { FORCE_COLOR: "1" }), true);
    assert.equal(makeStyle(true)("bad", "x"), "\u001b[31mx\u001b[39m");
  });
});

describe("progress", () => {
  /** What is written to a terminal or a pipe. */
  function collect(isTTY: boolean): { text: () => string; progress: Progress } {
    const written: string[] = [];
    const progress = new Progress(
      { isTTY, columns: 80, write: (text) => void written.push(text) },
      plain,
      "Previewing dev",
      (text) => text.replaceAll("hunter2", "[secret]"),
    );
    return { text: () => written.join(""), progress };
  }

  it("passes on what the program prints, whole lines, in order, masked", () => {
    const { text, progress } = collect(false);
    progress.take({ kind: "program-output", stream: "stdout", text: "one\ntw" });
    progress.take({ kind: "program-output", stream: "stderr", text: "warning: hunter2\n" });
    progress.take({ kind: "program-output", stream: "stdout", text: "o\nlast" });
    progress.stop();
    assert.equal(text(), "program | one\nprogram | warning: [secret]\nprogram | two\nprogram | last\n");
  });

  it("renews a line on a terminal only", () => {
    const piped = collect(false);
    piped.progress.take({ kind: "resource-registering", urn: webUrn });
    piped.progress.stop();
    assert.equal(piped.text(), "");
    const shown = collect(true);
    shown.progress.line("above");
    shown.progress.stop();
    assert.equal(shown.text(), "\r\u001b[2Kabove\n\r\u001b[2K");
  });

  const deploymentUrn = "urn:pulumi:dev::shop::kubernetes:apps/v1:Deployment::web";
  const created: Step = {
    operation: "create", urn: deploymentUrn, type: "kubernetes:apps/v1:Deployment", name: "web", custom: true, protect: false, dependencies: [], changes: [], replaceReasons: [],
  };

  it("shows on a terminal what is waited for, why, and since when, and takes it away again", async () => {
    const { text, progress } = collect(true);
    progress.take({ kind: "step-started", step: created });
    progress.take({ kind: "status", urn: deploymentUrn, message: "0 of 1 pods are available;\n container main waits: ErrImagePull" });
    const shown = /0 registered, 0 done, \d+\.\d s\n {2}create kubernetes:apps\/v1:Deployment {2}web {2}\d+\.\d s {2}0 of 1 pods/;
    while (!shown.test(text())) await new Promise((done) => setImmediate(done));
    progress.take({ kind: "step-finished", step: created });
    progress.stop();
    assert.ok(text().endsWith("\r\u001b[2K\u001b[1A\r\u001b[2K") || text().endsWith("\r\u001b[2K"), JSON.stringify(text().slice(-40)));
    assert.ok(text().split("\n").every((line) => line.replaceAll(/\u001b\[\d[KA]|\r/g, "").length < 80 * 3));
  });

  it("tells each reason once where nothing renews itself", () => {
    const { text, progress } = collect(false);
    progress.take({ kind: "step-started", step: created });
    progress.take({ kind: "status", urn: deploymentUrn, message: "0 of 1 pods are available" });
    progress.take({ kind: "step-finished", step: created });
    progress.stop();
    assert.equal(text(), "kubernetes:apps/v1:Deployment  web: 0 of 1 pods are available\n");
  });
});

describe("findings that a preview has shown", () => {
  it("are counted again, not told again", () => {
    const finding = (policy: string): Finding => ({ pack: "p", packVersion: "1", policy, level: "advisory", message: `about ${policy}`, urn: webUrn });
    const update = { ...result, findings: [finding("old"), finding("new")] };
    const text = resultLines("update", target, update, { style: plain, diff: false, debug: false, shown: [finding("old")] }).join("\n");
    assert.match(text, /about new/);
    assert.doesNotMatch(text, /about old/);
    assert.match(text, /1 finding as in the preview above/);
  });
});
