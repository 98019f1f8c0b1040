import pg from "pg";
import type { Logger } from "./log.ts";

export type Pool = pg.Pool;
export type Client = pg.PoolClient;

/** Connections to PostgreSQL, made when needed. Every statement ends within 5 s, every wait for a connection within 3 s. */
export function createPool(options: Readonly<{ url: string; size: number; name: string; log: Logger }>): Pool {
  const pool = new pg.Pool({
    connectionString: options.url,
    max: options.size,
    application_name: options.name.slice(0, 63),
    connectionTimeoutMillis: 3_000,
    statement_timeout: 5_000,
    // A connection that died without a word (a failed node) is noticed here and not by the server.
    query_timeout: 8_000,
    keepAlive: true,
  });
  // Without a listener an idle connection that PostgreSQL ends would end this process.
  pool.on("error", (error) => {
    options.log.warn({ err: error }, "An idle database connection was lost");
  });
  return pool;
}

/**
 * Runs `work` in one READ COMMITTED transaction: after a lock is granted, its next statement sees what the holder before committed.
 * A connection whose transaction did not end well is thrown away and not used again.
 */
export async function transaction<T>(pool: Pool, work: (client: Client) => Promise<T>): Promise<T> {
  const client = await pool.connect();
  let failure: Error | undefined;
  try {
    await client.query("BEGIN ISOLATION LEVEL READ COMMITTED");
    const result = await work(client);
    await client.query("COMMIT");
    return result;
  } catch (error) {
    failure = error instanceof Error ? error : new Error(String(error));
    throw error;
  } finally {
    client.release(failure);
  }
}

/** Connection, resources, operator's intervention, lock not available, serialisation: the same request may work a little later. */
const passingStates = /^(08|40|53|55|57|58)/;
const passingMessages = /^(timeout exceeded when trying to connect|Connection terminated|Query read timeout|Client has encountered a connection error)/;

/** Whether a failure comes from the database being away, busy or restarting, and not from the request or this code. */
export function isPassing(error: unknown): boolean {
  if (error instanceof pg.DatabaseError) return error.code !== undefined && passingStates.test(error.code);
  if (!(error instanceof Error)) return false;
  return ("syscall" in error && "code" in error) || passingMessages.test(error.message);
}
