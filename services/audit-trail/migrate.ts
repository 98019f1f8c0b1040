import { createHash } from "node:crypto";
import { transaction, type Pool } from "./database.ts";
import type { Logger } from "./log.ts";
import { migrationLock, type Migration } from "./migrations.ts";

/** The database's schema and this release do not fit; the message says what to do. */
export class SchemaError extends Error {
  constructor(message: string) {
    super(message);
    this.name = "SchemaError";
  }
}

/** What the migration did: the versions it applied, and the schema's version now. */
export type MigrationResult = Readonly<{ applied: readonly number[]; schemaVersion: number }>;

type AppliedRow = { version: number; name: string; checksum: string; oldest_release: number };

const checksum = (migration: Migration): string => createHash("sha256").update(`${migration.name}\n${migration.sql}`).digest("hex");

/**
 * Brings the schema up to what this release knows, all or nothing, one release at a time (advisory lock).
 * A schema that a newer release has already taken further is used as it is, unless that release says that this one is too old.
 * @throws SchemaError when an applied step is not the one this release knows, or this release is too old for the schema.
 */
export async function migrate(pool: Pool, steps: readonly Migration[], log: Logger): Promise<MigrationResult> {
  checkSteps(steps);
  const known = steps.length;
  return transaction(pool, async (client) => {
    // A second pod waits here while the first one migrates: longer than one statement may take otherwise.
    await client.query("SET LOCAL statement_timeout = '60s'");
    await client.query("SELECT pg_advisory_xact_lock($1, $2)", [...migrationLock]);
    await client.query(`CREATE TABLE IF NOT EXISTS schema_migration (
      version integer PRIMARY KEY, name text NOT NULL, checksum text NOT NULL, oldest_release integer NOT NULL,
      applied_at timestamptz NOT NULL DEFAULT now())`);
    const { rows } = await client.query<AppliedRow>("SELECT version, name, checksum, oldest_release FROM schema_migration ORDER BY version");
    const oldest = Math.max(0, ...rows.map((row) => row.oldest_release));
    if (oldest > known)
      throw new SchemaError(
        `The database's schema needs a release that knows schema version ${oldest}, and this one knows ${known}: deploy a newer release, or restore the database`,
      );
    for (const row of rows) {
      const step = steps[row.version - 1];
      if (step !== undefined && checksum(step) !== row.checksum)
        throw new SchemaError(`Migration ${row.version} (${row.name}) was applied in another form than this release has: never edit an applied migration, add a new one`);
    }
    const applied = new Set(rows.map((row) => row.version));
    const missing = steps.filter((step) => !applied.has(step.version));
    for (const step of missing) {
      await client.query(step.sql);
      await client.query("INSERT INTO schema_migration (version, name, checksum, oldest_release) VALUES ($1, $2, $3, $4)", [
        step.version,
        step.name,
        checksum(step),
        step.oldestRelease,
      ]);
      log.info({ migration: step.version, name: step.name }, "Applied a schema migration");
    }
    return { applied: missing.map((step) => step.version), schemaVersion: Math.max(known, ...applied) };
  });
}

function checkSteps(steps: readonly Migration[]): void {
  for (const [index, step] of steps.entries()) {
    if (step.version !== index + 1) throw new SchemaError(`Migration ${step.version} (${step.name}) stands at place ${index + 1}: number them 1, 2, 3 … without gaps`);
    if (step.oldestRelease < 1 || step.oldestRelease > step.version)
      throw new SchemaError(`Migration ${step.version} (${step.name}) names the oldest release ${step.oldestRelease}: it must be from 1 to ${step.version}`);
  }
}
