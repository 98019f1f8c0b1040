import assert from "node:assert/strict";
import { makeProject, planOf, runCli } from "./cli.ts";
import { removeFolders } from "./folders.ts";
import { makePack, policy } from "./packs.ts";

/** Whether npm's library is loaded, in a program's words. */
const loaded = 'Object.keys(require.cache).some((file) => /node_modules.@npmcli.arborist.lib/.test(file))';

describe("npm's library, which the SDK loads to ship functions", () => {
  afterEach(removeFolders);

  it("is loaded when a function's packages are asked for, and does its work", async () => {
    const program = `
exports.before = ${loaded};
exports.paths = pulumi.runtime.computeCodePaths().then((paths) => paths instanceof Map && paths.size > 0);
exports.after = exports.paths.then(() => ${loaded});
exports.own = typeof require("@npmcli/arborist").Arborist;
`;
    const root = makeProject(program, { dev: "" }, { "package.json": '{ "dependencies": { "semver": "*" } }' });
    const { code, stdout } = await runCli(root, ["preview", "--stack", "dev", "--json", "plan.json"]);
    assert.equal(code, 0, stdout);
    const plan = planOf(root);
    assert.deepEqual(plan?.outputs, { before: false, paths: true, after: true, own: "function" });
  });

  it("is not loaded for a policy pack", async () => {
    const pack = makePack(policy("told", `report("loaded: " + ${loaded})`));
    const { code, stdout } = await runCli(makeProject(""), ["preview", "--stack", "dev", "--policy-pack", pack]);
    assert.equal(code, 0, stdout);
    assert.match(stdout, /told\n +loaded: false/);
  });
});
