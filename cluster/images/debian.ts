import { createHash } from "node:crypto";
import { mkdir, readFile, realpath, rename, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
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
  const record = join(folder, "packages.json");
  try {
    return { folder: join(folder, "root"), versions: JSON.parse(await readFile(record, "utf8")) as Record<string, string> };
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "ENOENT")) throw error;
  }
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

/** The newest PostgreSQL server package of this Debian, `postgresql-15` on bookworm. */
export async function postgresPackage(): Promise<string> {
  const found = /^ *Depends: (postgresql-\d+)$/m.exec(await aptCache(["depends", "postgresql"]));
  if (found?.[1] === undefined) throw new ClusterError("apt knows no package postgresql.", "Check /etc/apt/sources.list.");
  return found[1];
}

/** Follows dependencies from library to library; programs among them (debconf, ssl-cert) are for installing, not for running. */
async function withLibraries(packages: readonly string[]): Promise<string[]> {
  const all = new Set(packages);
  for (const name of all) {
    for (const [, dependency] of (await aptCache(["depends", name])).matchAll(/^ *\|?(?:Pre)?Depends: (lib[a-z0-9.+-]+|zlib1g)$/gm)) {
      // The compiler behind PostgreSQL's JIT: 100 MB that the image leaves out.
      if (dependency !== undefined && !/^lib(llvm|debconf|elogind)/.test(dependency)) all.add(dependency);
    }
  }
  return [...all].sort();
}

async function aptCache(args: readonly string[]): Promise<string> {
  const first = await run("apt-cache", args);
  if (first.code === 0 && first.stdout !== "") return first.stdout;
  await mustRun("apt-get", ["update", "-qq"]);
  return await mustRun("apt-cache", args);
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
