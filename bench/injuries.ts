/** Releases that are injured at each of their steps: the command is killed, its network is gone, the API server or containerd is killed. Who is hurt, and how it ends. */
import { join } from "node:path";
import { add } from "../cluster/add.ts";
import type { Node } from "../cluster/node.ts";
import { exitCodes } from "../delivery/exitCodes.ts";
import type { ReleaseEvent } from "../delivery/releaseEvents.ts";
import { CutWire } from "./cutWire.ts";
import type { Report } from "./measure.ts";
import { onCluster, tell } from "./ownCluster.ts";
import { type CommandRun, ReleaseScene } from "./releaseScene.ts";
import { loadVersions } from "./switchImages.ts";

const cluster = "bench-injuries";

type Step = ReleaseEvent["step"];
/** Steps of a release that is good, and of one that is taken back. */
const steps: readonly (readonly [Step, "good" | "bad"])[] = [
  ["started", "good"],
  ["updating", "good"],
  ["switched", "good"],
  ["baking", "good"],
  ["reverting", "bad"],
  ["traffic-back", "bad"],
  ["settling", "bad"],
];

interface Scene {
  readonly node: Node;
  readonly scene: ReleaseScene;
  readonly wire: CutWire;
}

/** Each returns once the injury is over, but for what the command makes of it. */
const injuries: Readonly<Record<string, (scene: Scene, command: CommandRun) => Promise<void>>> = {
  "command killed": async (_scene, command) => {
    command.kill();
    await command.ended;
  },
  "network gone": async ({ wire }, command) => {
    wire.cut();
    await command.ended; // by itself, when it has lost its lease
    wire.mend();
  },
  "API server killed": async ({ node }) => await kill(node, "kube-apiserver"),
  "containerd killed": async ({ node }) => await kill(node, "containerd"),
};

/** How one of them went. */
interface Injured {
  readonly title: string;
  /** Requests that failed for another reason than the fault that was asked for. */
  readonly failed: number;
  /** Seconds from the injury to the end of the second run. */
  readonly whole: number;
  /** What was wrong; empty when nothing was. */
  readonly wrong: string;
}

export const usualRuns = 1;

export async function run(runs: number): Promise<Report> {
  return await onCluster(cluster, async (node) => await measure(node, runs));
}

async function measure(node: Node, runs: number): Promise<Report> {
  await add("data", cluster, "local", tell);
  const images = await loadVersions(node, { first: {}, second: {}, faulty: { errorRate: 0 } });
  const scene = await ReleaseScene.open(node, images.first, { source: "pods", duration: "10s" });
  const wire = await CutWire.lay(node.kubeconfig, join(scene.stack.folder, "kubeconfig"));
  scene.kubeconfig = join(scene.stack.folder, "kubeconfig");
  const all: Injured[] = [];
  let live: "first" | "second" = "first";
  try {
    for (let round = 0; round < runs; round++) {
      for (const [injury, inflict] of Object.entries(injuries)) {
        for (const [step, kind] of steps) {
          const version: keyof typeof images = kind === "bad" ? "faulty" : live === "first" ? "second" : "first";
          const one = await injure({ node, scene, wire }, { title: `${step}: ${injury}`, step, inflict, image: images[version], bad: kind === "bad" });
          if (version !== "faulty" && one.wrong === "") live = version;
          all.push(one);
          tell(`${one.title}: ${one.failed} failed requests, ${one.whole.toFixed(1)} s${one.wrong === "" ? "" : `, WRONG: ${one.wrong}`}`);
        }
      }
    }
  } finally {
    await wire.close();
    await scene.close();
  }
  return report(all);
}

interface Injury {
  readonly title: string;
  readonly step: Step;
  readonly inflict: (scene: Scene, command: CommandRun) => Promise<void>;
  readonly image: string;
  readonly bad: boolean;
}

async function injure(all: Scene, { title, step, inflict, image, bad }: Injury): Promise<Injured> {
  const { scene } = all;
  const before = scene.watch.selected.at(-1)?.slot;
  const command = scene.start("release", "--image", image);
  if (bad) {
    await command.reached("switched");
    await scene.inject(image, { errorRate: 0.5 });
  }
  await command.reached(step);
  const begun = performance.now();
  await inflict(all, command);
  const first = await command.ended;
  // A command that has borne the injury has said how it ended; asked again, it would begin anew.
  const second = first.code === null || first.code === exitCodes.failed ? await scene.run("release", "--image", image) : first;
  const whole = (performance.now() - begun) / 1000;
  await scene.load.more(50);
  const failed = scene.since(first.begun).filter(({ failure }) => failure !== undefined && !failure.includes("An error was injected"));
  const expected = bad ? exitCodes.takenBack : exitCodes.done;
  const after = scene.watch.selected.at(-1)?.slot;
  const wrong = [
    ...(second.code === expected ? [] : [`ended with ${String(first.code)} and ${String(second.code)}: ${second.errors.trim().split("\n").at(-1) ?? ""}`]),
    ...((after === before) === bad ? [] : [`${String(after)} has the traffic`]),
    ...(failed.length === 0 ? [] : [[...new Set(failed.map(({ failure }) => failure))].slice(0, 3).join("; ")]),
    ...(await scene.verifyLedger().then(
      () => [],
      (error: unknown) => [String(error)],
    )),
  ];
  return { title, failed: failed.length, whole, wrong: wrong.join("; ") };
}

/** Kills one of the cluster's parts, as the kernel would. */
async function kill(node: Node, part: string): Promise<void> {
  const pid = (await node.status())?.parts.find(({ name }) => name === part)?.pid;
  if (pid === undefined) throw new Error(`no ${part} runs`);
  await node.runInside(["/bin/bash", "-c", `kill -9 ${pid}`]);
}

function report(all: readonly Injured[]): Report {
  const wrong = all.filter((one) => one.wrong !== "");
  const titles = [...new Set(all.map(({ title }) => title))];
  return {
    title: `Releases injured at each of ${steps.length} steps in ${Object.keys(injuries).length} ways, under 100 requests a second`,
    figures: [
      { name: "requests that failed", unit: "count", digits: 0, samples: all.map(({ failed }) => failed) },
      ...titles.map((title) => ({ name: `${title}: until it was resumed or taken back`, unit: "s" as const, digits: 1, samples: all.filter((one) => one.title === title).map(({ whole }) => whole) })),
    ],
    notes: ["After each the ledger was verified. Time includes the rest of the release, and for a killed command the 15 s after which its lease is free."],
    ...(wrong.length > 0 && { failure: wrong.map((one) => `${one.title}: ${one.wrong}`).join("\n") }),
  };
}
