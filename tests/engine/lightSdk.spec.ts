import assert from "node:assert/strict";
import { makeProject, planOf, runCli } from "./cli.ts";
import { removeFolders } from "./folders.ts";

describe("what the SDK does for debugging only", () => {
  afterEach(removeFolders);

  it("debug messages, the program's own and the SDK's, are had with --debug", async () => {
    const root = makeProject('pulumi.log.debug("looked at the sky"); pulumi.log.info("it rains");', { dev: "" });
    const told = async (...more: string[]) => {
      const { code, stdout } = await runCli(root, ["preview", "--stack", "dev", "--json", "plan.json", ...more]);
      assert.equal(code, 0, stdout);
      const plan = planOf(root);
      return { stdout, debug: plan?.diagnostics.filter(({ severity }) => severity === "debug") ?? [] };
    };
    const plain = await told();
    assert.match(plain.stdout, /it rains/);
    assert.deepEqual(plain.debug, []);
    const { stdout, debug } = await told("--debug");
    assert.match(stdout, /debug: looked at the sky/);
    assert.ok(debug.length > 1, "the SDK's are there, too");
  });

  it("the stacks that the SDK keeps of its promises are there when they are printed, with the program's lines", async () => {
    const program = `
const { debuggablePromise, promiseDebugString } = require("@pulumi/pulumi/runtime/debuggable");
const kept = Promise.resolve(1);
function promised() {
  return debuggablePromise(kept, "a promise");
}
promised();
exports.told = promiseDebugString(kept);
`;
    const root = makeProject(program, { dev: "" });
    const { code, stdout } = await runCli(root, ["preview", "--stack", "dev", "--json", "plan.json"]);
    assert.equal(code, 0, stdout);
    const plan = planOf(root);
    assert.match(plan?.outputs["told"] as string, /^CONTEXT\(\d+\): a promise\nSTACK_TRACE:\nError:? *\n +at debuggablePromise .*\n +at promised \(.*index\.js:\d+:\d+\)/);
  });

  it("stacks of errors are the program's own, its preparation of them included", async () => {
    const program = `
exports.plain = new Error("x").stack.split("\\n")[0];
Error.prepareStackTrace = (error, frames) => "mine: " + frames.length;
exports.mine = /^mine: [1-9]/.test(new Error("x").stack) && Error.prepareStackTrace !== undefined;
Error.prepareStackTrace = undefined;
exports.back = new Error("y").stack.split("\\n")[0];
`;
    const root = makeProject(program, { dev: "" });
    const { code, stdout } = await runCli(root, ["preview", "--stack", "dev", "--json", "plan.json"]);
    assert.equal(code, 0, stdout);
    const plan = planOf(root);
    assert.deepEqual(plan?.outputs, { plain: "Error: x", mine: true, back: "Error: y" });
  });
});
