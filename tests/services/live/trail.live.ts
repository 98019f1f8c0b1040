import assert from "node:assert/strict";
import { randomBytes, randomUUID } from "node:crypto";
import { createPool, transaction, type Pool } from "../../../services/audit-trail/database.ts";
import { parseRecord } from "../../../services/audit-trail/event.ts";
import { verifyInclusion } from "../../../ledger/merkle.ts";
import { migrate } from "../../../services/audit-trail/migrate.ts";
import { appendLock, migrations } from "../../../services/audit-trail/migrations.ts";
import { Problem } from "../../../services/audit-trail/problem.ts";
import { PrivacyEngine } from "../../../services/audit-trail/pseudonyms.ts";
import { appendEvents, findEvent, readEvents, readHead, readProof } from "../../../services/audit-trail/trail.ts";
import { createTrailService } from "../../../services/audit-trail/trail-service.ts";
import { verifyTrail } from "../../../services/audit-trail/verify.ts";
import { anEvent, memoryLog } from "../fixtures.ts";
import { useWorld } from "./world.ts";

const noCache = { get: async () => Promise.resolve(undefined), put: async () => Promise.resolve(), connected: Promise.resolve(), ping: async () => Promise.resolve(), close: () => undefined };
const { log } = memoryLog();

describe("services: the trail in PostgreSQL", function () {
  const world = useWorld();
  let url: string;
  let pool: Pool;
  const pools: Pool[] = [];
  const key = randomBytes(32);
  const privacy = new PrivacyEngine([key]);

  const connect = (): Pool => {
    const fresh = createPool({ url, size: 4, name: "test", log });
    pools.push(fresh);
    return fresh;
  };
  const record = async (count: number): Promise<void> => {
    await appendEvents(pool, privacy, Array.from({ length: count }, () => ({ idempotencyKey: randomUUID(), request: anEvent() })));
  };
  /** What a database administrator could do behind the service's back. */
  const tamper = async (sql: string): Promise<void> => {
    await transaction(pool, async (client) => {
      await client.query("SET LOCAL session_replication_role = replica");
      await client.query(sql);
    });
  };

  beforeEach(async () => {
    url = await world().database();
    pool = connect();
    await migrate(pool, migrations, log);
  });
  afterEach(async () => {
    await Promise.all(pools.splice(0).map((open) => open.end()));
  });

  it("starts empty and valid", async () => {
    assert.equal((await readHead(pool)).size, 0);
    assert.deepEqual(await verifyTrail(pool, 0, 10), { valid: true, checked: 0, from: 0, next: undefined, fault: undefined, tree: { size: 0, root: (await readHead(pool)).root.toString("hex") } });
  });

  it("keeps one unbroken chain when replicas append at the same time", async () => {
    const replicas = Array.from({ length: 4 }, () => createTrailService({ pool: connect(), cache: noCache, privacy }));
    const outcomes = await Promise.all(
      Array.from({ length: 600 }, (_, i) => replicas[i % replicas.length]!.submit({ idempotencyKey: `key-${i}`, request: anEvent({ annotator: `person-${i % 7}` }) })),
    );
    assert.deepEqual(outcomes.map((o) => o.event.seq).sort((a, b) => a - b), Array.from({ length: 600 }, (_, i) => i));
    const verdict = await verifyTrail(pool, 0, 1000);
    assert.equal(verdict.valid, true);
    assert.equal(verdict.checked, 600);
    const pseudonyms = new Set(outcomes.map((o) => parseRecord(o.event.record).annotator_pseudonym));
    assert.equal(pseudonyms.size, 7);
  });

  it("records a repeated request once, whichever replica it reaches, and refuses a key used for another event", async () => {
    const replicas = Array.from({ length: 3 }, () => createTrailService({ pool: connect(), cache: noCache, privacy }));
    const outcomes = await Promise.all(Array.from({ length: 60 }, (_, i) => replicas[i % 3]!.submit({ idempotencyKey: "same", request: anEvent() })));
    assert.equal(new Set(outcomes.map((o) => o.event.id)).size, 1);
    assert.equal(outcomes.filter((o) => o.kind === "recorded").length, 1);
    assert.equal((await replicas[0]!.submit({ idempotencyKey: "same", request: anEvent({ occurred_at: "2026-02-01T00:00:00Z" }) })).kind, "conflict");
    assert.equal((await replicas[0]!.submit({ idempotencyKey: "same", request: anEvent({ annotator: "someone else" }) })).kind, "conflict");
    assert.equal((await readHead(pool)).size, 1);
  });

  it("proves events in the newest tree and in earlier ones", async () => {
    await record(13);
    await record(8);
    for (const { seq, leafHash } of await readEvents(pool, 0, 100))
      for (const size of [seq + 1, 13, 21].filter((wanted) => wanted > seq)) {
        const { root, leaf, path } = await readProof(pool, seq, size);
        assert.deepEqual(leaf, leafHash);
        assert.ok(verifyInclusion({ index: seq, size, leaf, path, root }));
        if (size === 21) assert.deepEqual(root, (await readHead(pool)).root);
      }
  });

  it("records all of a batch or nothing", async () => {
    await record(2);
    await pool.query("CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN IF NEW.index = 4 THEN RAISE EXCEPTION 'disk trouble'; END IF; RETURN NEW; END $$");
    await pool.query("CREATE TRIGGER refuse BEFORE INSERT ON merkle_node FOR EACH ROW EXECUTE FUNCTION refuse()");
    await assert.rejects(record(5), /disk trouble/);
    assert.equal((await readHead(pool)).size, 2);
    assert.equal((await verifyTrail(pool, 0, 10)).valid, true);
  });

  for (const sql of [
    "UPDATE audit_event SET record = record WHERE seq = 1",
    "DELETE FROM audit_event WHERE seq = 2",
    "TRUNCATE audit_event",
    "UPDATE merkle_node SET hash = hash",
    "DELETE FROM merkle_node",
    "TRUNCATE merkle_node",
  ])
    it(`is append-only: ${sql}`, async () => {
      await record(3);
      await assert.rejects(pool.query(sql), /append-only/);
      assert.equal((await verifyTrail(pool, 0, 10)).valid, true);
    });

  it("lets no release fork the chain, skip a number or store wrong hashes", async () => {
    await record(2);
    const insert = (seq: string, previous: string, leaf: string, link: string): string =>
      `INSERT INTO audit_event SELECT ${seq}, gen_random_uuid(), sha256(id::text::bytea), record, ${leaf}, ${previous}, ${link} FROM audit_event WHERE seq = 1`;
    const linkOf = (previous: string): string => `sha256('\\x02'::bytea || ${previous} || leaf_hash)`;
    await assert.rejects(pool.query(insert("2", "previous_link", "leaf_hash", linkOf("previous_link"))), /does not follow the head/);
    await assert.rejects(pool.query(insert("3", "link", "leaf_hash", linkOf("link"))), /does not follow the head/);
    await assert.rejects(pool.query(insert("2", "link", "sha256(record)", linkOf("link"))), /check constraint/);
    await assert.rejects(pool.query(insert("2", "link", "leaf_hash", "sha256(link)")), /check constraint/);
    await pool.query(insert("2", "link", "leaf_hash", linkOf("link")));
  });

  it("lets one of two releases that do not lock append, and refuses the other", async () => {
    await record(1);
    const insert = `INSERT INTO audit_event SELECT 1, gen_random_uuid(), sha256(gen_random_uuid()::text::bytea), record, leaf_hash, link, sha256('\\x02'::bytea || link || leaf_hash) FROM audit_event WHERE seq = 0`;
    const results = await Promise.allSettled([0, 1].map(async () => transaction(connect(), (client) => client.query(insert))));
    assert.deepEqual(results.map((result) => result.status).sort(), ["fulfilled", "rejected"]);
    assert.deepEqual((await readEvents(pool, 1, 5)).map((event) => event.seq), [1]);
  });

  it("says that the database is busy or restarting, and not that the request is wrong, when its connection is ended", async () => {
    const service = createTrailService({ pool: connect(), cache: noCache, privacy });
    await transaction(pool, async (client) => {
      await client.query("SELECT pg_advisory_xact_lock($1, $2)", [...appendLock]);
      const refused = assert.rejects(service.submit({ idempotencyKey: "1", request: anEvent() }), (error) => error instanceof Problem && error.status === 503);
      const end = "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted";
      while ((await client.query(end)).rows.length === 0) await new Promise((resolve) => setTimeout(resolve, 10));
      await refused;
    });
    assert.equal((await service.submit({ idempotencyKey: "1", request: anEvent() })).kind, "recorded");
  });

  const forgeries: readonly [string, string, { seq: number; rule: RegExp }][] = [
    ["a changed record", "ALTER TABLE audit_event DROP CONSTRAINT audit_event_check; UPDATE audit_event SET record = record || ' ' WHERE seq = 3", { seq: 3, rule: /leaf hash/ }],
    [
      "a changed record with its leaf hash",
      "ALTER TABLE audit_event DROP CONSTRAINT audit_event_check1; UPDATE audit_event SET record = record || ' ', leaf_hash = sha256('\\x00'::bytea || record || ' ') WHERE seq = 3",
      { seq: 3, rule: /its link/ },
    ],
    [
      "a changed record with all of its own hashes",
      "UPDATE audit_event SET record = record || ' ', leaf_hash = sha256('\\x00'::bytea || record || ' '), link = sha256('\\x02'::bytea || previous_link || sha256('\\x00'::bytea || record || ' ')) WHERE seq = 3",
      { seq: 4, rule: /does not link/ },
    ],
    ["a lost event", "DELETE FROM audit_event WHERE seq = 3", { seq: 3, rule: /missing/ }],
    ["a changed tree", "UPDATE merkle_node SET hash = sha256(hash) WHERE level = 2", { seq: 5, rule: /Merkle/ }],
    ["a cut-off end", "DELETE FROM audit_event WHERE seq >= 4", { seq: 4, rule: /missing/ }],
  ];
  for (const [what, sql, { seq, rule }] of forgeries)
    it(`finds ${what}, made behind its back`, async () => {
      await record(6);
      await tamper(sql);
      const verdict = await verifyTrail(pool, 0, 100);
      assert.equal(verdict.valid, false);
      assert.equal(verdict.fault?.seq, seq);
      assert.match(verdict.fault.rule, rule);
    });

  it("verifies stretch by stretch", async () => {
    await record(1203);
    assert.deepEqual(await verifyTrail(pool, 0, 600), { valid: true, checked: 600, from: 0, next: 600, fault: undefined, tree: undefined });
    assert.equal((await verifyTrail(pool, 600, 600)).next, 1200);
    assert.deepEqual(await verifyTrail(pool, 1200, 600), { valid: true, checked: 3, from: 1200, next: undefined, fault: undefined, tree: undefined });
  });

  it("stores no identity in clear, and knows a person again under a rotated key", async () => {
    const first = await appendEvents(pool, privacy, [{ idempotencyKey: "1", request: anEvent({ annotator: "ada@example.org" }) }]);
    const rotated = new PrivacyEngine([randomBytes(32), key]);
    const second = await appendEvents(pool, rotated, [{ idempotencyKey: "2", request: anEvent({ annotator: "ada@example.org" }) }]);
    const stranger = await appendEvents(pool, rotated, [{ idempotencyKey: "3", request: anEvent({ annotator: "bob@example.org" }) }]);
    const pseudonym = (outcomes: typeof first): string => parseRecord(outcomes[0]!.event.record).annotator_pseudonym;
    assert.equal(pseudonym(first), pseudonym(second));
    assert.notEqual(pseudonym(first), pseudonym(stranger));
    const { rows } = await pool.query<{ dump: string }>(
      "SELECT (SELECT string_agg(e::text || encode(record, 'escape'), ' ') FROM audit_event e) || (SELECT string_agg(i::text || encode(sealed, 'escape'), ' ') FROM annotator_identity i) AS dump",
    );
    assert.doesNotMatch(rows[0]!.dump, /ada@|bob@/);
    assert.match(rows[0]!.dump, /assistant-7b/);
    const { rows: sealed } = await pool.query<{ pseudonym: string; key_id: string; sealed: Buffer }>("SELECT * FROM annotator_identity ORDER BY created_at");
    assert.deepEqual(sealed.map((row) => rotated.open({ pseudonym: row.pseudonym, keyId: row.key_id, sealed: row.sealed })), ["ada@example.org", "ada@example.org", "bob@example.org"]);
  });

  it("unlinks a person for good when the mapping is dropped, and the trail stays valid", async () => {
    const [before] = await appendEvents(pool, privacy, [{ idempotencyKey: "1", request: anEvent() }]);
    const pseudonym = parseRecord(before!.event.record).annotator_pseudonym;
    await pool.query("DELETE FROM annotator_identity WHERE pseudonym = $1", [pseudonym]);
    const [after] = await appendEvents(pool, privacy, [{ idempotencyKey: "2", request: anEvent() }]);
    assert.notEqual(parseRecord(after!.event.record).annotator_pseudonym, pseudonym);
    assert.equal((await verifyTrail(pool, 0, 10)).valid, true);
    assert.deepEqual(await findEvent(pool, before!.event.id), before!.event);
  });
});
