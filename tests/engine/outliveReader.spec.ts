import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { makeProject, planOf, startCli } from "./cli.ts";
import { nodeModules, removeFolders } from "./folders.ts";

describe("a command whose reader is gone", () => {
  afterEach(removeFolders);

  it("brings a preview to its end", async () => {
    const root = makeProject('exports.done = new Promise((done) => setTimeout(() => done("yes"), 200));');
    const running = startCli(root, ["preview", "--stack", "dev", "--json", "plan.json"]);
    running.child.stdout?.destroy();
    assert.deepEqual(await running.ended, { code: 0, stdout: "", stderr: "" });
    assert.deepEqual(planOf(root)?.outputs, { done: "yes" });
  });

  for (const main of ["delivery/main.mjs", "cluster/main.ts"]) {
    it(`says nothing of it: ${main} --help`, async () => {
      const file = join(dirname(nodeModules), main);
      assert.ok(existsSync(file));
      const child = spawn(process.execPath, [file, "--help"], { stdio: ["ignore", "pipe", "pipe"] });
      child.stdout.destroy();
      let errors = "";
      child.stderr.setEncoding("utf8").on("data", (text: string) => (errors += text));
      const code = await new Promise((resolve) => child.once("close", resolve));
      assert.deepEqual([code, errors], [0, ""]);
    });
  }
});
