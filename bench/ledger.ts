/** Verifying a ledger of 100,000 entries, each time in a process of its own, as `delivery ledger verify` does; and appending one entry. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { generateKeys, parseSecretKey } from "../ledger/note.ts";
import type { Draft } from "../ledger/schema.ts";
import { createLedger, openLedger } from "../ledger/writer.ts";
import { measure, type Report, type Sample } from "./measure.ts";

const entries = 100_000;
const digest = `sha256:${"5a".repeat(32)}`;

/** A gate's verdict with all that one may carry: about 600 bytes. */
const verdict = (n: number): Draft => ({
  kind: "gate-verdict",
  release: `r-${n}`,
  stack: "production",
  slot: "green",
  who: { git: `p-${"0".repeat(32)}`, ci: `p-${"1".repeat(32)}` },
  what: { image: digest, config: digest, pack: digest },
  evidence: [{ name: "report", digest }],
  data: { gate: "security-scan", verdict: "pass", findings: 0, waived: 0 },
});

export async function run(runs: number): Promise<Report> {
  const folder = mkdtempSync(join(tmpdir(), "bench-ledger-"));
  try {
    const pair = generateKeys("example.com/releases");
    const key = parseSecretKey(pair.secret);
    const dir = join(folder, "ledger");
    writeFileSync(`${dir}.pub`, pair.public);
    createLedger(dir, key);
    const writer = openLedger(dir, { key, command: "bench" });
    const appends: number[] = [];
    for (let n = 0; n < runs; n += 1) {
      const before = performance.now();
      writer.append(verdict(n));
      appends.push(performance.now() - before);
    }
    writer.appendAll(Array.from({ length: entries - runs }, (_, n) => verdict(runs + n)));
    writer.close();
    const verify = [join(import.meta.dirname, "../delivery/main.mjs"), "ledger", "verify", dir, "--key", `${dir}.pub`];
    const timed: Sample[] = [];
    const weighed: Sample[] = [];
    for (let n = 0; n < runs; n += 1) {
      timed.push(await must(verify));
      weighed.push(await must(verify, true));
    }
    return {
      title: `Verifying a ledger of ${entries} entries, the command's start included`,
      figures: [
        { name: "ledger verify", unit: "s", digits: 2, samples: timed.map((sample) => sample.wall) },
        { name: "peak memory (PSS)", unit: "MB", digits: 0, samples: weighed.map((sample) => sample.peakPss) },
        { name: "append of one entry, until it is on the disk", unit: "ms", digits: 1, samples: appends },
      ],
      notes: ["Goal: verification within 3 s. Every entry is parsed, checked against the schema and hashed; time and memory are taken in runs of their own."],
    };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function must(args: string[], memory = false): Promise<Sample> {
  const sample = await measure(process.execPath, args, { memory });
  if (sample.exitCode !== 0) throw new Error(`node ${args.join(" ")} ended with ${sample.exitCode}; a benchmark of a failure says nothing`);
  return sample;
}
