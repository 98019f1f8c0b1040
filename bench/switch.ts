/** Switches of the live Service under load: what fails, how fast the new colour answers and the old one falls silent, and how long `up` takes. */
import { add } from "../cluster/add.ts";
import type { Node } from "../cluster/node.ts";
import type { Figure, Report } from "./measure.ts";
import { onCluster, tell } from "./ownCluster.ts";
import { loadVersions } from "./switchImages.ts";
import { SwitchLoad } from "./switchLoad.ts";
import type { Answer, Connecting } from "./switchRequests.ts";
import { type StackWish, SwitchStack } from "./switchStack.ts";
import { SwitchWatch } from "./switchWatch.ts";

const cluster = "bench-switch";

/** What every connection of the workload is over after: its CONNECTION_MAX_AGE_MS, which the stacks leave at its default. */
const drainMs = 10_000;
/** Longer than the drain and than an idle client's pause, so that each has been asked on both sides. */
const watchedMs = 13_000;
/** 20 switches and 20 ways back make 100,000. */
const requestsPerMove = 2_500;

/** What one move of the traffic looked like; times in milliseconds after the selector's change. */
interface Move {
  firstNew: number;
  lastOld: Record<Connecting, number | undefined>;
  latencies: number[];
  /** Seconds after the start of `up`. */
  previewed: number;
  selected: number;
  done: number;
}

export const usualRuns = 20;

/** Each run is a switch and the way back. */
export async function run(switches: number): Promise<Report> {
  return await onCluster(cluster, async (node) => await measure(node, switches));
}

async function measure(node: Node, switches: number): Promise<Report> {
  await add("data", cluster, "local", tell);
  const images = await loadVersions(node, { first: {}, second: {} });
  const stack = await SwitchStack.make(node.kubeconfig);
  const wish = (active: StackWish["active"]): StackWish => ({ active, blue: images.first, green: images.second });
  const moves: Move[] = [];
  let watch: SwitchWatch | undefined;
  let load: SwitchLoad | undefined;
  try {
    tell("first deployment, then green beside it");
    await stack.mustUp({ active: "blue", blue: images.first });
    await stack.mustUp(wish("blue"));
    watch = await SwitchWatch.open(node.kubeconfig, "local", "rlhf-audit-trail-service");
    load = await SwitchLoad.start(node, await node.kubectl(["get", "service", "rlhf-audit-trail-service", "--namespace=local", "--output=jsonpath={.spec.clusterIP}"]));
    await load.more(400);
    for (let move = 0; move < 2 * switches; move++) {
      moves.push(await observe(move % 2 === 0 ? "green" : "blue", { stack, watch, load, wish }));
      tell(`move ${move + 1} of ${2 * switches}: ${load.answers.length} requests, ${load.failures().length === 0 ? "none failed" : load.failures().join("; ")}`);
    }
    const { answers } = load;
    await load.until("enough requests", () => answers.length >= requestsPerMove * 2 * switches);
  } finally {
    watch?.close();
    await load?.stop();
    await stack.remove();
  }
  return report(moves, load, switches);
}

interface Scene {
  stack: SwitchStack;
  watch: SwitchWatch;
  load: SwitchLoad;
  wish: (active: StackWish["active"]) => StackWish;
}

/** Moves the traffic and looks at all that was asked from before the move until after the drain. */
async function observe(to: "blue" | "green", { stack, watch, load, wish }: Scene): Promise<Move> {
  const { answers } = load;
  const from = answers.length;
  const known = watch.selected.length;
  const { begun, spoke, done } = await stack.mustUp(wish(to));
  const [moved, ...more] = watch.selected.slice(known);
  if (moved?.slot !== to || more.length > 0) throw new Error(`up to ${to} made the selector ${JSON.stringify(watch.selected.slice(known))}`);
  await load.until("the drain is over", () => (answers.at(-1)?.sent ?? 0) > moved.at + watchedMs);
  const [previewed, selected, ended] = [spoke, moved.at, done].map((time) => (time - begun) / 1000) as [number, number, number];
  return { ...timesOf(answers.slice(from), to, moved.at), previewed, selected, done: ended };
}

function timesOf(answers: readonly Answer[], to: string, movedAt: number): Pick<Move, "firstNew" | "lastOld" | "latencies"> {
  const lastOld: Move["lastOld"] = { new: undefined, kept: undefined, idle: undefined };
  let firstNew = Infinity;
  for (const { slot, connecting, answered } of answers) {
    const after = answered - movedAt;
    if (slot === to) firstNew = Math.min(firstNew, after);
    else if (slot !== undefined && after > (lastOld[connecting] ?? 0)) lastOld[connecting] = after;
  }
  return { firstNew, lastOld, latencies: answers.filter(({ failure }) => failure === undefined).map(({ sent, answered }) => answered - sent) };
}

function report(moves: readonly Move[], load: SwitchLoad, switches: number): Report {
  const ms = (name: string, samples: readonly (number | undefined)[]): Figure => ({ name, unit: "ms", digits: 0, samples: samples.filter((sample) => sample !== undefined) });
  const s = (name: string, samples: readonly number[]): Figure => ({ name, unit: "s", digits: 1, samples: [...samples] });
  const failed = load.answers.filter(({ failure }) => failure !== undefined).length;
  const reasons = load.failures();
  return {
    title: `${switches} switches and ${switches} ways back under 200 requests a second, half of them over new connections`,
    figures: [
      { name: "requests", unit: "count", digits: 0, samples: [load.answers.length] },
      { name: "failed requests", unit: "count", digits: 0, samples: [failed] },
      ms("first answer of the new colour, after the selector's change", moves.map(({ firstNew }) => firstNew)),
      ms("last answer of the old colour, new connections", moves.map(({ lastOld }) => lastOld.new)),
      ms("last answer of the old colour, busy kept-alive connections", moves.map(({ lastOld }) => lastOld.kept)),
      ms("last answer of the old colour, idle kept-alive connections", moves.map(({ lastOld }) => lastOld.idle)),
      ms("time to answer, all requests", moves.flatMap(({ latencies }) => latencies)),
      s("up that switches, until its preview is shown", moves.map(({ previewed }) => previewed)),
      s("up that switches, until the selector's change", moves.map(({ selected }) => selected)),
      s("up that switches, until its end", moves.map(({ done }) => done)),
    ].filter(({ samples }) => samples.length > 0) as Figure[],
    notes: [
      "The selector's change is when this process was told of it by a watch, a moment after the server had it.",
      "Idle clients ask once in 12 s; a switch after which none of them was answered by the old colour has no figure in their line.",
      `Goals: no request fails; the new colour within 250 ms; the old one silent within its drain of ${drainMs / 1000} s and the time of one answer.`,
    ],
    ...(reasons.length > 0 && { failure: `${failed} of ${load.answers.length} requests failed:\n${reasons.map((reason) => `  ${reason}`).join("\n")}` }),
  };
}
