import { createHash } from "node:crypto";
import { mkdir, readFile, realpath, rename, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { systemCode } from "../../engine/errors.ts";
import { whileBuilding } from "../buildLock.ts";
import { ClusterError } from "../failure.ts";
import { cacheFolder } from "../paths.ts";
import { mustRun, run } from "../run.ts";

/** Debian packages unpacked side by side, from which an image takes what it needs. Nothing is installed on the machine. */
export interface DebianRoot {
  folder: string;
  /** Package to version, for the image's labels. */
  versions: Readonly<Record<string, string>>;
}

interface Download {
  name: string;
  file: string;
  version: string;
}

/**
 * Downloads and unpacks packages and the libraries that they depend on. What apt offers at the first time is kept: later
 * images of the same packages come out the same until the cache is emptied.
 */
export async function debianRoot(packages: readonly string[]): Promise<DebianRoot> {
  const key = createHash("sha256").update(packages.join(" ")).digest("hex").slice(0, 12);
  const folder = join(cacheFolder(), "debian", key);
  return (await unpacked(folder)) ?? (await whileBuilding(`${folder}.lock`, () => undefined, async () => (await unpacked(folder)) ?? (await unpack(packages, folder))));
}

async function unpacked(folder: string): Promise<DebianRoot | undefined> {
  const record = await kept(join(folder, "packages.json"));
  return record === undefined ? undefined : { folder: join(folder, "root"), versions: JSON.parse(record) as Record<string, string> };
}

/** A file's text; undefined when it is not there. */
async function kept(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    if (systemCode(error) === "ENOENT") return undefined;
    throw error;
  }
}

async function unpack(packages: readonly string[], folder: string): Promise<DebianRoot> {
  const unfinished = `${folder}.${process.pid}`;
  try {
    await mkdir(join(unfinished, "root"), { recursive: true });
    await mkdir(join(unfinished, "packages"));
    const downloads = await download(await withLibraries(packages), join(unfinished, "packages"));
    for (const { file } of downloads) await mustRun("dpkg-deb", ["-x", file, join(unfinished, "root")]);
    await rm(join(unfinished, "packages"), { recursive: true });
    const versions = Object.fromEntries(downloads.map(({ name, version }) => [name, version]));
    await writeFile(join(unfinished, "packages.json"), JSON.stringify(versions, undefined, 2));
    await rm(folder, { recursive: true, force: true });
    await rename(unfinished, folder);
    return { folder: join(folder, "root"), versions };
  } finally {
    await rm(unfinished, { recursive: true, force: true });
  }
}

/** The newest PostgreSQL server package of this Debian when it was first asked for, `postgresql-15` on bookworm. */
export async function postgresPackage(): Promise<string> {
  const folder = join(cacheFolder(), "debian");
  const record = join(folder, "postgresql");
  const known = await kept(record);
  if (known !== undefined) return known;
  const found = /^ *Depends: (postgresql-\d+)$/m.exec(await dependencies(["postgresql"]))?.[1];
  if (found === undefined) throw new ClusterError("apt knows no package postgresql.", "Check /etc/apt/sources.list.");
  await mkdir(folder, { recursive: true });
  await writeFile(`${record}.${process.pid}`, found);
  await rename(`${record}.${process.pid}`, record);
  return found;
}

/** Follows dependencies from library to library; programs among them (debconf, ssl-cert) are for installing, not for running. */
async function withLibraries(packages: readonly string[]): Promise<string[]> {
  const all = new Set(packages);
  for (let asked = packages; asked.length > 0; ) {
    const named = [...(await dependencies(asked)).matchAll(/^ *\|?(?:Pre)?Depends: (lib[a-z0-9.+-]+|zlib1g)$/gm)].map(([, name = ""]) => name);
    // The compiler behind PostgreSQL's JIT: 100 MB that the image leaves out.
    asked = [...new Set(named)].filter((name) => !all.has(name) && !/^lib(llvm|debconf|elogind)/.test(name));
    for (const name of asked) all.add(name);
  }
  return [...all].sort();
}

/** Of many packages at once: each call reads all that apt knows, for seconds where it keeps no cache of it, as in containers. */
async function dependencies(packages: readonly string[]): Promise<string> {
  const words = ["depends", ...packages];
  const first = await run("apt-cache", words);
  if (first.code === 0 && first.stdout !== "") return first.stdout;
  await mustRun("apt-get", ["update", "-qq"]);
  return await mustRun("apt-cache", words);
}

async function download(packages: readonly string[], folder: string): Promise<Download[]> {
  const get = ["download", "-qq", "-o", "APT::Sandbox::User=root"];
  const fetched = await run("apt-get", [...get, ...packages], { cwd: folder });
  if (fetched.code !== 0) {
    // Lists that are older than the archive name files that are gone.
    await mustRun("apt-get", ["update", "-qq"]);
    await mustRun("apt-get", [...get, ...packages], { cwd: folder });
  }
  const files = (await mustRun("find", [folder, "-name", "*.deb"])).trim().split("\n").sort();
  const downloads: Download[] = [];
  for (const file of files) {
    const [name = "", version = ""] = (await mustRun("dpkg-deb", ["--show", "--showformat=${Package} ${Version}", file])).split(" ");
    downloads.push({ name, version, file });
  }
  return downloads;
}

const architecture = process.arch === "arm64" ? { triplet: "aarch64-linux-gnu", loader: "/lib/ld-linux-aarch64.so.1" } : { triplet: "x86_64-linux-gnu", loader: "/lib64/ld-linux-x86-64.so.2" };

/** Where the dynamic loader is looked for by every program. */
const loaderPath = architecture.loader;
/** The folder of libraries inside images. */
const libraryFolder = `/usr/lib/${architecture.triplet}`;

/**
 * The libraries that programs need, as the root's own loader finds them in the root.
 * @returns path inside an image to the file on this machine, the loader among them
 */
export async function librariesOf(root: DebianRoot, programs: readonly string[]): Promise<Map<string, string>> {
  const folders = [libraryFolder, `/lib/${architecture.triplet}`].map((folder) => join(root.folder, folder));
  const loader = await firstThatExists([join(root.folder, loaderPath), ...folders.map((folder) => join(folder, loaderPath.split("/").at(-1) ?? ""))]);
  const found = new Map([[loaderPath, loader]]);
  for (const program of programs) {
    const listing = await mustRun(loader, ["--library-path", folders.join(":"), "--list", program]);
    if (listing.includes("not found")) throw new ClusterError(`${program} needs a library that no package brought:\n${listing.trim()}`);
    for (const [, name, path] of listing.matchAll(/^\s*(\S+) => (\/\S+)/gm)) {
      if (name === undefined || path === undefined || name.startsWith("/")) continue;
      if (!path.startsWith(root.folder)) throw new ClusterError(`${program} would take ${path} of this machine.`);
      found.set(`${libraryFolder}/${name}`, await realpath(path));
    }
  }
  return found;
}

async function firstThatExists(paths: readonly string[]): Promise<string> {
  for (const path of paths) {
    const real = await stat(path).then(
      () => realpath(path),
      () => undefined,
    );
    if (real !== undefined) return real;
  }
  throw new ClusterError(`None of these is there: ${paths.join(", ")}.`);
}
