/** The policy pack's speed: scans beside other scanners, many resources, and the real server process. */
import { mkdtempSync, openSync, closeSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startPolicyHost } from "../engine/analyzer.ts";
import type { PolicyResource, PropertyMap } from "../engine/model.ts";
import { measure, type Figure, type Report } from "./measure.ts";
import { deploymentAt, writeDeployments } from "./policyInput.ts";
import { installed, SCANNERS, type Scanner } from "./policyTools.ts";

const root = join(import.meta.dirname, "..");

/** Seconds after which a tool is given up. */
const PATIENCE = 900;

/** A command that is compared. */
interface Contender {
  readonly name: string;
  readonly command: (file: string) => { program: string; args: string[] };
  readonly worked: readonly number[];
  readonly count: (output: string) => number;
}

const OURS: Contender = {
  name: "this pack",
  command: (file) => ({ program: process.execPath, args: [join(root, "policies/cli.ts"), "scan", file] }),
  worked: [2],
  count: (output) => [...(/(\d+) mandatory, (\d+) advisory/.exec(output.slice(-200)) ?? [])].slice(1).reduce((sum, digits) => sum + Number(digits), 0),
};

/** How often it runs unless told: some of the others take minutes. */
export const usualRuns = 3;

/** Runs the benchmark. */
export async function run(runs: number): Promise<Report> {
  const folder = mkdtempSync(join(tmpdir(), "bench-policy-"));
  try {
    const figures: Figure[] = [];
    const notes: string[] = ["Wall and processor time are of the whole process, start included; memory is the highest sum of RSS seen four times a second. Each tool judges by its own checks, so counts of findings differ. Larger sizes are run once."];
    const contenders = [OURS, ...SCANNERS.flatMap((scanner) => contender(scanner, notes))];
    figures.push(...(await compare(contenders, 1_000, runs, folder, notes)));
    figures.push(...(await compare(contenders, 10_000, 1, folder, notes)));
    figures.push(...(await compare([OURS], 100_000, 1, folder, notes)));
    figures.push(...(await server(1_000, runs)));
    notes.push("Goals: 1,000 Deployments in 1.0 s, time in proportion to their number and memory all but flat up to 100,000, 1,000 resources through the server in 5 s.");
    return { title: "Policies over Deployments: files, side by side, and Pulumi's pack server", figures, notes };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function contender(scanner: Scanner, notes: string[]): Contender[] {
  const answer = installed(scanner);
  if ("refused" in answer) {
    notes.push(`${scanner.name} ${scanner.version} can't be installed here and is not compared: ${answer.refused}`);
    return [];
  }
  notes.push(`${scanner.name} ${scanner.version}: ${scanner.note}.`);
  return [{ ...scanner, command: (file) => scanner.command(answer.folder, file) }];
}

/** One size, the contenders by turns, so that what else the machine does falls on all of them. */
async function compare(contenders: readonly Contender[], size: number, runs: number, folder: string, notes: string[]): Promise<Figure[]> {
  const file = join(folder, `${size}.yaml`);
  await writeDeployments(file, size);
  const results = new Map<Contender, Run[]>(contenders.map((contender) => [contender, []]));
  for (let i = 0; i < runs; i++) {
    for (const [contender, done] of results) {
      const answer = await once(contender, file, join(folder, "output"));
      if (typeof answer !== "string") done.push(answer);
      else {
        notes.push(`${contender.name} did not judge ${size} Deployments: ${answer}.`);
        results.delete(contender);
      }
    }
  }
  const own = results.get(OURS) ?? [];
  return [...results].flatMap(([{ name }, done]): Figure[] => [
    { name: `${name}, ${size}: findings`, unit: "count", digits: 0, samples: done.map(({ findings }) => findings) },
    { name: `${name}, ${size}: wall`, unit: "s", digits: 2, samples: done.map(({ wall }) => wall) },
    { name: `${name}, ${size}: processor`, unit: "s", digits: 2, samples: done.map(({ processor }) => processor) },
    { name: `${name}, ${size}: memory`, unit: "MB", digits: 0, samples: done.map(({ memory }) => memory) },
    ...(name === OURS.name ? [] : [{ name: `${name} / ${OURS.name}, ${size}: processor, run by run`, unit: "×" as const, digits: 1, samples: done.map(({ processor }, i) => processor / (own[i]?.processor ?? Number.NaN)) }]),
  ]);
}

/** One run: seconds, MB, and how much was found. */
interface Run {
  readonly findings: number;
  readonly wall: number;
  readonly processor: number;
  readonly memory: number;
}

/** Runs a contender; why there is no result, where it fails. */
async function once({ command, worked, count }: Contender, file: string, output: string): Promise<Run | string> {
  const { program, args } = command(file);
  const descriptor = openSync(output, "w");
  const before = childrenSeconds();
  const { wall, exitCode, peakRss } = await measure(program, args, { env: quiet(), memory: true, everyMs: 250, output: descriptor, patienceMs: PATIENCE * 1000 });
  closeSync(descriptor);
  if (exitCode === null) return wall >= PATIENCE ? `it was not done within ${PATIENCE} s` : "it was ended by a signal";
  if (!worked.includes(exitCode)) return `it ended with ${exitCode}`;
  return { findings: count(readFileSync(output, "utf8")), wall, processor: childrenSeconds() - before, memory: peakRss };
}

/** An environment in which nobody draws progress or asks the network for news. */
function quiet(): NodeJS.ProcessEnv {
  return { ...process.env, NO_COLOR: "1", LOG_LEVEL: "ERROR", ANSI_COLORS_DISABLED: "1" };
}

/** Every resource and then the whole stack through the pack in Pulumi's own runner; configured and started first, which is not counted. */
async function server(count: number, runs: number): Promise<Figure[]> {
  const resources = Array.from({ length: count }, (_, i) => registered(i));
  const walls: number[] = [];
  for (let i = 0; i < runs; i++) {
    const target = { project: "bench", stack: "bench", organization: "organization", root, main: ".", runtime: { typescript: false }, configuration: { values: {}, secretKeys: [] } };
    const host = startPolicyHost({ packs: [{ path: join(root, "policies") }], target, dryRun: true, onMessage: () => undefined });
    try {
      await host.ready;
      const started = performance.now();
      for (const resource of resources) await host.analyze(resource);
      await host.analyzeStack(resources);
      walls.push((performance.now() - started) / 1000);
    } finally {
      await host.close();
    }
  }
  return [{ name: `pack server, ${count} resources one by one and as a stack: wall`, unit: "s", digits: 2, samples: walls }];
}

function registered(i: number): PolicyResource {
  const type = "kubernetes:apps/v1:Deployment";
  const name = `app-${i}`;
  return {
    urn: `urn:pulumi:bench::bench::${type}::${name}`, type, name, properties: deploymentAt(i) as PropertyMap, dependencies: [], propertyDependencies: {},
    options: { protect: false, ignoreChanges: [], deleteBeforeReplace: undefined, aliases: [], additionalSecretOutputs: [], customTimeouts: { create: 0, update: 0, delete: 0 } },
  };
}

/** User and system seconds of the children that have ended, in the kernel's ticks of a hundredth. */
function childrenSeconds(): number {
  const fields = readFileSync("/proc/self/stat", "utf8").replace(/^.*\) /s, "").split(" ");
  return (Number(fields[13]) + Number(fields[14])) / 100;
}
