/** How long `delivery --help` takes, beside a Node that does nothing. */
import { join } from "node:path";
import { measure, type Report } from "./measure.ts";

const main = join(import.meta.dirname, "../delivery/main.mjs");

export const usualRuns = 21;

export async function run(runs: number): Promise<Report> {
  // A first start writes the cache of compiled code.
  await start([main, "--help"]);
  const [help, bare]: [number[], number[]] = [[], []];
  for (let n = 0; n < runs; n++) {
    bare.push(await start(["--eval", "0"]));
    help.push(await start([main, "--help"]));
  }
  return {
    title: "A command's start",
    figures: [
      { name: "delivery --help", unit: "ms", digits: 0, samples: help.map(milliseconds) },
      { name: "node --eval 0", unit: "ms", digits: 0, samples: bare.map(milliseconds) },
      { name: "ratio", unit: "×", digits: 2, samples: help.map((wall, n) => wall / bare[n]!) },
    ],
    notes: ["Goal: `delivery --help` within 150 ms."],
  };
}

const milliseconds = (wall: number): number => wall * 1000;

/** Seconds from start to exit. */
async function start(args: string[]): Promise<number> {
  const { wall, exitCode } = await measure(process.execPath, args);
  if (exitCode !== 0) throw new Error(`${args.join(" ")} ended with ${exitCode}`);
  return wall;
}
