import { lstat, readdir, readlink } from "node:fs/promises";
import { join } from "node:path";
import { pathOf, type Programs } from "../parts.ts";
import { repository } from "../paths.ts";
import { type DebianRoot, debianRoot, librariesOf, postgresPackage } from "./debian.ts";
import type { Image, ImageEntry } from "./image.ts";

/** Not root and not a person: what the images run as. */
const nobody = 65532;
/** The owner of the databases' files. */
const databaseUser = 999;

/** Names that images are known by in the cluster. */
export const imageNames = {
  coredns: "localhost/rlhf-audit-trail/coredns:v1.15.0",
  metricsServer: "localhost/rlhf-audit-trail/metrics-server:v0.9.0",
  postgres: "localhost/rlhf-audit-trail/postgres:debian",
  redis: "localhost/rlhf-audit-trail/redis:debian",
  /** Referred to by digest, as the stacks do. */
  auditTrail: "ghcr.io/terragonlabs/rlhf-audit-trail",
  gates: "ghcr.io/terragonlabs/rlhf-audit-trail-gates",
} as const;

/** One static program and nothing else. */
export function goImage(programs: Programs, name: string, user = String(nobody)): Image {
  return {
    files: new Map<string, ImageEntry>([
      [`/${name}`, { type: "file", from: pathOf(programs, name), mode: 0o755 }],
      ["/tmp", { type: "directory", mode: 0o1777 }],
    ]),
    entrypoint: [`/${name}`],
    user,
  };
}

/** Envoy and the C library that it was linked against. */
export async function envoyImage(programs: Programs): Promise<Image> {
  const root = await debianRoot(["libc6"]);
  const files = await programFiles(root, new Map([["/usr/bin/envoy", pathOf(programs, "envoy")]]));
  files.set("/tmp", { type: "directory", mode: 0o1777 });
  return { files, entrypoint: ["/usr/bin/envoy"], user: String(nobody), labels: labels(root) };
}

/** The workload: Node.js, its libraries from Debian, and the bundle. */
export async function auditTrailImage(bundle: string): Promise<Image> {
  return nodeImage(bundle, "audit-trail.mjs", ["reward-model.json"]);
}

/** The gates, all four roles. */
export async function gatesImage(bundle: string): Promise<Image> {
  return nodeImage(bundle, "gates.mjs", []);
}

/** Node.js with one bundled program of a folder, and the files beside it. */
async function nodeImage(bundle: string, program: string, beside: readonly string[]): Promise<Image> {
  const root = await debianRoot(["libc6", "libgcc-s1", "libstdc++6"]);
  const node = join(repository, "node_modules/node/bin/node");
  const files = await programFiles(root, new Map([["/usr/bin/node", node]]));
  for (const name of [program, ...beside]) files.set(`/app/${name}`, { type: "file", from: join(bundle, name) });
  files.set("/tmp", { type: "directory", mode: 0o1777 });
  return {
    files,
    entrypoint: ["/usr/bin/node", `/app/${program}`],
    env: { NODE_ENV: "production" },
    user: String(nobody),
    workingDir: "/app",
    labels: labels(root),
  };
}

