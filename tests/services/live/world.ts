import { createHash, randomBytes } from "node:crypto";
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import pg from "pg";
import { startPostgres, startRedis, type Running } from "./servers.ts";

const model = fileURLToPath(new URL("../../../services/audit-trail/reward-model.json", import.meta.url));

/** A PostgreSQL, a Redis, a storage folder and the environment that a service needs to use them. */
export type World = Readonly<{
  postgres: Running;
  redis: Running;
  storage: string;
  /** The variables of a service, on ephemeral ports and without waits; any can be replaced. */
  env: (change?: Readonly<Record<string, string>>) => Record<string, string>;
  /** A new, empty database of this PostgreSQL; its address. */
  database: () => Promise<string>;
  end: () => Promise<void>;
}>;

/** Gives a suite a world of its own, from its first test to its last. */
export function useWorld(): () => World {
  let world: World | undefined;
  before(async () => {
    world = await startWorld();
  });
  after(async () => {
    await world?.end();
  });
  return () => {
    if (world === undefined) throw new Error("The world exists only while the suite runs");
    return world;
  };
}

/** Starts everything; `end` stops and deletes it. */
async function startWorld(): Promise<World> {
  const [postgres, redis] = await Promise.all([startPostgres(), startRedis()]);
  const storage = mkdtempSync(join(tmpdir(), "audit-trail-storage-"));
  const key = randomBytes(32).toString("hex");
  let databases = 0;
  return {
    postgres,
    redis,
    storage,
    env: (change = {}) => ({
      DATABASE_URL: postgres.url,
      REDIS_URL: redis.url,
      ENCRYPTION_KEY: key,
      ENVIRONMENT: "local",
      SLOT: "blue",
      IMAGE_DIGEST: `sha256:${"c".repeat(64)}`,
      HOST: "127.0.0.1",
      PORT: "0",
      ADMIN_PORT: "0",
      AUDIT_STORAGE_DIR: storage,
      MODEL_ARTEFACT: model,
      MODEL_DIGEST: `sha256:${createHash("sha256").update(readFileSync(model)).digest("hex")}`,
      DRAIN_DELAY_MS: "0",
      ...change,
    }),
    database: async () => {
      databases += 1;
      const client = new pg.Client({ connectionString: postgres.url });
      await client.connect();
      await client.query(`CREATE DATABASE trail_${databases}`);
      await client.end();
      // A checkpoint belongs to one database.
      rmSync(storage, { recursive: true, force: true });
      mkdirSync(storage);
      return postgres.url.replace(/postgres$/, `trail_${databases}`);
    },
    end: async () => {
      await Promise.all([postgres.stop(), redis.stop()]);
      rmSync(storage, { recursive: true, force: true });
    },
  };
}
