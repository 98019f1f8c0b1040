/** A policy pack on disk: where its parts are, whether its build is fresh, and the digests that prove what ran. */
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readFileSync, readdirSync, statSync } from "node:fs";
import { createRequire } from "node:module";
import { basename, delimiter, dirname, extname, join, relative, resolve } from "node:path";
import { UserError } from "./errors.ts";
import { isMapping, readYamlFile } from "./yamlFile.ts";

/** A pack that can be started. */
export interface PackFiles {
  /** Folder of PulumiPolicy.yaml, absolute. */
  path: string;
  /** The file that is run, absolute. */
  entry: string;
  /** sha256 of `entry`, hex. */
  digest: string;
  /** Version from PulumiPolicy.yaml, which goes before the pack's own. */
  version?: string;
  /** `@pulumi/pulumi/cmd/run-policy-pack`, as the pack resolves it, absolute. */
  runner: string;
}

const sources = new Set([".ts", ".mts", ".cts", ".js", ".mjs", ".cjs", ".json"]);
/** Folders whose files are no part of a pack's build. */
const notSources = new Set(["node_modules", "bin", "config", "tests", "dist"]);

/**
 * Locates a pack and builds it when its entry file is missing or older than its sources (by its
 * package's `build` script, or its `build.mjs`).
 * @param path the pack's folder
 * @param onBuild told before a build begins
 * @throws UserError when it is no pack, cannot be built, or its dependencies are not installed
 */
export async function preparePack(path: string, onBuild: (message: string) => void): Promise<PackFiles> {
  const folder = resolve(path);
  const manifest = join(folder, "PulumiPolicy.yaml");
  if (!existsSync(manifest))
    throw new UserError(
      `${folder} is no policy pack: it has no PulumiPolicy.yaml.`,
      "Name the folder of a pack with --policy-pack.",
    );
  const project = readYamlFile(manifest);
  const settings = isMapping(project) ? project : {};
  const runtime = isMapping(settings["runtime"]) ? settings["runtime"]["name"] : settings["runtime"];
  if (runtime !== "nodejs")
    throw new UserError(
      `${manifest}: runtime is ${JSON.stringify(runtime ?? null)}; the embedded engine runs nodejs packs only.`,
      "Use --engine pulumi for this pack.",
    );
  const packageFile = readPackage(folder);
  const main = typeof settings["main"] === "string" ? settings["main"] : (packageFile.main ?? "index.js");
  const entry = entryFile(folder, main);
  const script =
    packageFile.scripts?.["build"] ?? (existsSync(join(folder, "build.mjs")) ? "node build.mjs" : undefined);
  await buildIfStale(folder, entry ?? join(folder, main), script, onBuild);
  const built = entryFile(folder, main);
  if (built === undefined)
    throw new UserError(`The policy pack ${folder} has no ${main}.`, "Build it, or mend main in its package.json.");
  return {
    path: folder,
    entry: built,
    digest: sha256(built),
    version: typeof settings["version"] === "string" ? settings["version"] : undefined,
    runner: findRunner(folder),
  };
}

/** sha256 of a file, hex. */
export function sha256(path: string): string {
  return createHash("sha256").update(readFileSync(path)).digest("hex");
}

function readPackage(folder: string): { main?: string; scripts?: { [name: string]: string } } {
  const path = join(folder, "package.json");
  if (!existsSync(path))
    throw new UserError(`The policy pack ${folder} has no package.json, from which its version is read.`);
  try {
    return JSON.parse(readFileSync(path, "utf8")) as { main?: string; scripts?: { [name: string]: string } };
  } catch (cause) {
    throw new UserError(
      `${path} is not valid JSON: ${cause instanceof Error ? cause.message : String(cause)}.`,
      undefined,
      { cause },
    );
  }
}

function entryFile(folder: string, main: string): string | undefined {
  const path = resolve(folder, main);
  const candidates = [
    path,
    ...[".js", ".cjs", ".ts"].map((extension) => path + extension),
    ...["index.js", "index.ts"].map((file) => join(path, file)),
  ];
  return candidates.find((candidate) => existsSync(candidate) && statSync(candidate).isFile());
}

function findRunner(folder: string): string {
  try {
    return createRequire(join(folder, "package.json")).resolve("@pulumi/pulumi/cmd/run-policy-pack");
  } catch (cause) {
    throw new UserError(`The dependencies of the policy pack ${folder} are not installed.`, "Run npm ci.", { cause });
  }
}

async function buildIfStale(
  folder: string,
  entry: string,
  script: string | undefined,
  onBuild: (message: string) => void,
): Promise<void> {
  if (script === undefined) return;
  if (existsSync(entry) && statSync(entry).mtimeMs >= newestSource(folder)) return;
  onBuild(`building ${basename(folder)} (${relative(folder, entry)} is older than its sources)`);
  const { code, output } = await runScript(folder, script);
  if (code !== 0)
    throw new UserError(
      `The policy pack ${folder} could not be built: "${script}" ended with ${code ?? "a signal"}.\n${output.trimEnd()}`,
      "Mend the pack and run again.",
    );
}

function newestSource(folder: string): number {
  let newest = 0;
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) {
      if (!notSources.has(entry.name)) newest = Math.max(newest, newestSource(path));
    } else if (sources.has(extname(entry.name))) newest = Math.max(newest, statSync(path).mtimeMs);
  }
  return newest;
}

function runScript(folder: string, script: string): Promise<{ code: number | null; output: string }> {
  // This Node first: the machine's may be too old for the script.
  const binaries = [
    dirname(process.execPath),
    ...(createRequire(join(folder, "package.json"))
      .resolve.paths("x")
      ?.map((path) => join(path, ".bin")) ?? []),
  ];
  return new Promise((done, fail) => {
    const child = spawn(script, {
      cwd: folder,
      shell: true,
      env: { ...process.env, PATH: [...binaries, process.env["PATH"] ?? ""].join(delimiter) },
      stdio: ["ignore", "pipe", "pipe"],
    });
    let output = "";
    const take = (chunk: Buffer): void => {
      output += chunk.toString("utf8");
    };
    child.stdout.on("data", take);
    child.stderr.on("data", take);
    child.on("error", fail);
    child.on("close", (code) => done({ code, output }));
  });
}
