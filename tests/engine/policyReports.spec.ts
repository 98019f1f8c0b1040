import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { PolicyReports } from "../../engine/policyReports.ts";
import { makeGate, makeProject, program, runCli } from "./cli.ts";
import { makeFolder, removeFolders } from "./folders.ts";
import { makePack, policy } from "./packs.ts";

/** A pack's policy that writes what it was asked for, with the stack's name and its configuration's path in it. */
const writing = 'const [, file] = /^json=(.*)$/.exec(process.env.POLICY_REPORTS); require("node:fs").writeFileSync(file, process.env.PULUMI_STACK + " " + process.env.POLICY_CONFIG)';

describe("reports of policy packs", () => {
  afterEach(removeFolders);
  const run = (root: string, ...args: string[]) => runCli(root, ["preview", ...args]);

  it("--report asks the pack for a file, with the stack's name in it, and says which configuration holds", async () => {
    const root = makeProject(program, { dev: "", qa: "" }, { ...makeGate(writing), "policies/config/qa.json": "{}" });
    const { code, stdout } = await run(root, "--report", "json=report-{stack}.json");
    assert.equal(code, 0, stdout);
    assert.equal(readFileSync(join(root, "report-dev.json"), "utf8"), "dev undefined");
    assert.equal(readFileSync(join(root, "report-qa.json"), "utf8"), `qa ${join(root, "policies/config/qa.json")}`);
  });

  it("one that was not written fails the run: 1, also where an older one lies at its place", async () => {
    const root = makeProject(program, { dev: "" }, { ...makeGate(""), "old.json": "{}" });
    for (const name of ["new.json", "old.json"]) {
      const { code, stdout } = await run(root, "--report", `json=${name}`);
      assert.equal(code, 1);
      assert.match(stdout, new RegExp(`error: The report .*${name} was not written by the policy pack`));
    }
  });

  const refusals: [string, string[], RegExp][] = [
    ["one file of several stacks", ["--report", "json=all.json"], /--report json=all\.json names one file, and there are 2 stacks/],
    ["what is no FORMAT=FILE", ["--report", "{stack}.json"], /--report \{stack\}\.json is no FORMAT=FILE/],
    ["no pack", ["--stack", "dev", "--report", "json=a.json"], /--report asks one policy pack for a report, and none runs/],
  ];
  for (const [name, args, says] of refusals) {
    it(`refuses ${name}: 1`, async () => {
      const { code, stdout, stderr } = await run(makeProject(program, { dev: "", qa: "" }), ...args);
      assert.equal(code, 1);
      assert.match(stdout + stderr, says);
    });
  }

  it("refuses two packs, and to report what is destroyed: 1", async () => {
    const packs = ["one", "two"].flatMap((name) => ["--policy-pack", makePack(policy("p", ""), {}, name)]);
    const root = makeProject(program);
    assert.match((await run(root, "--stack", "dev", ...packs, "--report", "json=a.json")).stdout, /one policy pack for a report, and 2 run/);
    const { code, stderr } = await runCli(root, ["destroy", "--stack", "dev", "--report", "json=a.json"]);
    assert.deepEqual([code, /Nothing is judged when a stack is destroyed/.test(stderr)], [1, true], stderr);
  });

  it("tell a pack's environment all files at once, as absolute paths", () => {
    const folder = makeFolder({});
    const reports = new PolicyReports([`json=${folder}/{stack}.json`, `oscal-component=${folder}/b`], "dev", 1);
    assert.deepEqual(reports.environment(`${folder}/c.json`), { POLICY_REPORTS: `json=${folder}/dev.json;oscal-component=${folder}/b`, POLICY_CONFIG: `${folder}/c.json` });
    assert.equal(reports.missing().length, 2);
    assert.deepEqual(new PolicyReports([], "dev", 0).environment("c"), {});
  });
});
