import assert from "node:assert/strict";
import { createAdmin } from "../../services/audit-trail/admin.ts";
import { createApp, type AppParts } from "../../services/audit-trail/app.ts";
import { CheckFailure, HealthChecks, type Check, type CheckName } from "../../services/audit-trail/checks.ts";
import { genesis, linkHash } from "../../services/audit-trail/chain.ts";
import { Connections } from "../../services/audit-trail/connections.ts";
import { maxEventBytes } from "../../services/audit-trail/event-routes.ts";
import { eventRecord, recordBytes } from "../../services/audit-trail/event.ts";
import { faultSettings, noFaults } from "../../services/audit-trail/fault-settings.ts";
import { Faults } from "../../services/audit-trail/faults.ts";
import { Lifecycle } from "../../services/audit-trail/lifecycle.ts";
import { leafHash } from "../../ledger/merkle.ts";
import { createMetrics, durationBuckets } from "../../services/audit-trail/metrics.ts";
import { Problem } from "../../services/audit-trail/problem.ts";
import type { Outcome, StoredEvent, Submission } from "../../services/audit-trail/trail.ts";
import { anEvent, memoryLog, post } from "./fixtures.ts";

const works: Check = async () => Promise.resolve();
const id = "6f1c1f0e-0000-4000-8000-000000000000";

function storedEvent(submission: Submission): StoredEvent {
  const record = recordBytes(eventRecord(submission.request, { id, recordedAt: "2026-01-31T12:00:01.000Z", pseudonym: "ann_00" }));
  return { seq: 0, id, record, leafHash: leafHash(record), previousLink: genesis, link: linkHash(genesis, leafHash(record)) };
}

/** The app over a trail of one event in memory; every part can be replaced. */
function setUp(change: Partial<AppParts> = {}, failing: Partial<Record<CheckName, Check>> = {}) {
  const { log, lines } = memoryLog();
  const submitted: Submission[] = [];
  const lifecycle = new Lifecycle();
  lifecycle.started();
  const event = storedEvent({ idempotencyKey: "k", request: anEvent() });
  const parts: AppParts = {
    config: { SLOT: "green", IMAGE_DIGEST: `sha256:${"c".repeat(64)}` },
    log,
    lifecycle,
    metrics: createMetrics({ version: "1", slot: "green", digest: "" }, { process: false, connections: () => 3 }),
    connections: new Connections({ maxAgeMs: 0, maxRequests: 0 }),
    checks: new HealthChecks({ database: works, redis: works, audit_storage: works, privacy_engine: works, compliance_module: works, ml_model: works, ...failing }, log, 100),
    trail: {
      submit: async (submission): Promise<Outcome> => {
        submitted.push(submission);
        return Promise.resolve({ kind: "recorded", event: storedEvent(submission) });
      },
      find: async (wanted) => Promise.resolve(wanted === id ? event : undefined),
      size: async () => Promise.resolve(1),
      proof: async () => Promise.resolve({ root: event.leafHash, leaf: event.leafHash, path: [] }),
      head: async () => Promise.resolve({ size: 1, root: event.leafHash, event }),
      verify: async (from) => Promise.resolve({ valid: true, checked: 1, from, next: undefined, fault: undefined, tree: undefined }),
    },
    ...change,
  };
  return { app: createApp(parts), parts, submitted, lines };
}

async function body(response: Response): Promise<Record<string, unknown>> {
  return (await response.json()) as Record<string, unknown>;
}

describe("services: health contract", () => {
  it("answers 200 with status, timestamp, checks and version when all work", async () => {
    const { app } = setUp();
    const response = await app.request("/health");
    assert.equal(response.status, 200);
    const answer = await body(response);
    assert.deepEqual(Object.keys(answer).sort(), ["checks", "status", "timestamp", "version"]);
    assert.equal(answer["status"], "healthy");
    assert.deepEqual(Object.keys(answer["checks"] as object), ["database", "redis", "audit_storage", "privacy_engine", "compliance_module", "ml_model"]);
  });

  it("answers 503 with the failed ones, a reason that may be shown, and no other error's text", async () => {
    const { app, lines } = setUp(
      {},
      {
        redis: async () => Promise.reject(new Error("AUTH failed for redis://:hunter2@cache:6379")),
        ml_model: async () => Promise.reject(new CheckFailure("the reward model is another one")),
        database: async () => new Promise(() => undefined),
      },
    );
    const response = await app.request("/health");
    assert.equal(response.status, 503);
    const text = await response.text();
    const answer = JSON.parse(text) as { failed_checks: string[]; checks: Record<string, { reason?: string }> };
    assert.deepEqual(answer.failed_checks, ["database", "redis", "ml_model"]);
    assert.equal(answer.checks["ml_model"]?.reason, "the reward model is another one");
    assert.match(answer.checks["database"]?.reason ?? "", /no answer within 100 ms/);
    assert.doesNotMatch(text + lines.join(""), /hunter2/);
    assert.match(lines.join(""), /AUTH failed for redis:\/\/\[removed\]@cache/);
  });

  it("runs the checks once for callers at the same time", async () => {
    let runs = 0;
    const { app } = setUp({}, { database: async () => Promise.resolve(void (runs += 1)) });
    await Promise.all(Array.from({ length: 20 }, async () => app.request("/health")));
    assert.equal(runs, 1);
    await app.request("/health");
    assert.equal(runs, 2);
  });

  it("is ready only between start and drain, and live always", async () => {
    const lifecycle = new Lifecycle();
    const { app } = setUp({ lifecycle });
    const codes = async () => [(await app.request("/ready")).status, (await app.request("/live")).status, (await app.request("/v1/chain/head")).status];
    assert.deepEqual(await codes(), [503, 200, 503]);
    lifecycle.started();
    assert.deepEqual(await codes(), [200, 200, 200]);
    lifecycle.drain();
    assert.deepEqual(await codes(), [503, 200, 200]);
    lifecycle.started();
    assert.deepEqual(await codes(), [503, 200, 200]);
  });

  it("tells digest and slot", async () => {
    assert.deepEqual(await body(await setUp().app.request("/version")), { version: "0.0.0-source", digest: `sha256:${"c".repeat(64)}`, slot: "green" });
  });
});

