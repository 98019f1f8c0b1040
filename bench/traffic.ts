/** Who meets a new version: copies of requests, sticky sessions and an A/B test, as releases of the canary stack behind Contour and Envoy. */
import assert from "node:assert/strict";
import { add } from "../cluster/add.ts";
import type { Node } from "../cluster/node.ts";
import { abTest } from "./abTest.ts";
import { CanaryScene, type Outcome } from "./canaryScene.ts";
import { canaryNames } from "./canaryStack.ts";
import type { Figure, Report } from "./measure.ts";
import { mirrored } from "./mirrored.ts";
import { onCluster, tell } from "./ownCluster.ts";
import { sticky } from "./sticky.ts";
import { loadVersions } from "./switchImages.ts";

const cluster = "bench-traffic";
const rate = 40;
/** Ticks for which copies are made. */
const ticks = 3;

export const usualRuns = 1;

export async function run(runs: number): Promise<Report> {
  return await onCluster(cluster, async (node) => await measure(node, runs));
}

async function measure(node: Node, runs: number): Promise<Report> {
  const images = await loadVersions(node, { first: {}, second: {} });
  const scene = await CanaryScene.make(node, tell);
  await add("contour", cluster, canaryNames.namespace, tell);
  const figures = new Map<string, Figure>();
  const [notes, failures]: [Set<string>, string[]] = [new Set(), []];
  const count = (name: string, sample: number): void => void sampled(figures, { name, unit: "count", digits: 0 }).push(sample);
  const plane = "contour" as const;
  let releases = 0;
  const next = (): { image: string; plane: typeof plane } => ({ image: releases++ % 2 === 0 ? images.second : images.first, plane });
  const note = (title: string, outcome: Outcome, right: () => void): void => {
    count(`${title}: requests`, outcome.requests);
    count(`${title}: failed requests`, outcome.bad.length);
    if (outcome.judged !== undefined) sampled(figures, { name: `${title}: from Flagger's first look to its verdict`, unit: "s", digits: 1 }).push(outcome.judged);
    notes.add(`${title}: ${outcome.phases.join(" → ")}; weights ${outcome.weights.join(", ")}`);
    try {
      assert.equal(outcome.end.code, 0, `was not promoted: ${outcome.end.output.slice(-1_500)}`);
      assert.deepEqual([...new Set(outcome.bad.map(({ failure }) => failure))], [], "requests failed");
      right();
      tell(`${title}: ${outcome.phases.join(" → ")}, ${outcome.requests} requests, ${outcome.bad.length} failed`);
    } catch (error) {
      failures.push(`${title}: ${error instanceof Error ? error.message : String(error)}`);
      tell(failures.at(-1) ?? "");
    }
  };
  try {
    await scene.begin({ image: images.first, plane }, rate, { cookies: true });
    for (let round = 0; round < runs; round++) {
      const copied = await mirrored(scene, next(), ticks, rate * 10);
      count("mirroring: requests while copies were made, until the copies were counted", copied.asked);
      count("mirroring: requests that the new version had counted then", copied.copies);
      count("mirroring: answers of the new version to users meanwhile", copied.met);
      note("mirroring", copied.outcome, () => {
        assert.equal(copied.met, 0, "users met it");
        assert.ok(copied.copies >= 0.9 * copied.asked && copied.copies <= 1.1 * copied.asked, `${copied.asked} requests and ${copied.copies} copies`);
      });
      const kept = await sticky(scene, next());
      count(`sticky sessions: clients that met the new version before the verdict, of ${kept.clients}`, kept.met);
      count("sticky sessions: later requests of these", kept.later);
      count("sticky sessions: those of them that the old version answered", kept.strays.length);
      sampled(figures, { name: "sticky sessions: share of the new version for clients without cookies, at 50 %", unit: "%", digits: 1 }).push((100 * kept.fresh) / kept.others);
      for (const cookie of kept.cookies) notes.add(`a cookie was set: ${cookie}`);
      note("sticky sessions", kept.outcome, () => {
        assert.ok(kept.met > 0 && kept.later > 0, "nobody met it");
        assert.deepEqual(kept.strays, [], "clients met the new version, and then the old one");
        assert.ok(kept.fresh > 0 && kept.fresh < kept.others, "clients without cookies were not divided");
      });
      const tested = await abTest(scene, next());
      count("A/B test: insiders' requests while it was judged", tested.asked);
      note("A/B test", tested.outcome, () => assert.deepEqual(tested.wrong, { insiders: 0, others: 0, failed: 0 }, "answered by the wrong version, or not at all"));
    }
  } finally {
    await scene.end();
  }
  return {
    title: `Who meets a new version: the canary stack behind Contour and Envoy under ${rate} requests a second, a tick of 10 s`,
    figures: [...figures.values()],
    notes: [...notes],
    ...(failures.length > 0 && { failure: failures.join("\n") }),
  };
}

/** The samples of a figure, which begins with the first. */
function sampled(figures: Map<string, Figure>, figure: Omit<Figure, "samples">): number[] {
  const known = figures.get(figure.name) ?? { ...figure, samples: [] };
  figures.set(figure.name, known);
  return known.samples;
}
