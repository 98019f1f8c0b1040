/** `npm run bench -- NAME [--runs N] [--json FILE]` (`--switches N` for the switch): one benchmark, its figures with spread, side by side where there is a comparison. */
import { writeFileSync } from "node:fs";
import { cpus, totalmem } from "node:os";
import { parseArgs } from "node:util";
import type { Report } from "./measure.ts";
import { table } from "./table.ts";

interface Benchmark {
  run: (runs: number) => Promise<Report>;
  /** How often it runs unless told. Default 7. */
  usualRuns?: number;
}

const benchmarks: Record<string, () => Promise<Benchmark>> = {
  preview: () => import("./preview.ts"),
  ledger: () => import("./ledger.ts"),
  gates: () => import("./gates.ts"),
  policy: () => import("./policy.ts"),
  mutation: () => import("./mutation.ts"),
  injuries: () => import("./injuries.ts"),
  release: () => import("./release.ts"),
  start: () => import("./start.ts"),
  restore: () => import("./restore.ts"),
  switch: () => import("./switch.ts"),
  canary: () => import("./canary.ts"),
  traffic: () => import("./traffic.ts"),
  gated: () => import("./gated.ts"),
  mishaps: () => import("./mishaps.ts"),
};

async function main(): Promise<number> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { runs: { type: "string" }, switches: { type: "string" }, json: { type: "string" } },
  });
  const [name] = positionals;
  const load = name === undefined ? undefined : benchmarks[name];
  if (name === undefined || load === undefined) {
    console.error(`bench: ${name === undefined ? "no benchmark named" : `"${name}" is no benchmark`}; there are: ${Object.keys(benchmarks).join(", ")}`);
    return 1;
  }
  const { run, usualRuns = 7 } = await load();
  const asked = values.switches ?? values.runs ?? String(usualRuns);
  const runs = Number(asked);
  if (!Number.isInteger(runs) || runs < 1 || runs > 100) {
    console.error(`bench: --${values.switches === undefined ? "runs" : "switches"} is "${asked}", must be a whole number from 1 to 100`);
    return 1;
  }
  const report = await run(runs);
  console.log(`${report.title}\n${machine()}, ${runs} runs each\n`);
  console.log(table(report.figures));
  for (const note of report.notes) console.log(`- ${note}`);
  if (values.json !== undefined) {
    writeFileSync(values.json, JSON.stringify({ name, machine: machine(), runs, ...report }, null, 2) + "\n");
  }
  if (report.failure !== undefined) console.error(report.failure);
  return report.failure === undefined ? 0 : 1;
}

function machine(): string {
  return `${cpus().length} × ${cpus()[0]?.model ?? "unknown processor"}, ${Math.round(totalmem() / 2 ** 30)} GiB, Node ${process.version}`;
}

process.exitCode = await main();
