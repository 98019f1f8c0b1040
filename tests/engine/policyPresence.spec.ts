import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { type PackRun } from "../../engine/model.ts";
import { policyGaps } from "../../engine/policyPresence.ts";
import { gate, makeGate, makeProject, planOf, program, runCli } from "./cli.ts";
import { removeFolders } from "./folders.ts";

const sound: PackRun = {
  name: "gate",
  version: "1.0.0",
  path: "/gate",
  digest: "d",
  policies: 3,
  disabled: ["one"],
  resourcesAnalyzed: 5,
  resourcesUnchecked: 0,
  stackAnalyzed: true,
};
const gaps = (resources: number, ...changes: Partial<PackRun>[]): string =>
  policyGaps({ resources, packs: changes.map((change) => ({ ...sound, ...change })) }).join("\n");

describe("whether policies have judged", () => {
  afterEach(removeFolders);

  it("they have when every pack has seen all, with some of its policies in force", () => {
    assert.equal(gaps(5, {}), "");
    assert.equal(gaps(0, { resourcesAnalyzed: 0, stackAnalyzed: false }), "", "a stack without resources has nothing to judge");
  });
  const cases: [string, Partial<PackRun>, RegExp][] = [
    ["a pack without policies", { policies: 0, disabled: [] }, /the policy pack gate has no policies/],
    ["policies that are all disabled", { disabled: ["one", "two", "three"], configPath: "dev.json" }, /judged nothing: all its policies are disabled by dev\.json/],
    ["resources that went unchecked", { resourcesUnchecked: 2 }, /left 2 resources unchecked/],
    ["a pack that saw nothing", { resourcesAnalyzed: 0 }, /saw no resource/],
    ["a stack that was not judged as a whole", { stackAnalyzed: false }, /did not judge the stack as a whole/],
  ];
  for (const [name, change, says] of cases) it(`not with ${name}, even beside a sound pack`, () => assert.match(gaps(5, {}, change), says));

  it("--require-policy: without a pack, or with one whose policies are all disabled, a preview fails: 1", async () => {
    const preview = (root: string, ...args: string[]) => runCli(root, ["preview", "--stack", "dev", ...args]);
    const bare = makeProject(program);
    assert.equal((await preview(bare)).code, 0);
    const none = await preview(bare, "--require-policy");
    assert.deepEqual([none.code, /error: --require-policy: no policy pack ran/.test(none.stdout)], [1, true], none.stdout);
    const off = makeProject(program, { dev: "" }, { ...gate, "policies/config/dev.json": '{ "all": "disabled" }' });
    const { code, stdout } = await preview(off, "--require-policy");
    assert.equal(code, 1, stdout);
    assert.match(stdout, /the policy pack gate judged nothing: all its policies are disabled by policies\/config\/dev\.json/);
  });

  it("--require-policy: a pack that judged is enough, and what it objects to stays a violation: 2", async () => {
    for (const [files, code] of [[makeGate(""), 0], [gate, 2]] as const) {
      const root = makeProject(program, { dev: "" }, { ...files, "policies/config/dev.json": '{ "no-maps": "mandatory" }' });
      const ended = await runCli(root, ["preview", "--stack", "dev", "--require-policy", "--json", "plan.json"]);
      assert.equal(ended.code, code, ended.stdout);
      const [run] = planOf(root)!.policies.packs;
      const digest = (path: string): string => createHash("sha256").update(readFileSync(join(root, path))).digest("hex");
      assert.deepEqual([run?.name, run?.version, run?.digest, run?.configDigest], ["gate", "1.0.0", digest("policies/index.js"), digest("policies/config/dev.json")]);
      for (const part of ["gate v1.0.0", digest("policies/index.js"), digest("policies/config/dev.json")]) assert(ended.stdout.includes(part), part);
    }
  });

  it("--require-policy is refused where it can't be known: with the Pulumi CLI", async () => {
    const { code, stderr } = await runCli(makeProject(program), ["preview", "--stack", "dev", "--require-policy", "--engine", "pulumi"]);
    assert.equal(code, 1);
    assert.match(stderr, /the Pulumi CLI does not tell what a policy pack saw/);
  });
});
