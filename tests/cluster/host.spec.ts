import assert from "node:assert/strict";
import { ClusterError, ExitCode } from "../../cluster/failure.ts";
import { checkPlatform } from "../../cluster/host.ts";
import { describe as describeStatus } from "../../cluster/status.ts";
import { stateFolder } from "../../cluster/paths.ts";
import { repository } from "../../cluster/paths.ts";
import { run } from "../../cluster/run.ts";

const refusal = (wanted: RegExp) => (error: unknown) => {
  assert.ok(error instanceof ClusterError);
  assert.equal(error.exitCode, ExitCode.unfitHost);
  assert.match(error.message, wanted);
  assert.match(error.fix ?? "", /--kubeconfig.*kind/s);
  return true;
};

describe("what the local cluster needs of a machine", () => {
  it("refuses other systems, and names alternatives", () => {
    assert.throws(() => checkPlatform("darwin", 0), refusal(/needs Linux; this is darwin/));
  });

  it("refuses other users than root, and names alternatives", () => {
    assert.throws(() => checkPlatform("linux", 1000), refusal(/needs root.*user 1000/));
  });

  it("accepts root on Linux", () => {
    checkPlatform("linux", 0);
  });

  it("refuses names that can't be cgroup and host names", () => {
    for (const name of ["", "A", "../x", "a/b", "-a", "a-", "a".repeat(21)]) assert.throws(() => stateFolder(name), /can't name a cluster/);
    assert.match(stateFolder("local"), /rlhf-audit-trail\/local$/);
  });

  it("refuses a state folder whose path is too long for a socket", () => {
    const before = process.env.XDG_STATE_HOME;
    process.env.XDG_STATE_HOME = `/${"x".repeat(90)}`;
    try {
      assert.throws(() => stateFolder("local"), /too long for a socket/);
    } finally {
      if (before === undefined) delete process.env.XDG_STATE_HOME;
      else process.env.XDG_STATE_HOME = before;
    }
  });
});

describe("the cluster's command line", () => {
  const cluster = async (...args: string[]) => await run(process.execPath, ["cluster/main.ts", ...args], { cwd: repository, env: { XDG_STATE_HOME: "/nonexistent" } });

  it("says that a cluster does not run, with code 3 and the way to start it", async () => {
    assert.equal((await cluster("status")).code, 3);
    const { code, stderr } = await cluster("kubeconfig", "--name", "other");
    assert.equal(code, 3);
    assert.match(stderr, /"other" does not run.\n.*up --name other/);
  });

  it("answers wrong use with code 2 and no stack trace", async () => {
    for (const args of [["nonsense"], ["up", "--port", "x"], ["up", "--forward", "80"], ["status", "--name", "../x"], ["add", "nonsense"]]) {
      const { code, stderr } = await cluster(...args);
      assert.equal(code, 2, args.join(" "));
      assert.doesNotMatch(stderr, /^ {4}at /m);
    }
  });

  it("a part that is not ready is shown with its reason", () => {
    const part = { name: "etcd", pid: 0, restarts: 2, ready: false, reason: "not running" };
    assert.match(describeStatus("x", { started: "now", ready: false, milestones: {}, parts: [part] }), /NOT READY.*\n.*etcd.*not running.*again 2 times/);
  });
});
