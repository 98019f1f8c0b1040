import { spawn } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";

/** One measured quantity over several runs. */
export interface Figure {
  name: string;
  unit: "s" | "MB" | "×" | "1/s" | "ms" | "count" | "%";
  /** Digits after the point when shown. */
  digits: number;
  samples: number[];
}

/** What a benchmark says. */
export interface Report {
  /** What was measured, in a sentence. */
  title: string;
  figures: Figure[];
  /** Sentences that a reader needs in order not to misread the figures. */
  notes: string[];
  /** What must not happen has happened: the exit status is 1. */
  failure?: string;
}

export interface Sample {
  /** Seconds from start to exit. */
  wall: number;
  /** Highest sum over the process and all its descendants, MB, 0 if not weighed; shared pages counted once per process that maps them, divided among them (PSS). */
  peakPss: number;
  /** The same with shared pages counted in every process (RSS). */
  peakRss: number;
  exitCode: number | null;
}

/**
 * Runs a command with its output thrown away, or written to the file descriptor `output`; ended after `patienceMs`. With `memory`, samples its process tree from /proc every `everyMs` (default 20), which itself takes
 * processor time: time one run and weigh another, or sample seldom.
 */
export async function measure(command: string, args: string[], { env = process.env, memory = false, everyMs = 20, output, patienceMs }: { env?: NodeJS.ProcessEnv; memory?: boolean; everyMs?: number; output?: number; patienceMs?: number } = {}): Promise<Sample> {
  const started = process.hrtime.bigint();
  const child = spawn(command, args, { stdio: ["ignore", output ?? "ignore", "ignore"], env, timeout: patienceMs });
  let peakPss = 0;
  let peakRss = 0;
  const weigh = (): void => {
    const { pss, rss } = treeMemory(child.pid!);
    peakPss = Math.max(peakPss, pss);
    peakRss = Math.max(peakRss, rss);
  };
  const sampler = memory ? setInterval(weigh, everyMs) : undefined;
  const exitCode = await new Promise<number | null>((resolve, reject) => {
    child.once("error", reject);
    child.once("exit", resolve);
  });
  const wall = Number(process.hrtime.bigint() - started) / 1e9;
  clearInterval(sampler);
  return { wall, peakPss, peakRss, exitCode };
}

/** Memory of a process and its descendants, MB. Processes that end while they are read count as nothing. */
function treeMemory(root: number): { pss: number; rss: number } {
  const children = new Map<number, number[]>();
  for (const entry of readdirSync("/proc")) {
    const pid = Number(entry);
    if (!Number.isInteger(pid)) continue;
    const parent = Number(read(`/proc/${pid}/stat`).replace(/^.*\) /s, "").split(" ")[1]);
    children.set(parent, [...(children.get(parent) ?? []), pid]);
  }
  let pss = 0;
  let rss = 0;
  const visit = (pid: number): void => {
    const rollup = read(`/proc/${pid}/smaps_rollup`);
    pss += kilobytes(rollup, "Pss") / 1024;
    rss += kilobytes(rollup, "Rss") / 1024;
    children.get(pid)?.forEach(visit);
  };
  visit(root);
  return { pss, rss };
}

function read(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return ""; // gone since it was listed
  }
}

function kilobytes(text: string, field: string): number {
  return Number(new RegExp(`^${field}:\\s+(\\d+) kB`, "m").exec(text)?.[1] ?? 0);
}
