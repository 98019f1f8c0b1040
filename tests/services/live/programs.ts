import { chmodSync, existsSync, mkdtempSync, readdirSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { debianRoot, postgresPackage } from "../../../cluster/images/debian.ts";
import { mustRun } from "../../../cluster/run.ts";

/** The servers' programs, and the environment that they start in. */
export type ServerPrograms = Readonly<{ initdb: string; postgres: string; redis: string; env: NodeJS.ProcessEnv }>;

let found: Promise<ServerPrograms> | undefined;

/**
 * PostgreSQL's and Redis' programs: the machine's own, or else Debian's packages unpacked for this process. Nothing is
 * installed: that would start servers on the machine.
 */
export function serverPrograms(): Promise<ServerPrograms> {
  return (found ??= ofMachine() ?? unpacked());
}

/** From PATH, or the folders that Debian keeps out of it; undefined when one is missing. */
function ofMachine(): Promise<ServerPrograms> | undefined {
  const debian = "/usr/lib/postgresql";
  const versions = existsSync(debian) ? readdirSync(debian).sort((a, b) => Number(b) - Number(a)) : [];
  const folders = [...versions.map((version) => join(debian, version, "bin")), ...(process.env["PATH"] ?? "").split(delimiter)];
  const find = (name: string): string | undefined => folders.map((folder) => join(folder, name)).find((path) => existsSync(path));
  const [initdb, postgres, redis] = [find("initdb"), find("postgres"), find("redis-server")];
  if (initdb === undefined || postgres === undefined || redis === undefined) return undefined;
  return Promise.resolve({ initdb, postgres, redis, env: process.env });
}

async function unpacked(): Promise<ServerPrograms> {
  const server = await postgresPackage().catch((cause: unknown) => {
    throw new Error("These tests need PostgreSQL and Redis, and there is no apt to fetch them: install both", { cause });
  });
  const { folder: root } = await debianRoot([server, "redis-tools"]);
  // PostgreSQL does not run as root, and another user can't look into root's cache.
  const folder = mkdtempSync(join(process.env["TEST_FOLDER"] ?? tmpdir(), "audit-trail-servers-"));
  chmodSync(folder, 0o755);
  await mustRun("cp", ["-r", join(root, "usr"), join(root, "lib"), folder]);
  const binaries = join(folder, "usr/lib/postgresql", server.replace("postgresql-", ""), "bin");
  // Debian ships one binary of Redis; its name decides what it does.
  const redis = join(folder, "redis-server");
  symlinkSync(join(folder, "usr/bin/redis-check-rdb"), redis);
  const libraries = ["usr/lib", "lib"].flatMap((place) => readdirSync(join(folder, place)).filter((name) => name.endsWith("-linux-gnu")).map((name) => join(folder, place, name)));
  return { initdb: join(binaries, "initdb"), postgres: join(binaries, "postgres"), redis, env: { ...process.env, LD_LIBRARY_PATH: libraries.join(delimiter) } };
}