describe("services: events over HTTP", () => {
  it("answers 201 with id, index and hashes, and a place to find it", async () => {
    const { app, submitted } = setUp();
    const response = await app.request("/v1/events", post(anEvent(), "my-key"));
    assert.equal(response.status, 201);
    assert.equal(response.headers.get("location"), `/v1/events/${id}`);
    assert.deepEqual(Object.keys(await body(response)), ["id", "index", "recorded_at", "leaf_hash", "link"]);
    assert.deepEqual(submitted, [{ idempotencyKey: "my-key", request: anEvent() }]);
  });

  const refused: readonly [string, RequestInit, number][] = [
    ["no key", { ...post(anEvent()), headers: { "Content-Type": "application/json" } }, 400],
    ["a key too long", post(anEvent(), "k".repeat(201)), 400],
    ["a key with spaces", post(anEvent(), "a b"), 400],
    ["no JSON type", { ...post(anEvent()), headers: { "Content-Type": "text/plain", "Idempotency-Key": "k" } }, 415],
    ["broken JSON", { ...post(anEvent()), body: "{" }, 400],
    ["bytes that are not UTF-8", { ...post(anEvent()), body: Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x7d]) }, 400],
    ["nothing", { ...post(anEvent()), body: "" }, 400],
    ["a wrong event", post({ ...anEvent(), annotator: 7 }), 422],
    ["too much", post({ ...anEvent(), annotator: "a".repeat(maxEventBytes) }), 413],
    ["JSON nested without end", { ...post(anEvent()), body: `${"[".repeat(8000)}${"]".repeat(8000)}` }, 422],
  ];
  for (const [what, request, status] of refused)
    it(`refuses ${what} with ${status} and submits nothing`, async () => {
      const { app, submitted } = setUp();
      const response = await app.request("/v1/events", request);
      assert.equal(response.status, status);
      assert.equal(response.headers.get("content-type"), "application/problem+json");
      assert.equal((await body(response))["status"], status);
      assert.equal(submitted.length, 0);
    });

  it("names every wrong field, and no value", async () => {
    const response = await setUp().app.request("/v1/events", post({ ...anEvent(), annotator: 7, occurred_at: "yesterday-secret", extra: 1 }));
    const text = await response.text();
    for (const field of ["annotator", "occurred_at", ""]) assert.match(text, new RegExp(`"field":"${field}"`));
    assert.doesNotMatch(text, /yesterday-secret/);
  });

  it("answers a repeat 200 and a key used for another event 422", async () => {
    const answer = async (kind: Outcome["kind"]): Promise<Response> => {
      const { app } = setUp({ trail: { ...setUp().parts.trail, submit: async (s) => Promise.resolve({ kind, event: storedEvent(s) }) } });
      return app.request("/v1/events", post(anEvent()));
    };
    const repeated = await answer("repeated");
    assert.deepEqual([repeated.status, repeated.headers.get("idempotency-replayed")], [200, "true"]);
    assert.equal((await answer("conflict")).status, 422);
  });

  it("gives an event back with its proof; 404 for another, 400 for no id and for trees that do not hold it", async () => {
    const { app } = setUp();
    const found = await body(await app.request(`/v1/events/${id}`));
    assert.deepEqual(Object.keys(found), ["event", "leaf", "link", "proof"]);
    assert.equal((await app.request("/v1/events/00000000-0000-4000-8000-000000000000")).status, 404);
    assert.equal((await app.request("/v1/events/not-an-id")).status, 400);
    for (const size of ["0", "2", "x", "1.5"]) assert.equal((await app.request(`/v1/events/${id}?tree_size=${size}`)).status, 400, size);
  });

  it("refuses stretches that make no sense", async () => {
    const { app } = setUp();
    for (const query of ["from=-1", "from=x", "limit=0", "limit=1000000", "from=1e3"]) assert.equal((await app.request(`/v1/chain/verify?${query}`)).status, 400, query);
    assert.equal((await app.request("/v1/chain/verify?from=1&limit=5")).status, 200);
  });

  it("tells nothing of an unforeseen error but where to look", async () => {
    const { app, lines } = setUp({ trail: { ...setUp().parts.trail, head: async () => Promise.reject(new Error("column hunter2")) } });
    const response = await app.request("/v1/chain/head", { headers: { "X-Request-Id": "abc-1" } });
    assert.equal(response.status, 500);
    assert.doesNotMatch(await response.text(), /hunter2/);
    const logged = lines.find((line) => line.includes("hunter2"));
    assert.match(logged ?? "", /"request":"abc-1"/);
  });
});

