import assert from "node:assert/strict";
import { randomBytes, randomUUID } from "node:crypto";
import { createPool, type Pool } from "../../../services/audit-trail/database.ts";
import { migrate, SchemaError } from "../../../services/audit-trail/migrate.ts";
import { migrations, type Migration } from "../../../services/audit-trail/migrations.ts";
import { PrivacyEngine } from "../../../services/audit-trail/pseudonyms.ts";
import { appendEvents } from "../../../services/audit-trail/trail.ts";
import { verifyTrail } from "../../../services/audit-trail/verify.ts";
import { anEvent, memoryLog } from "../fixtures.ts";
import { useWorld } from "./world.ts";

const last = migrations.length;
const expand: Migration = {
  version: last + 1,
  name: "who recorded it",
  oldestRelease: last,
  sql: "ALTER TABLE audit_event ADD COLUMN recorded_by text; CREATE INDEX audit_event_by_recorder ON audit_event (recorded_by)",
};
const contract: Migration = { version: last + 2, name: "drop the index", oldestRelease: last + 1, sql: "DROP INDEX audit_event_by_recorder" };
const { log } = memoryLog();

describe("services: schema migrations", () => {
  const world = useWorld();
  let pool: Pool;

  const versions = async (): Promise<number[]> => (await pool.query<{ version: number }>("SELECT version FROM schema_migration ORDER BY version")).rows.map((row) => row.version);

  beforeEach(async () => {
    pool = createPool({ url: await world().database(), size: 8, name: "test", log });
  });
  afterEach(async () => {
    await pool.end();
  });

  it("are applied once when many pods start together", async () => {
    const results = await Promise.all(Array.from({ length: 6 }, () => migrate(pool, [...migrations, expand], log)));
    assert.equal(results.filter((result) => result.applied.length > 0).length, 1);
    assert.ok(results.every((result) => result.schemaVersion === expand.version));
    assert.deepEqual(await versions(), [...migrations, expand].map((step) => step.version));
  });

  it("expand while the old release appends, and old and new release go on side by side in one chain", async () => {
    await migrate(pool, migrations, log);
    const privacy = new PrivacyEngine([randomBytes(32)]);
    const progress = { expanded: false, afterwards: 0 };
    // This is the old release's code: it knows nothing of the new column.
    const old = (async (): Promise<void> => {
      while (progress.afterwards < 10) {
        await appendEvents(pool, privacy, [{ idempotencyKey: randomUUID(), request: anEvent() }]);
        if (progress.expanded) progress.afterwards += 1;
      }
    })();
    await migrate(pool, [...migrations, expand], log);
    progress.expanded = true;
    await old;
    // The old release starts again (a roll-back) on the new schema.
    assert.deepEqual(await migrate(pool, migrations, log), { applied: [], schemaVersion: expand.version });
    await appendEvents(pool, privacy, [{ idempotencyKey: randomUUID(), request: anEvent() }]);
    const verdict = await verifyTrail(pool, 0, 100_000);
    assert.equal(verdict.valid, true);
    assert.ok(verdict.checked >= 11);
  });

  it("refuse a release that a contracted schema has left behind, and change nothing", async () => {
    await migrate(pool, [...migrations, expand, contract], log);
    await assert.rejects(migrate(pool, migrations, log), (error) => error instanceof SchemaError && /deploy a newer release/.test(error.message));
    await migrate(pool, [...migrations, expand], log);
  });

  it("refuse a step that was edited after it was applied", async () => {
    await migrate(pool, migrations, log);
    const edited = migrations.map((step) => ({ ...step, sql: `${step.sql} -- edited` }));
    await assert.rejects(migrate(pool, edited, log), (error) => error instanceof SchemaError && /never edit an applied migration/.test(error.message));
  });

  it("apply all steps or none", async () => {
    const broken: Migration = { ...expand, sql: "CREATE TABLE half_way (a int); SELECT no_such_function()" };
    await assert.rejects(migrate(pool, [...migrations, broken], log), /no_such_function/);
    const { rows } = await pool.query("SELECT 1 FROM pg_tables WHERE tablename IN ('half_way', 'audit_event', 'schema_migration')");
    assert.equal(rows.length, 0);
    await migrate(pool, migrations, log);
  });

  it("refuse gaps in the numbering before the database is asked", async () => {
    const unreachable = createPool({ url: "postgresql://audit@127.0.0.1:1/none", size: 2, name: "test", log });
    await assert.rejects(migrate(unreachable, [...migrations, contract], log), /without gaps/);
    await unreachable.end();
  });
});
