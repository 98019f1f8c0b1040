import assert from "node:assert/strict";
import { existsSync, readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { makeGate, makeProject, startCli, stateOf } from "./cli.ts";
import { makeFolder, removeFolders } from "./folders.ts";

/** True while a process lives. */
const isAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0);
  } catch {
    return false; // ESRCH
  }
  // A dead process whose parent is gone, too, may wait long for an init that takes it away.
  const stat = `/proc/${pid}/stat`;
  return !existsSync(stat) || !/\) Z /.test(readFileSync(stat, "utf8"));
};

describe("command line, interrupted", () => {
  afterEach(removeFolders);

  /** A project whose program and pack write their pids and then take for ever. */
  function makeEndless(): { root: string; pids: () => number[] } {
    const folder = makeFolder({});
    const write = (name: string): string =>
      `require("node:fs").writeFileSync(${JSON.stringify(folder)} + "/${name}", String(process.pid));`;
    const root = makeProject(
      `${write("program")}\nnew k8s.core.v1.ConfigMap("a", {}).id.apply(() => undefined);\nconst c = require("node:child_process").spawn(process.execPath, ["-e", "setInterval(() => 0, 1000)"], { stdio: "ignore" });\nrequire("node:fs").writeFileSync(${JSON.stringify(folder)} + "/grandchild", String(c.pid));\nsetInterval(() => undefined, 1000);`,
      { dev: "" },
      {
        ...makeGate(`${write("pack")} if (args.type.startsWith("kubernetes:")) console.error("judging");`),
        ".pulumi-local/shop/dev.json": stateOf([]),
      },
    );
    return { root, pids: () => readdirSync(folder).map((name) => Number(readFileSync(join(folder, name), "utf8"))) };
  }

  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    it(`by ${signal}: 130, all children gone, the state as it was`, async () => {
      const { root, pids } = makeEndless();
      const running = startCli(root, ["preview"]);
      await running.printed(/judging/);
      assert.equal(pids().length, 3);
      running.child.kill(signal);
      const { code, stderr } = await running.ended;
      assert.equal(code, 130);
      assert.match(stderr, new RegExp(`${signal}: stopping`));
      assert.deepEqual(pids().filter(isAlive), []);
      assert.equal(readFileSync(join(root, ".pulumi-local/shop/dev.json"), "utf8"), stateOf([]));
    });
  }

  it("by SIGKILL: program and pack end by themselves", async () => {
    const { root, pids } = makeEndless();
    const running = startCli(root, ["preview"]);
    await running.printed(/judging/);
    running.child.kill("SIGKILL");
    // Their output pipes close when the last of them is gone; the grandchild has none.
    await running.ended;
    const [grandchild, pack, programPid] = pids();
    for (const pid of [pack, programPid]) while (isAlive(pid ?? 0)) await new Promise((done) => setImmediate(done));
    process.kill(grandchild ?? 0, "SIGKILL");
  });
});
