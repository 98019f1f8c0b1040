/** Releases of the canary stack under load: one good, and each kind of bad one; what clients noticed, and how long it took. */
import { imageNames } from "../cluster/images/catalog.ts";
import type { Node } from "../cluster/node.ts";
import type { FaultSettings } from "../services/audit-trail/fault-settings.ts";
import { CanaryScene, type Outcome } from "./canaryScene.ts";
import type { Figure, Report } from "./measure.ts";
import { onCluster, tell } from "./ownCluster.ts";
import { loadVersions } from "./switchImages.ts";

const cluster = "bench-canary";
/** A pod of the stack has half a processor, and the machine does much else meanwhile. */
const rate = 40;
/** What Flagger's ticks allow at least: five steps of weight, promote, finalise and succeed, of 10 s each. */
const shortest = 80;

const bad: Readonly<Record<string, Partial<FaultSettings>>> = {
  "20 % errors": { errorRate: 0.2 },
  "5 % errors": { errorRate: 0.05 },
  "answers after 600 ms": { latencyMs: 600 },
  "memory above 85 %": { memory: { mebibytesPerSecond: 40, maxMebibytes: 380 } },
  "processor above 80 %": { cpuBurn: 0.9 },
  "crash loop": { crashAfterMs: 4_000 },
  "never ready": { neverReady: true },
};
const missing = "image that is not there";

export const usualRuns = 1;

/** Each run is a good release, and then every bad one. */
export async function run(runs: number): Promise<Report> {
  return await onCluster(cluster, async (node) => await measure(node, runs));
}

async function measure(node: Node, runs: number): Promise<Report> {
  const names = Object.keys(bad);
  const versions = Object.fromEntries([["first", {}], ["second", {}], ...names.map((name, index) => [`bad-${index}`, bad[name]] as const)]) as Record<string, Partial<FaultSettings>>;
  const images = await loadVersions(node, versions);
  const scene = await CanaryScene.make(node, tell);
  const good: Outcome[] = [];
  const taken = new Map<string, Outcome[]>();
  const complaints: string[] = [];
  const image = (name: string): string => images[name] ?? `${imageNames.auditTrail}@sha256:${"0".repeat(64)}`;
  try {
    await scene.begin({ image: image("first") }, rate);
    for (let round = 0; round < runs; round++) {
      const promoted = await scene.release({ image: image(round % 2 === 0 ? "second" : "first") });
      good.push(promoted);
      tell(`good release: up ended with ${String(promoted.end.code)}, ${promoted.phases.join(" → ")}, ${promoted.requests} requests, ${promoted.bad.length} failed`);
      if (promoted.end.code !== 0 || promoted.bad.length > 0) complaints.push(`the good release ended with ${String(promoted.end.code)}; failed: ${reasons(promoted)}${promoted.end.code === 0 ? "" : `\n${promoted.end.output}`}`);
      for (const [index, name] of [...names, missing].entries()) {
        const outcome = await scene.release({ image: image(`bad-${index}`) });
        taken.set(name, [...(taken.get(name) ?? []), outcome]);
        tell(`${name}: up ended with ${String(outcome.end.code)}, ${outcome.phases.join(" → ")}, ${outcome.bad.length} bad and ${outcome.slow} slow of ${outcome.requests}`);
        if (outcome.end.code === 0 || outcome.phases.at(-1) !== "Failed") complaints.push(`${name} was not taken back: up ended with ${String(outcome.end.code)}, Flagger's phases were ${outcome.phases.join(", ")}`);
      }
    }
  } finally {
    await scene.end();
  }
  return report(good, taken, complaints);
}

function reasons({ bad: failed }: Outcome): string {
  return [...Map.groupBy(failed, ({ failure }) => failure)].map(([failure, all]) => `${all.length} × ${String(failure)}`).join("; ") || "none";
}

function report(good: readonly Outcome[], taken: ReadonlyMap<string, Outcome[]>, complaints: readonly string[]): Report {
  const s = (name: string, samples: readonly (number | undefined)[]): Figure => ({ name, unit: "s", digits: 1, samples: samples.filter((sample) => sample !== undefined) });
  const count = (name: string, samples: readonly number[]): Figure => ({ name, unit: "count", digits: 0, samples: [...samples] });
  const figures = [
    count("good release: requests", good.map(({ requests }) => requests)),
    count("good release: failed requests", good.map((outcome) => outcome.bad.length)),
    s("good release: from Flagger's first look to its verdict", good.map(({ judged }) => judged)),
    s("good release: up, whole", good.map(({ end }) => (end.done - end.begun) / 1000)),
    ...[...taken].flatMap(([name, outcomes]) => [
      s(`${name}: from Flagger's first look to its verdict`, outcomes.map(({ judged }) => judged)),
      s(`${name}: from the first bad answer to all traffic on the old version`, outcomes.map(({ takenBack }) => takenBack)),
      count(`${name}: bad answers`, outcomes.map((outcome) => outcome.bad.length)),
      count(`${name}: slow answers`, outcomes.map(({ slow }) => slow)),
      count(`${name}: answers of the bad version`, outcomes.map(({ fresh }) => fresh)),
    ]),
  ];
  const slowest = Math.max(...good.map(({ judged = Infinity }) => judged));
  const late = slowest <= 1.2 * shortest ? [] : [`a good release took ${slowest.toFixed(0)} s from Flagger's first look, more than 20 % over the ${shortest} s that its ticks allow`];
  const failures = [...complaints, ...late];
  return {
    title: `The canary stack under ${rate} requests a second: 0 to 50 % in steps of 10, a tick of 10 s, three failed checks`,
    figures: figures.filter(({ samples }) => samples.length > 0),
    notes: [
      "A bad answer is any failed request, whoever answered; a slow one took longer than 500 ms.",
      `Flagger's ticks allow ${shortest} s at the least from its first look at a good revision to its verdict; it looks up to 10 s after the push.`,
      "Goals: no failed request in a good release, within 20 % of that time; every bad one taken back, and up ends non-zero.",
    ],
    ...(failures.length > 0 && { failure: failures.join("\n") }),
  };
}
