import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { whileBuilding } from "../../cluster/buildLock.ts";
import { ClusterError } from "../../cluster/failure.ts";
import { repository } from "../../cluster/paths.ts";

describe("building the cluster's parts", () => {
  let folder: string;
  let path: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "rlhf-build-"));
    path = join(folder, "cache/build.lock");
  });
  afterEach(async () => await rm(folder, { recursive: true }));

  /** A process that says `begun`, builds until a line comes or it is killed, writes what it has built, and ends. */
  const builder = () => {
    const script = `
      const { whileBuilding } = await import(${JSON.stringify(join(repository, "cluster/buildLock.ts"))});
      await whileBuilding(${JSON.stringify(path)}, () => undefined, async () => {
        console.log("begun");
        await new Promise((done) => process.stdin.once("data", done));
        (await import("node:fs")).writeFileSync(${JSON.stringify(join(folder, "built"))}, "whole");
      });
      process.exit(0);`;
    return spawn(process.execPath, ["--input-type=module", "--eval", script], { stdio: ["pipe", "pipe", "inherit"] });
  };

  it("goes on one process at a time: the second waits, says for whom, and begins when the first has ended", async () => {
    const first = builder();
    await once(first.stdout, "data");
    const told: string[] = [];
    const waiting = Promise.withResolvers<undefined>();
    const second = whileBuilding(
      path,
      (line) => {
        told.push(line);
        waiting.resolve(undefined);
      },
      async () => await readFile(join(folder, "built"), "utf8"),
    );
    await waiting.promise;
    first.stdin.end("go\n");
    assert.equal(await second, "whole");
    assert.equal(told.length, 1);
    assert.match(told[0] ?? "", new RegExp(`^waiting for .* \\(pid ${first.pid}\\), running "a build of the cluster's parts" since `));
  });

  it("keeps calls of one process apart, in any number", async () => {
    let working = 0;
    let most = 0;
    const work = async (): Promise<void> => {
      most = Math.max(most, ++working);
      await new Promise((done) => setImmediate(done));
      working -= 1;
    };
    await Promise.all(Array.from({ length: 4 }, async () => await whileBuilding(path, () => undefined, work)));
    assert.equal(most, 1);
  });

  it("does not wait for a builder that was killed", async () => {
    const killed = builder();
    await once(killed.stdout, "data");
    killed.kill("SIGKILL");
    await once(killed, "exit");
    const told: string[] = [];
    assert.equal(await whileBuilding(path, (line) => void told.push(line), () => Promise.resolve("built")), "built");
    assert.deepEqual(told, []);
  });

  it("lets go when the work fails", async () => {
    await assert.rejects(whileBuilding(path, () => undefined, () => Promise.reject(new Error("no room"))), /no room/);
    assert.equal(await whileBuilding(path, () => undefined, () => Promise.resolve(1)), 1);
  });

  it("says where the lock can't be written, and does not wait for ever", async () => {
    await writeFile(join(folder, "cache"), "a file, not a folder");
    await assert.rejects(whileBuilding(path, () => undefined, () => Promise.resolve(1)), (error) => error instanceof ClusterError && error.message.includes(path));
  });
});