/** PostgreSQL with a script that makes the database at the first start. */
export async function postgresImage(script: string): Promise<Image> {
  const server = await postgresPackage();
  const version = server.replace("postgresql-", "");
  const root = await debianRoot([server, `postgresql-client-${version}`, "dash", "tzdata", "libc-bin", "coreutils"]);
  const binaries = `/usr/lib/postgresql/${version}`;
  const tree = await copyTree(root, [binaries, `/usr/share/postgresql/${version}`, "/usr/share/zoneinfo", "/usr/lib/locale/C.utf8"], /llvmjit|\/bitcode\//);
  const shell = new Map([
    ["/bin/sh", join(root.folder, "bin/dash")],
    ["/usr/bin/cat", join(root.folder, "bin/cat")],
  ]);
  const libraries = [...tree].filter(([path, entry]) => entry.type === "file" && (path.startsWith(`${binaries}/bin/`) || path.endsWith(".so")));
  const files = await programFiles(root, shell, libraries.map(([path]) => join(root.folder, path)));
  for (const [path, entry] of tree) files.set(path, entry);
  for (const [path, entry] of accounts("postgres")) files.set(path, entry);
  files.set("/start.sh", { type: "file", from: script, mode: 0o755 });
  return {
    files,
    entrypoint: ["/bin/sh", "/start.sh"],
    env: { PATH: `${binaries}/bin:/usr/bin:/bin`, PGDATA: "/data/pgdata", LANG: "C.UTF-8" },
    user: String(databaseUser),
    labels: labels(root),
  };
}

/** Redis; the password comes in a file, by the script. */
export async function redisImage(script: string): Promise<Image> {
  const root = await debianRoot(["redis-tools", "dash", "coreutils"]);
  const binaries = new Map([
    ["/bin/sh", join(root.folder, "bin/dash")],
    ["/usr/bin/cat", join(root.folder, "bin/cat")],
    // Debian ships one binary; its name decides what it does.
    ["/usr/bin/redis-server", join(root.folder, "usr/bin/redis-check-rdb")],
    ["/usr/bin/redis-cli", join(root.folder, "usr/bin/redis-cli")],
  ]);
  const files = await programFiles(root, binaries);
  for (const [path, entry] of accounts("redis")) files.set(path, entry);
  files.set("/start.sh", { type: "file", from: script, mode: 0o755 });
  return { files, entrypoint: ["/bin/sh", "/start.sh"], env: { PATH: "/usr/bin:/bin" }, user: String(databaseUser), labels: labels(root) };
}

/** Programs at their places, and the libraries that they and others need. */
async function programFiles(root: DebianRoot, programs: ReadonlyMap<string, string>, others: readonly string[] = []): Promise<Map<string, ImageEntry>> {
  const files = new Map<string, ImageEntry>();
  for (const [path, from] of programs) files.set(path, { type: "file", from, mode: 0o755 });
  for (const [path, from] of await librariesOf(root, [...programs.values(), ...others])) files.set(path, { type: "file", from, mode: 0o755 });
  return files;
}

/** Folders of the root as they are, without paths that match `without`. */
async function copyTree(root: DebianRoot, folders: readonly string[], without: RegExp): Promise<Map<string, ImageEntry>> {
  const files = new Map<string, ImageEntry>();
  for (const folder of folders) {
    for (const name of await readdir(join(root.folder, folder), { recursive: true })) {
      const path = `${folder}/${name}`;
      const from = join(root.folder, path);
      if (without.test(path)) continue;
      const info = await lstat(from);
      if (info.isSymbolicLink()) files.set(path, { type: "link", target: await readlink(from) });
      else if (info.isFile()) files.set(path, { type: "file", from, mode: info.mode & 0o777 });
    }
  }
  return files;
}

/** PostgreSQL refuses to run as a user that has no name. */
function accounts(name: string): Map<string, ImageEntry> {
  return new Map<string, ImageEntry>([
    ["/etc/passwd", { type: "file", from: Buffer.from(`root:x:0:0::/:/bin/sh\n${name}:x:${databaseUser}:${databaseUser}::/tmp:/bin/sh\n`) }],
    ["/etc/group", { type: "file", from: Buffer.from(`root:x:0:\n${name}:x:${databaseUser}:\n`) }],
    ["/tmp", { type: "directory", mode: 0o1777 }],
    ["/data", { type: "directory", mode: 0o700, owner: databaseUser }],
  ]);
}

function labels(root: DebianRoot): Record<string, string> {
  const versions = Object.entries(root.versions).map(([name, version]) => `${name}=${version}`);
  return { "dev.rlhf-audit-trail.debian-packages": versions.join(" ") };
}
