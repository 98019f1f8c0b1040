import assert from "node:assert/strict";
import { randomBytes, randomUUID } from "node:crypto";
import { chmodSync, copyFileSync, readFileSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createClient } from "@redis/client";
import pg from "pg";
import { readConfig } from "../../../services/audit-trail/config.ts";
import type { Head } from "../../../services/audit-trail/trail.ts";
import { leafHash, verifyInclusion } from "../../../ledger/merkle.ts";
import { startService, type Service } from "../../../services/audit-trail/service.ts";
import { anEvent, memoryLog, post } from "../fixtures.ts";
import { useWorld } from "./world.ts";

type Health = { status: string; version: string; timestamp: number; failed_checks?: string[]; checks: Record<string, { healthy: boolean; latency_ms: number; reason?: string }> };
type Recorded = { id: string; index: number; leaf_hash: string; link: string };
type Proved = { event: { annotator_pseudonym: string }; leaf: { index: number; data: string; hash: string }; proof: { tree_size: number; root_hash: string; path: string[] } };

describe("services: the service with real PostgreSQL and Redis", () => {
  const world = useWorld();
  let url: string;
  let lines: string[];
  let services: Service[];

  const start = async (change: Readonly<Record<string, string>> = {}): Promise<{ service: Service; base: string }> => {
    const memory = memoryLog();
    lines = memory.lines;
    const service = await startService(readConfig(world().env({ DATABASE_URL: url, ...change })), memory.log);
    services.push(service);
    return { service, base: `http://127.0.0.1:${service.port}` };
  };
  const json = async <T>(response: Response): Promise<T> => (await response.json()) as T;
  const health = async (base: string): Promise<Health & { code: number }> => {
    const response = await fetch(`${base}/health`);
    return { code: response.status, ...(await json<Health>(response)) };
  };
  /** Asks until the health is as wanted; the test's own limit ends it otherwise. */
  const becomes = async (base: string, wanted: (report: Health) => boolean): Promise<Health> => {
    for (;;) {
      const report = await health(base);
      if (wanted(report)) return report;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  };
  const record = async (base: string, change = {}): Promise<Recorded> => {
    const response = await fetch(`${base}/v1/events`, post(anEvent(change)));
    assert.equal(response.status, 201, await response.clone().text());
    return json<Recorded>(response);
  };
  const asAdministrator = async (sql: string): Promise<void> => {
    const client = new pg.Client({ connectionString: url });
    await client.connect();
    await client.query(`SET session_replication_role = replica; ${sql}`);
    await client.end();
  };

  beforeEach(async () => {
    services = [];
    url = await world().database();
  });
  afterEach(async () => {
    await Promise.all(services.map((service) => service.stop()));
  });

  it("is healthy by all six checks, and ready", async () => {
    const { service, base } = await start();
    await service.started;
    const report = await health(base);
    assert.equal(report.code, 200);
    assert.equal(report.status, "healthy");
    assert.deepEqual(Object.keys(report.checks), ["database", "redis", "audit_storage", "privacy_engine", "compliance_module", "ml_model"]);
    assert.ok(Math.abs(report.timestamp - Date.now() / 1000) < 600);
    assert.equal((await fetch(`${base}/ready`)).status, 200);
    assert.deepEqual(await json(await fetch(`${base}/version`)), { version: "0.0.0-source", digest: `sha256:${"c".repeat(64)}`, slot: "blue" });
  });

  it("records over HTTP and proves to a client who trusts only the root", async () => {
    const { service, base } = await start();
    await service.started;
    const recorded = [];
    for (let i = 0; i < 7; i += 1) recorded.push(await record(base));
    const head = await json<{ size: number; root_hash: string; link: string }>(await fetch(`${base}/v1/chain/head`));
    assert.equal(head.size, 7);
    assert.equal(head.link, recorded[6]!.link);
    for (const { id, index } of [...recorded, ...recorded]) {
      const proved = await json<Proved>(await fetch(`${base}/v1/events/${id}`));
      const data = Buffer.from(proved.leaf.data, "base64");
      assert.ok(
        verifyInclusion({
          index,
          size: proved.proof.tree_size,
          leaf: leafHash(data),
          path: proved.proof.path.map((hash) => Buffer.from(hash, "hex")),
          root: Buffer.from(head.root_hash, "hex"),
        }),
      );
      assert.match(proved.event.annotator_pseudonym, /^ann_[0-9a-f]{32}$/);
    }
    assert.equal((await json<{ valid: boolean; checked: number }>(await fetch(`${base}/v1/chain/verify`))).checked, 7);
    const metrics = await (await fetch(`${base}/metrics`)).text();
    assert.match(metrics, /http_requests_total\{method="POST",route="\/v1\/events",status="201"\} 7/);
    assert.match(metrics, /http_requests_total\{method="GET",route="\/v1\/events\/:id",status="200"\} 14/);
  });

  it("goes on without Redis, says so, and recovers", async () => {
    const { service, base } = await start();
    await service.started;
    const { id } = await record(base);
    await world().redis.restart(async () => {
      const report = await becomes(base, (seen) => seen.failed_checks?.includes("redis") === true);
      assert.deepEqual(report.failed_checks, ["redis"]);
      assert.equal((await fetch(`${base}/v1/events/${id}`)).status, 200);
      await record(base);
      assert.equal((await fetch(`${base}/ready`)).status, 200);
    });
    await becomes(base, (seen) => seen.status === "healthy");
  });

  it("is not misled by what someone else put into the cache", async () => {
    const { service, base } = await start();
    await service.started;
    const { id } = await record(base);
    await fetch(`${base}/v1/events/${id}`);
    const client = createClient({ url: world().redis.url });
    await client.connect();
    const key = `rlhf-audit-trail:event:1:${id}`;
    const cached = JSON.parse((await client.get(key)) ?? "{}") as { record: string };
    const forged = Buffer.from(Buffer.from(cached.record, "base64").toString().replace("assistant-7b", "assistant-8b")).toString("base64");
    await client.set(key, JSON.stringify({ ...cached, record: forged }));
    const answer = await fetch(`${base}/v1/events/${id}`);
    assert.match(await answer.text(), /assistant-7b/);
    client.destroy();
  });

  it("answers 503 and no lie while PostgreSQL is away, and repeats a request safely afterwards", async () => {
    const { service, base } = await start();
    await service.started;
    const request = post(anEvent(), "the-key");
    assert.equal((await fetch(`${base}/v1/events`, request)).status, 201);
    await world().postgres.restart(async () => {
      const report = await becomes(base, (seen) => seen.failed_checks?.includes("database") === true);
      assert.deepEqual(report.failed_checks, ["database", "privacy_engine", "compliance_module"]);
      const refused = await fetch(`${base}/v1/events`, post(anEvent(), "another-key"));
      assert.equal(refused.status, 503);
      assert.equal(refused.headers.get("content-type"), "application/problem+json");
      assert.equal(refused.headers.get("retry-after"), "1");
    });
    await becomes(base, (seen) => seen.status === "healthy");
    const repeated = await fetch(`${base}/v1/events`, request);
    assert.deepEqual([repeated.status, repeated.headers.get("idempotency-replayed")], [200, "true"]);
    assert.equal((await fetch(`${base}/v1/events`, post(anEvent(), "another-key"))).status, 201);
    assert.equal((await json<Head>(await fetch(`${base}/v1/chain/head`))).size, 2);
  });

  it("starts before its database is there, and becomes ready when it comes", async () => {
    let late: Promise<void> | undefined;
    await world().postgres.restart(async () => {
      const { service, base } = await start();
      late = service.started;
      assert.equal((await fetch(`${base}/ready`)).status, 503);
      assert.equal((await fetch(`${base}/live`)).status, 200);
      assert.equal((await fetch(`${base}/v1/chain/head`)).status, 503);
    });
    await late;
  });

  it("notices a storage volume that is gone or cannot keep what is written", async () => {
    const { service, base } = await start();
    await service.started;
    rmSync(world().storage, { recursive: true });
    writeFileSync(world().storage, "a file where the folder was");
    const report = await health(base);
    assert.equal(report.code, 503);
    assert.deepEqual(report.failed_checks, ["audit_storage", "compliance_module"]);
    rmSync(world().storage);
  });

  it("notices another reward model, at the same size and time too", async () => {
    const model = join(world().storage, "model.json");
    copyFileSync(world().env()["MODEL_ARTEFACT"]!, model);
    chmodSync(model, 0o600);
    utimesSync(model, 1e9, 1e9);
    const { service, base } = await start({ MODEL_ARTEFACT: model });
    await service.started;
    writeFileSync(model, readFileSync(model, "utf8").replace("0.42", "0.43"));
    utimesSync(model, 1e9, 1e9);
    const report = await health(base);
    assert.deepEqual(report.failed_checks, ["ml_model"]);
    assert.match(report.checks["ml_model"]!.reason ?? "", /has digest sha256:[0-9a-f]{64}, not sha256:/);
  });

  it("never gets ready with a key that does not open what is stored", async () => {
    const first = await start();
    await first.service.started;
    await record(first.base);
    const second = await start({ ENCRYPTION_KEY: randomBytes(32).toString("base64") });
    // Redis may still be connecting at the first look.
    const report = await becomes(second.base, (seen) => seen.failed_checks?.join() === "privacy_engine");
    assert.match(report.checks["privacy_engine"]!.reason ?? "", /add the rotated key/);
    assert.equal((await fetch(`${second.base}/ready`)).status, 503);
  });

  it("notices a newest event that was changed, and a trail that was cut back behind its checkpoint", async () => {
    const { service, base } = await start();
    await service.started;
    for (let i = 0; i < 3; i += 1) await record(base);
    assert.equal((await health(base)).code, 200);
    await asAdministrator("DELETE FROM audit_event WHERE seq = 2; DELETE FROM merkle_node WHERE index = 2 AND level = 0");
    const cut = await health(base);
    assert.deepEqual(cut.failed_checks, ["compliance_module"]);
    assert.match(cut.checks["compliance_module"]!.reason ?? "", /cut back or rewritten/);
    // A forged event in its place does not help.
    await record(base);
    assert.deepEqual((await health(base)).failed_checks, ["compliance_module"]);
    rmSync(join(world().storage, "checkpoint.json"));
    assert.equal((await health(base)).code, 200);
    await asAdministrator("ALTER TABLE audit_event DROP CONSTRAINT audit_event_check; UPDATE audit_event SET record = record || ' ' WHERE seq = 2");
    assert.match((await health(base)).checks["compliance_module"]!.reason ?? "", /does not have the hashes/);
    writeFileSync(join(world().storage, "checkpoint.json"), "{}");
  });

  it("writes no secret and no identity to its log or its answers, whatever goes wrong", async () => {
    const key = randomBytes(32).toString("hex");
    const { service, base } = await start({ ENCRYPTION_KEY: key });
    await service.started;
    const answers: string[] = [];
    const see = async (path: string, init?: RequestInit): Promise<void> => {
      answers.push(await (await fetch(`${base}${path}`, init)).text());
    };
    await see("/v1/events", post(anEvent({ annotator: "secret-person" })));
    await see("/v1/events", post(anEvent({ annotator: "secret-person", occurred_at: "secret-person" })));
    await see("/v1/events", { ...post("{"), headers: { Authorization: "Bearer secret-person" } });
    await Promise.all([world().redis.restart(() => see("/health")), world().postgres.restart(() => see("/v1/events", post(anEvent({ annotator: "secret-person" }), randomUUID())))]);
    await see("/metrics");
    await becomes(base, (report) => report.status === "healthy");
    const everything = `${lines.join("")}${answers.join("")}`;
    assert.match(everything, /A health check failed/);
    assert.doesNotMatch(everything, new RegExp(`pg-secret-word|redis-secret-word|secret-person|${key}`));
  });

  it("leaves no connection behind when its shutdown is cut at the bound", async () => {
    const { service, base } = await start({ FAULTS_ENABLED: "true", FAULTS: '{"latencyMs":60000}', SHUTDOWN_TIMEOUT_MS: "200" });
    await service.started;
    const slow = assert.rejects(fetch(`${base}/version`));
    await fetch(`${base}/live`);
    services = [];
    assert.equal(await service.stop(), false);
    await slow;
  });

  it("misbehaves as the faults say, and stops when told", async () => {
    const { service, base } = await start({ FAULTS_ENABLED: "true" });
    await service.started;
    const admin = `http://127.0.0.1:${service.adminPort}/admin/faults`;
    const set = async (faults: object): Promise<number> => (await fetch(admin, { method: "PUT", body: JSON.stringify(faults) })).status;
    assert.equal(await set({ errorRate: 1, wrongDigest: true, neverReady: true, failChecks: ["redis"] }), 200);
    assert.equal((await fetch(`${base}/v1/chain/head`)).status, 500);
    assert.equal((await fetch(`${base}/ready`)).status, 503);
    assert.deepEqual((await health(base)).failed_checks, ["redis"]);
    assert.equal(await set({ wrongDigest: true }), 200);
    assert.match(await (await fetch(`${base}/version`)).text(), /sha256:0{64}/);
    assert.equal(await set({ errorRate: 2 }), 422);
    assert.equal((await fetch(admin, { method: "DELETE" })).status, 200);
    assert.equal((await fetch(`${base}/ready`)).status, 200);
    assert.match(await (await fetch(`${base}/version`)).text(), /sha256:c{64}/);
  });
});
