import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { existsSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { once } from "node:events";
import { acquireLock, lockHolder } from "../../engine/lock.ts";
import { makeFolder, removeFolders } from "./folders.ts";
import { withZombie } from "./zombie.ts";

const holder = (changes: object): string =>
  JSON.stringify({
    pid: 1,
    started: "",
    user: "ada",
    host: hostname(),
    command: "up --stack prod",
    since: "2026-01-02T03:04:05Z",
    ...changes,
  });

describe("lock", () => {
  afterEach(removeFolders);

  it("is held, told of, and released", () => {
    const path = join(makeFolder({}), "state", "prod.json.lock");
    const lock = acquireLock(path, "up --stack prod");
    assert.equal(lockHolder(path)?.pid, process.pid);
    assert.throws(
      () => acquireLock(path, "destroy"),
      new RegExp(`locked by .+ on ${hostname()} \\(pid ${process.pid}\\), running "up --stack prod" since`),
    );
    lock.release();
    lock.release();
    assert.equal(lockHolder(path), undefined);
    acquireLock(path, "again").release();
    assert.deepEqual(readdirSync(join(path, "..")), []);
  });

  it("refuses while the holder lives", async () => {
    const child = spawn(process.execPath, ["-e", "setInterval(() => undefined, 1000)"], { stdio: "ignore" });
    const path = join(makeFolder({ lock: holder({ pid: child.pid }) }), "lock");
    assert.throws(
      () => acquireLock(path, "up"),
      /locked by ada on .+ \(pid \d+\), running "up --stack prod" since 2026-01-02T03:04:05Z/,
    );
    child.kill("SIGKILL");
    await once(child, "exit");
    // Its holder is gone now: the lock is taken over.
    acquireLock(path, "up").release();
    assert(!existsSync(path));
  });

  // Where there is no /proc a process has no start time to compare, and no state.
  if (existsSync("/proc/self/stat")) {
    it("sees through a process id that was given to someone else", () => {
      const path = join(makeFolder({ lock: holder({ pid: process.pid, started: "1" }) }), "lock");
      acquireLock(path, "up").release();
    });

    it("takes over from one that was killed and that nobody has asked for", async () => {
      await withZombie((pid) => {
        const path = join(makeFolder({ lock: holder({ pid }) }), "lock");
        acquireLock(path, "up").release();
      });
    });
  }

  it("never breaks the lock of another machine", () => {
    const path = join(makeFolder({ lock: holder({ host: "elsewhere", pid: 999999 }) }), "lock");
    assert.throws(() => acquireLock(path, "up"), {
      message: /locked by ada on elsewhere/,
      fix: `Wait until it ends; if that machine is gone, delete ${path}.`,
    });
    assert(existsSync(path));
  });

  it("does not take away a lock that is no longer its own", () => {
    const path = join(makeFolder({}), "lock");
    const lock = acquireLock(path, "up");
    writeFileSync(path, holder({}));
    lock.release();
    assert.equal(readFileSync(path, "utf8"), holder({}));
  });

  it("refuses what is no lock", () => {
    const path = join(makeFolder({ lock: "hello" }), "lock");
    assert.throws(() => acquireLock(path, "up"), /is not a lock of this engine/);
  });

  it("says why it cannot be taken, and leaves nothing", () => {
    const folder = makeFolder({ file: "" });
    const file = join(folder, "file");
    assert.throws(() => acquireLock(join(file, "dev.lock"), "up"), /The lock .*file\/dev\.lock cannot be taken: (EEXIST|ENOTDIR)\. Nothing was begun/);
    assert.deepEqual(readdirSync(folder), ["file"]);
  });
});
