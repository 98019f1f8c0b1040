import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { execFileSync, spawnSync } from "node:child_process";
import { EventEmitter } from "node:events";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import { Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setImmediate } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import fc from "fast-check";
import { AppendQueue, QueueFullError } from "../../services/audit-trail/append-queue.ts";
import { cacheText, fromCacheText } from "../../services/audit-trail/cache.ts";
import { genesis, linkHash } from "../../services/audit-trail/chain.ts";
import { configurationVariables } from "../../services/audit-trail/config.ts";
import { Connections } from "../../services/audit-trail/connections.ts";
import { faultSettings } from "../../services/audit-trail/fault-settings.ts";
import { Faults } from "../../services/audit-trail/faults.ts";
import { leafHash } from "../../ledger/merkle.ts";
import type { Outcome, StoredEvent, Submission } from "../../services/audit-trail/trail.ts";
import { anEvent, memoryLog } from "./fixtures.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));

function stored(seq: number): StoredEvent {
  const record = Buffer.from(`{"seq":${seq}}`);
  return { seq, id: `id-${seq}`, record, leafHash: leafHash(record), previousLink: genesis, link: linkHash(genesis, leafHash(record)) };
}
const submission = (key: string): Submission => ({ idempotencyKey: key, request: anEvent() });

describe("services: connections", () => {
  /** Of the event loop: in each of them what has come is read. */
  const twoTurns = async (): Promise<void> => {
    await setImmediate();
    await setImmediate();
  };
  const at = (limits: { maxAgeMs: number; maxRequests: number }, random = 1) => {
    const clock = { time: 0 };
    return { clock, connections: new Connections(limits, { now: () => clock.time, random: () => random }) };
  };

  it("retire with an answer from 60 to 70 % of their age on and not before, each by its own", () => {
    for (const [random, age] of [[0, 60], [1, 70]] as const) {
      const { clock, connections } = at({ maxAgeMs: 100, maxRequests: 0 }, random);
      const [first, second] = [new Socket(), new Socket()];
      connections.opened(first);
      clock.time = 60;
      connections.opened(second);
      clock.time = age - 1;
      assert.deepEqual([connections.mustClose(first), connections.mustClose(second)], [false, false]);
      clock.time = age;
      assert.deepEqual([connections.mustClose(first), connections.mustClose(second)], [true, false]);
    }
  });

  it("are closed at 95 % of their age when nothing is asked on them, of which their clients were told", async () => {
    const { clock, connections } = at({ maxAgeMs: 10_000, maxRequests: 0 });
    const [old, fresh] = [new Socket(), new Socket()];
    connections.opened(old);
    assert.equal(connections.idleSeconds(old), 9);
    clock.time = 5_000;
    connections.opened(fresh);
    assert.equal(connections.idleSeconds(old), 4);
    clock.time = 8_501;
    assert.equal(connections.idleSeconds(old), undefined, "less than a second is no time to name");
    clock.time = 9_499;
    assert.equal(connections.closeAged(), 0);
    clock.time = 9_500;
    assert.equal(connections.closeAged(), 1);
    await twoTurns();
    assert.deepEqual([old.writableEnded, fresh.writableEnded], [true, false]);
  });

  it("are not closed over a request that had come while the process had no processor, and is read only after the clock has told", async () => {
    const { clock, connections } = at({ maxAgeMs: 10_000, maxRequests: 0 });
    const [socket, server] = [new Socket(), createServer()];
    connections.follow(server);
    server.emit("connection", socket);
    clock.time = 9_500;
    assert.equal(connections.closeAged(), 1);
    server.emit("request", { socket }, new EventEmitter());
    await twoTurns();
    assert.equal(socket.writableEnded, false);
    assert.equal(connections.mustClose(socket), true, "its answer is the last one");
  });

  it("stay without end, and nobody is told a time, where no age is set", () => {
    const { clock, connections } = at({ maxAgeMs: 0, maxRequests: 0 });
    const socket = new Socket();
    connections.opened(socket);
    clock.time = 1e9;
    assert.deepEqual([connections.mustClose(socket), connections.idleSeconds(socket), connections.closeAged()], [false, undefined, 0]);
  });

  it("are shed when they were open at the command, and never when they came later", () => {
    const { clock, connections } = at({ maxAgeMs: 0, maxRequests: 0 });
    const [old, fresh] = [new Socket(), new Socket()];
    connections.opened(old);
    clock.time = 10;
    assert.equal(connections.shed(), 1);
    clock.time = 11;
    connections.opened(fresh);
    assert.deepEqual([connections.mustClose(old), connections.mustClose(fresh)], [true, false]);
    connections.drain();
    assert.equal(connections.mustClose(fresh), true);
  });
});

