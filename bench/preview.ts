/** Preview of production with the policy pack: warm, cold, memory, and against the bare import of the Kubernetes SDK. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { measure, type Report, type Sample } from "./measure.ts";

const root = join(import.meta.dirname, "..");
const preview = [join(root, "engine/main.mjs"), "preview", "--stack", "production"];
const bareImport = ["-e", `process.chdir(${JSON.stringify(root)}); require("@pulumi/kubernetes")`];

export async function run(runs: number): Promise<Report> {
  const warm: Sample[] = [];
  const bare: Sample[] = [];
  const cold: Sample[] = [];
  const weighed: Sample[] = [];
  const bareWeighed: Sample[] = [];
  await must(preview); // fills the compile cache, so that the first counted run is as warm as the others
  for (let i = 0; i < runs; i++) {
    warm.push(await must(preview));
    bare.push(await must(bareImport));
    cold.push(await withEmptyCompileCache((env) => must(preview, { env })));
    weighed.push(await must(preview, { memory: true }));
    bareWeighed.push(await must(bareImport, { memory: true }));
  }
  return {
    title: "Preview of production with the policy pack (engine, program and pack are a process each)",
    figures: [
      { name: "preview, warm", unit: "s", digits: 2, samples: warm.map((s) => s.wall) },
      { name: "preview, cold (no compile cache)", unit: "s", digits: 2, samples: cold.map((s) => s.wall) },
      { name: "bare require of @pulumi/kubernetes", unit: "s", digits: 2, samples: bare.map((s) => s.wall) },
      { name: "warm preview / bare require, run by run", unit: "×", digits: 2, samples: warm.map((s, i) => s.wall / bare[i]!.wall) },
      { name: "peak memory of all processes, shared pages once (PSS)", unit: "MB", digits: 0, samples: weighed.map((s) => s.peakPss) },
      { name: "peak memory of all processes, summed RSS", unit: "MB", digits: 0, samples: weighed.map((s) => s.peakRss) },
      { name: "peak memory of the bare require (PSS)", unit: "MB", digits: 0, samples: bareWeighed.map((s) => s.peakPss) },
    ],
    notes: ["The bare require runs without a compile cache, as `node -e` does by itself; time and memory are taken in runs of their own.", "Goals: warm preview ≤ 2.0 s and ≤ 3 × the bare require; memory < 400 MB."],
  };
}

async function must(args: string[], options?: Parameters<typeof measure>[2]): Promise<Sample> {
  const sample = await measure(process.execPath, args, options);
  if (sample.exitCode !== 0) throw new Error(`node ${args.join(" ")} ended with ${sample.exitCode}; a benchmark of a failure says nothing`);
  return sample;
}

async function withEmptyCompileCache<T>(body: (env: NodeJS.ProcessEnv) => Promise<T>): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), "bench-compile-cache-"));
  try {
    return await body({ ...process.env, NODE_COMPILE_CACHE: folder });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
