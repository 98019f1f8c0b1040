import { spawn, spawnSync, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { chownSync, mkdtempSync, rmSync } from "node:fs";
import { createServer, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createClient } from "@redis/client";
import pg from "pg";
import { serverPrograms } from "./programs.ts";

/** Real PostgreSQL and Redis on loopback, each in a folder of its own that goes when it stops. */

export type Running = Readonly<{
  url: string;
  /** Ends the server as its administrator would. */
  stop: () => Promise<void>;
  /** Ends and starts it again on the same port and data. */
  restart: (between?: () => Promise<void>) => Promise<void>;
}>;

async function freePort(): Promise<number> {
  const server = createServer();
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}

/** PostgreSQL refuses to run as root. */
function unprivileged(): { uid?: number; gid?: number } {
  if (process.getuid?.() !== 0) return {};
  const id = (flag: string): number => Number(spawnSync("id", [flag, "nobody"], { encoding: "utf8" }).stdout);
  return { uid: id("-u"), gid: id("-g") };
}

/** Resolves when the server answers; rejects when its process ends first. */
async function answering(probe: () => Promise<void>, child: ChildProcess, output: () => string): Promise<void> {
  for (;;) {
    try {
      await probe();
      return;
    } catch (error) {
      if (child.exitCode !== null || child.signalCode !== null) throw new Error(`The server ended while it started: ${output()}`, { cause: error });
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
}

type Server = Readonly<{ start: () => ChildProcess; probe: () => Promise<void>; url: string; folder: string; signal: NodeJS.Signals }>;

async function run({ start, probe, url, folder, signal }: Server): Promise<Running> {
  const launch = async (): Promise<ChildProcess> => {
    const child = start();
    let output = "";
    child.stdout?.on("data", (chunk: Buffer) => (output = (output + chunk.toString()).slice(-4000)));
    child.stderr?.on("data", (chunk: Buffer) => (output = (output + chunk.toString()).slice(-4000)));
    await answering(probe, child, () => output);
    return child;
  };
  const end = async (child: ChildProcess): Promise<void> => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    child.kill(signal);
    await once(child, "exit");
  };
  let child = await launch();
  return {
    url,
    stop: async () => {
      await end(child);
      rmSync(folder, { recursive: true, force: true });
    },
    restart: async (between) => {
      await end(child);
      await between?.();
      child = await launch();
    },
  };
}

/** A PostgreSQL; its address has a password that the log must never show. */
export async function startPostgres(): Promise<Running> {
  const { initdb, postgres, env } = await serverPrograms();
  const folder = mkdtempSync(join(tmpdir(), "audit-trail-postgres-"));
  const identity = unprivileged();
  if (identity.uid !== undefined && identity.gid !== undefined) chownSync(folder, identity.uid, identity.gid);
  const data = join(folder, "data");
  const made = spawnSync(initdb, ["-D", data, "-U", "audit", "-A", "trust", "--no-locale", "-E", "UTF8", "--no-sync"], { ...identity, env, cwd: folder, encoding: "utf8" });
  if (made.status !== 0) throw new Error(`initdb failed: ${made.stderr}`);
  const port = await freePort();
  const args = ["-D", data, "-p", String(port), "-h", "127.0.0.1", "-k", folder, "-c", "fsync=off", "-c", "shared_buffers=16MB", "-c", "log_statement=none"];
  const url = `postgresql://audit:pg-secret-word@127.0.0.1:${port}/postgres`;
  const probe = async (): Promise<void> => {
    const client = new pg.Client({ connectionString: url });
    try {
      await client.connect();
      await client.query("SELECT 1");
    } finally {
      await client.end();
    }
  };
  return run({ start: () => spawn(postgres, args, { ...identity, env, cwd: folder }), probe, url, folder, signal: "SIGINT" });
}

/** A Redis that keeps nothing. */
export async function startRedis(): Promise<Running> {
  const { redis, env } = await serverPrograms();
  const folder = mkdtempSync(join(tmpdir(), "audit-trail-redis-"));
  const port = await freePort();
  const args = ["--port", String(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir", folder, "--requirepass", "redis-secret-word"];
  const url = `redis://:redis-secret-word@127.0.0.1:${port}`;
  const probe = async (): Promise<void> => {
    const client = createClient({ url, socket: { reconnectStrategy: false } });
    let refused: unknown;
    client.on("error", (error: unknown) => (refused = error));
    await client.connect();
    client.destroy();
    if (refused !== undefined) throw new Error("Redis refused", { cause: refused });
  };
  return run({ start: () => spawn(redis, args, { env }), probe, url, folder, signal: "SIGTERM" });
}