describe("services: append queue", () => {
  it("puts what waits into one batch, in order, and answers each with its own outcome", async () => {
    const batches: string[][] = [];
    let release = (): void => undefined;
    const first = new Promise<void>((resolve) => (release = resolve));
    const queue = new AppendQueue(async (batch): Promise<Outcome[]> => {
      batches.push(batch.map((item) => item.idempotencyKey));
      if (batches.length === 1) await first;
      return batch.map((item) => ({ kind: "recorded", event: stored(Number(item.idempotencyKey)) }));
    }, { batchSize: 3 });
    const all = Promise.all([0, 1, 2, 3, 4].map((n) => queue.submit(submission(String(n)))));
    release();
    assert.deepEqual((await all).map((outcome) => outcome.event.seq), [0, 1, 2, 3, 4]);
    assert.deepEqual(batches, [["0"], ["1", "2", "3"], ["4"]]);
  });

  it("fails a whole batch with its error, goes on with the next, and refuses more than may wait", async () => {
    let calls = 0;
    const queue = new AppendQueue(async (batch): Promise<Outcome[]> => {
      calls += 1;
      if (calls === 1) return Promise.reject(new Error("disk trouble"));
      return Promise.resolve(batch.map(() => ({ kind: "recorded", event: stored(0) })));
    }, { limit: 2 });
    const results = await Promise.allSettled(["a", "b", "c", "d"].map((key) => queue.submit(submission(key))));
    assert.deepEqual(results.map((result) => result.status), ["rejected", "fulfilled", "fulfilled", "rejected"]);
    const [failed, , , refused] = results;
    assert.ok(failed?.status === "rejected" && /disk trouble/.test(String(failed.reason)));
    assert.ok(refused?.status === "rejected" && refused.reason instanceof QueueFullError);
  });
});

describe("services: cached events", () => {
  it("come back as they were, and not at all when anything is wrong with them", () => {
    const event = stored(5);
    assert.deepEqual(fromCacheText(cacheText(event)), event);
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.json()), (text) => {
        assert.equal(fromCacheText(text), undefined);
      }),
    );
    assert.equal(fromCacheText(cacheText({ ...event, record: Buffer.from("other") })), undefined);
  });
});

describe("services: faults in the process", () => {
  it("take memory up to their bound and give it back", async () => {
    const faults = new Faults(memoryLog().log);
    faults.set(faultSettings.parse({ memory: { mebibytesPerSecond: 500, maxMebibytes: 20 } }));
    while (faults.ballastMebibytes < 20) await new Promise((resolve) => setTimeout(resolve, 10));
    await new Promise((resolve) => setTimeout(resolve, 0));
    assert.equal(faults.ballastMebibytes, 20);
    faults.stop();
    assert.equal(faults.ballastMebibytes, 0);
  });

  it("burn the share of the processor that they say", async () => {
    const faults = new Faults(memoryLog().log);
    const before = process.cpuUsage();
    faults.set(faultSettings.parse({ cpuBurn: 0.8 }));
    // As long as it takes to burn 0.4 s of processor time: without the fault this would never end.
    while (process.cpuUsage(before).user + process.cpuUsage(before).system < 400_000) await new Promise((resolve) => setTimeout(resolve, 100));
    faults.stop();
  });

  it("crash with exit code 1", async () => {
    const code = await new Promise<number>((resolve) => new Faults(memoryLog().log, resolve).set(faultSettings.parse({ crashAfterMs: 1 })));
    assert.equal(code, 1);
  });
});

describe("services: the bundle", () => {
  let folders: string[];
  const digests = (folder: string): string[] => readdirSync(folder).sort().map((name) => `${name} ${createHash("sha256").update(readFileSync(join(folder, name))).digest("hex")}`);

  before(() => {
    folders = [0, 1].map(() => mkdtempSync(join(tmpdir(), "audit-trail-bundle-")));
    for (const [i, folder] of folders.entries()) execFileSync(process.execPath, [join(root, "services/build.mjs"), folder], { cwd: i === 0 ? root : tmpdir() });
  });
  after(() => {
    for (const folder of folders) rmSync(folder, { recursive: true });
  });

  it("is the same bytes wherever and whenever it is built, and holds no path of the machine", () => {
    assert.deepEqual(digests(folders[0]!), digests(folders[1]!));
    assert.ok(!readFileSync(join(folders[0]!, "audit-trail.mjs"), "utf8").includes(root));
  });

  it("runs alone, knows its reward model's digest, and names all that is missing with exit code 2", () => {
    const run = spawnSync(process.execPath, [join(folders[0]!, "audit-trail.mjs")], { env: {}, cwd: folders[0], encoding: "utf8" });
    assert.equal(run.status, 2);
    for (const name of ["DATABASE_URL", "REDIS_URL", "ENCRYPTION_KEY", "ENVIRONMENT"]) assert.match(run.stderr, new RegExp(`- ${name}: is missing`));
    assert.doesNotMatch(run.stderr, /MODEL_DIGEST| at .*\.mjs/);
  });

  it("is described: the page names every variable", () => {
    const page = readFileSync(join(root, "docs/audit-trail.md"), "utf8");
    for (const name of configurationVariables) assert.ok(page.includes(`\`${name}\``), name);
  });
});
