import { createHash } from "node:crypto";
import { mkdir, readdir, readFile, rename, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { ClusterError } from "./failure.ts";
import { checkGo, type Tell } from "./host.ts";
import { cacheFolder, sources } from "./paths.ts";
import { lastLines, run } from "./run.ts";

/** One Go module of this folder and the programs that are built from it. */
interface Part {
  /** Folder below cluster/, with go.mod and go.sum that pin every version. */
  folder: string;
  /** Program's name to the package that it is built from. */
  programs: Readonly<Record<string, string>>;
  /** `-X` values of the linker. */
  values?: readonly string[];
  /** Minutes that the first build takes on two cores, for the person who waits. */
  minutes: number;
}

const kubernetesVersion = "1.35.4";

const parts: readonly Part[] = [
  { folder: "parts/pause", programs: { pause: "." }, minutes: 0 },
  { folder: "launcher", programs: { launcher: "." }, minutes: 0 },
  {
    folder: "parts/kubernetes",
    programs: { kubernetes: "." },
    values: [
      `k8s.io/component-base/version.gitVersion=v${kubernetesVersion}`,
      "k8s.io/component-base/version.gitMajor=1",
      "k8s.io/component-base/version.gitMinor=35",
      "k8s.io/component-base/version.gitTreeState=clean",
    ],
    minutes: 8,
  },
  { folder: "netpol", programs: { netpol: ".", "netpol-cni": "./cni" }, minutes: 2 },
  { folder: "storage", programs: { storage: "." }, minutes: 1 },
  { folder: "parts/etcd", programs: { etcd: "." }, minutes: 2 },
  { folder: "parts/coredns", programs: { coredns: "." }, minutes: 3 },
  { folder: "parts/metrics-server", programs: { "metrics-server": "sigs.k8s.io/metrics-server/cmd/metrics-server" }, minutes: 3 },
];

/** Program's name to its path in the cache. */
export type Programs = ReadonlyMap<string, string>;

/** Builds what the cache lacks, part by part. A part is known by its sources, pinned versions and flags: none is built twice. */
export async function buildParts(tell: Tell): Promise<Programs> {
  const programs = new Map<string, string>();
  const missing: { part: Part; folder: string }[] = [];
  for (const part of parts) {
    const folder = join(cacheFolder(), "bin", `${part.folder.replace("parts/", "")}-${await fingerprint(part)}`);
    for (const name of Object.keys(part.programs)) programs.set(name, join(folder, name));
    if (!(await exists(folder))) missing.push({ part, folder });
  }
  if (missing.length === 0) return programs;
  await checkGo();
  const minutes = missing.reduce((sum, { part }) => sum + part.minutes, 0);
  tell(`building ${missing.length} of ${parts.length} parts, once: about ${minutes} minutes on two cores`);
  for (const [index, { part, folder }] of missing.entries()) {
    await build(part, folder, `${index + 1}/${missing.length} ${part.folder.replace("parts/", "")}`, tell);
  }
  await dropBuildCache();
  return programs;
}

async function build(part: Part, folder: string, title: string, tell: Tell): Promise<void> {
  const begun = Date.now();
  const elapsed = () => `${Math.round((Date.now() - begun) / 1000)} s`;
  tell(`  ${title} …`);
  const heartbeat = setInterval(() => tell(`  ${title} … ${elapsed()}`), 30_000);
  // A folder of its own, renamed when whole: a build that is killed leaves nothing that looks built.
  const unfinished = `${folder}.${process.pid}`;
  try {
    await mkdir(unfinished, { recursive: true });
    for (const [name, source] of Object.entries(part.programs)) {
      const result = await run("go", ["build", ...flags(part), "-o", join(unfinished, name), source], {
        cwd: join(sources, part.folder),
        env: { CGO_ENABLED: "0", GOFLAGS: "-mod=readonly -buildvcs=false", GOCACHE: buildCache() },
      });
      if (result.code !== 0) {
        throw new ClusterError(
          `Part ${part.folder} did not build:\n${lastLines(result.stderr, 15)}`,
          "Go 1.26.4 or newer, a reachable Go module proxy (GOPROXY) and 15 GB of disk are needed; nothing that was built before is lost.",
        );
      }
    }
    await rename(unfinished, folder).catch(async (error: unknown) => {
      if (!(await exists(folder))) throw error; // another `up` was faster
    });
  } finally {
    clearInterval(heartbeat);
    await rm(unfinished, { recursive: true, force: true });
  }
  tell(`  ${title} built in ${elapsed()}`);
}

function flags(part: Part): string[] {
  return ["-trimpath", "-ldflags", ["-s", "-w", ...(part.values ?? []).flatMap((value) => ["-X", value])].join(" ")];
}

/** Twelve hex digits over everything that decides what is built; tests and the compiler's own version do not. */
async function fingerprint(part: Part): Promise<string> {
  const hash = createHash("sha256").update(JSON.stringify([part.programs, flags(part), process.arch]));
  const root = join(sources, part.folder);
  const files = (await readdir(root, { recursive: true })).filter((path) => /(\.go|go\.mod|go\.sum)$/.test(path) && !path.endsWith("_test.go"));
  for (const path of files.sort()) hash.update(`\0${path}\0`).update(await readFile(join(root, path)));
  return hash.digest("hex").slice(0, 12);
}

/** Compiled packages: gigabytes that only the first build needs. A person's own GOCACHE is used and left alone. */
function buildCache(): string {
  return process.env.GOCACHE ?? join(cacheFolder(), "go-build");
}

async function dropBuildCache(): Promise<void> {
  if (process.env.GOCACHE === undefined) await rm(buildCache(), { recursive: true, force: true });
}

async function exists(path: string): Promise<boolean> {
  return await stat(path).then(
    () => true,
    () => false,
  );
}
