import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { acquireLock } from "../../ledger/lock.ts";
import { withZombie } from "../engine/zombie.ts";
import { refused } from "./refused.ts";
import { folder } from "./world.ts";

const holder = (change: Record<string, unknown>): string =>
  `${JSON.stringify({ pid: process.pid, started: "", user: "ada", host: "elsewhere", command: "release", since: "2026-11-23T20:00:00.000Z", ...change })}\n`;

/** A process that takes the lock, says so, and holds it until it is killed; or says why not. */
async function contender(path: string): Promise<{ child: ChildProcess; said: string }> {
  const module = join(import.meta.dirname, "../../ledger/lock.ts");
  const code = `import { acquireLock } from ${JSON.stringify(module)};
    try { acquireLock(${JSON.stringify(path)}, "contend"); console.log("held"); setInterval(() => {}, 1000); } catch (error) { console.log(error.code ?? String(error)); }`;
  const child = spawn(process.execPath, ["--input-type=module-typescript", "-e", code], { stdio: ["ignore", "pipe", "inherit"] });
  const [data] = (await once(child.stdout, "data")) as [Buffer];
  return { child, said: data.toString().trim() };
}

describe("ledger: the lock", () => {
  it("is free again when let go, leaves one file, and letting go twice does no harm", () => {
    const path = join(folder(), "lock");
    const first = acquireLock(path, "first");
    assert.throws(() => acquireLock(path, "second"), refused("locked", /running "first"/));
    first.release();
    const second = acquireLock(path, "second");
    first.release();
    assert.deepEqual([first.held(), second.held()], [false, true]);
    assert.throws(() => acquireLock(path, "third"), refused("locked", /running "second"/));
    second.release();
    assert.equal(readdirSync(join(path, "..")).length, 1);
  });

  it("of a process that was killed is taken over by exactly one of many", async () => {
    const path = join(folder(), "lock");
    const dead = await contender(path);
    assert.equal(dead.said, "held");
    const gone = once(dead.child, "exit");
    dead.child.kill("SIGKILL");
    await gone;
    const all = await Promise.all(Array.from({ length: 6 }, () => contender(path)));
    for (const { child } of all) child.kill("SIGKILL");
    assert.deepEqual(all.map(({ said }) => said).sort(), ["held", "locked", "locked", "locked", "locked", "locked"]);
  });

  // Where there is no /proc a process has no state.
  if (existsSync("/proc/self/stat")) {
    it("of a process that was killed and that nobody has asked for is taken over", async () => {
      await withZombie((pid) => {
        const path = join(folder(), "lock");
        writeFileSync(`${path}.3`, holder({ pid, host: hostname() }));
        acquireLock(path, "mine").release();
      });
    });
  }

  it("of another machine is never broken; the file to delete is named", () => {
    const path = join(folder(), "lock");
    writeFileSync(`${path}.3`, holder({}));
    assert.throws(() => acquireLock(path, "mine"), (error: unknown) => {
      refused("locked", /ada on elsewhere/)(error);
      assert.match((error as { fix: string }).fix, /delete .*lock\.3/);
      return true;
    });
    assert.equal(readFileSync(`${path}.3`, "utf8"), holder({}));
  });

  it("is noticed when it was taken away, and no file that is not a lock is mistaken for one", () => {
    const path = join(folder(), "lock");
    const lock = acquireLock(path, "mine");
    for (const name of readdirSync(join(path, ".."))) rmSync(join(path, "..", name));
    assert.equal(lock.held(), false);
    writeFileSync(`${path}.7`, "null");
    assert.throws(() => acquireLock(path, "mine"), refused("locked", /is no lock of a ledger/));
  });
});