describe("services: request metrics", () => {
  it("count application requests by method, route pattern and status, and no probes", async () => {
    const { app } = setUp({ trail: { ...setUp().parts.trail, head: async () => Promise.reject(new Problem(503, "Away", "Away")) } });
    for (const path of [`/v1/events/${id}`, "/v1/events/00000000-0000-4000-8000-000000000000", "/v1/chain/head", "/version", "/nothing/here", "/health", "/ready", "/live", "/metrics"]) await app.request(path);
    const text = await (await app.request("/metrics")).text();
    const counted = text.split("\n").filter((line) => line.startsWith("http_requests_total"));
    assert.deepEqual(counted.sort(), [
      'http_requests_total{method="GET",route="/v1/chain/head",status="503"} 1',
      'http_requests_total{method="GET",route="/v1/events/:id",status="200"} 1',
      'http_requests_total{method="GET",route="/v1/events/:id",status="404"} 1',
      'http_requests_total{method="GET",route="/version",status="200"} 1',
      'http_requests_total{method="GET",route="unmatched",status="404"} 1',
    ]);
    assert.match(text, /audit_trail_check_healthy\{check="redis"\} 1/);
    assert.match(text, /http_connections_open 3/);
    assert.match(text, /audit_trail_ready 1/);
  });

  it("have bucket bounds at the delivery's thresholds", () => {
    for (const threshold of [0.1, 0.25, 0.5, 1, 2]) assert.ok(durationBuckets.includes(threshold));
  });
});

describe("services: faults over HTTP", () => {
  it("hit application requests at their rate, and never the probes", async () => {
    const { log } = memoryLog();
    const faults = new Faults(log);
    const draws = [0.1, 0.3, 0.19, 0.2];
    const { app } = setUp({ faults, random: () => draws.shift() ?? 1 });
    faults.set(faultSettings.parse({ errorRate: 0.2 }));
    const codes = [];
    for (const path of ["/version", "/version", "/version", "/version", "/health", "/ready", "/metrics"]) codes.push((await app.request(path)).status);
    assert.deepEqual(codes, [500, 200, 500, 200, 200, 200, 200]);
    faults.stop();
    assert.deepEqual(faults.settings, noFaults);
  });

  it("are no command where they are not enabled", async () => {
    const admin = createAdmin({ shed: () => 0 });
    for (const method of ["GET", "PUT", "DELETE"]) assert.equal((await admin.request("/admin/faults", { method, body: method === "PUT" ? "{}" : null })).status, 404);
    assert.equal((await setUp().app.request("/admin/faults")).status, 404);
  });

  it("are not needed for shedding connections, which takes a grace that busy clients can live with", async () => {
    const graces: number[] = [];
    const admin = createAdmin({ shed: (graceMs) => graces.push(graceMs) });
    const shed = async (body?: string): Promise<number> => (await admin.request("/admin/connections/shed", { method: "POST", body: body ?? null })).status;
    assert.deepEqual([await shed(), await shed('{"graceMs":500}'), await shed('{"graceMs":0}')], [200, 200, 422]);
    assert.deepEqual(graces, [2000, 500]);
  });

  it("refuse what is not a fault, and change nothing then", async () => {
    const faults = new Faults(memoryLog().log);
    const admin = createAdmin({ shed: () => 0, faults });
    const put = async (text: string): Promise<number> => (await admin.request("/admin/faults", { method: "PUT", body: text })).status;
    assert.equal(await put('{"errorRate":0.5}'), 200);
    assert.deepEqual([await put("{"), await put('{"rate":1}'), await put('{"cpuBurn":1}'), await put(`{"x":"${"y".repeat(5000)}"}`)], [400, 422, 422, 413]);
    assert.equal(faults.settings.errorRate, 0.5);
    faults.stop();
  });
});
