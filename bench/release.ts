/** How long a good release takes, and a roll-back by hand, with few users and with many: the slot to fill empty, or warm with that image. */
import { add } from "../cluster/add.ts";
import type { Node } from "../cluster/node.ts";
import { exitCodes } from "../delivery/exitCodes.ts";
import { between, type Good, isBad, releaseGood } from "./goodRelease.ts";
import type { Figure, Report } from "./measure.ts";
import { onCluster, tell } from "./ownCluster.ts";
import { ReleaseScene } from "./releaseScene.ts";
import { loadVersions } from "./switchImages.ts";

const cluster = "bench-release";
const bakeSeconds = 15;
/** Requests a second: those that ask who answers, and those of the service's users. */
const loads = { few: { load: 5, users: 5 }, many: { load: 10, users: 90 } } as const;
type Load = keyof typeof loads;
const requests = (load: Load): string => `${loads[load].load + loads[load].users} requests a second`;

/** A roll-back by hand, in seconds. */
interface Back {
  readonly done: boolean;
  readonly answers: number;
  /** From the command's start to the selector's change. */
  readonly moved: number | undefined;
}

/** One after the other: into an empty slot, back into the other one, which is warm, and taken back by hand, which empties that. */
interface Round {
  readonly load: Load;
  readonly cold: Good;
  readonly warm: Good;
  readonly back: Back;
}

export const usualRuns = 5;

/** So many rounds under each load, each load on a cluster of its own: what the former left would not be empty. */
export async function run(runs: number): Promise<Report> {
  const rounds: Round[] = [];
  for (const load of Object.keys(loads) as Load[]) rounds.push(...(await onCluster(cluster, async (node) => await roundsUnder(load, runs, node))));
  return report(rounds);
}

async function roundsUnder(load: Load, runs: number, node: Node): Promise<Round[]> {
  await add("data", cluster, "local", tell);
  const images = await loadVersions(node, { first: {}, second: {} });
  const scene = await ReleaseScene.open(node, images.first, { source: "pods", duration: `${bakeSeconds}s` }, loads[load]);
  const rounds: Round[] = [];
  try {
    for (let live = 0; live < runs; live++) {
      // A round ends with what it began to release: the next one's first is the other.
      const [from, to] = live % 2 === 0 ? [images.first, images.second] : [images.second, images.first];
      const cold = await releaseGood(node, scene, to);
      const warm = await releaseGood(node, scene, from);
      const back = await rollBack(scene);
      rounds.push({ load, cold, warm, back });
      tell(`round ${live + 1} of ${runs} under ${requests(load)}: ${[cold, warm].map(({ own, prepared, updated }) => `${own.toFixed(1)} s of its own (${prepared?.toFixed(1) ?? "-"} + ${updated?.toFixed(1) ?? "-"})`).join(", ")}; back after ${back.moved?.toFixed(2) ?? "-"} s`);
    }
    tell(await scene.verifyLedger());
    return rounds;
  } finally {
    await scene.close();
  }
}

async function rollBack(scene: ReleaseScene): Promise<Back> {
  const end = await scene.run("rollback", "--why", "a rehearsal");
  const moved = scene.watch.selected.find(({ at }) => at >= end.begun)?.at;
  return { done: end.code === exitCodes.done, answers: scene.since(end.begun).filter(isBad).length, moved: between(end.begun, moved) };
}

function report(rounds: readonly Round[]): Report {
  const figure = (name: string, digits: number, samples: readonly (number | undefined)[]): Figure => ({ name, unit: "s", digits, samples: samples.filter((sample) => sample !== undefined) });
  const of = (load: Load): Figure[] => {
    const those = rounds.filter((round) => round.load === load);
    return [
      ...(["cold", "warm"] as const).flatMap((slot) => [
        figure(`${requests(load)}, ${slot} slot: time without bake and pods' start`, 1, those.map((round) => round[slot].own)),
        figure(`${requests(load)}, ${slot} slot: until the update begins`, 1, those.map((round) => round[slot].prepared)),
        figure(`${requests(load)}, ${slot} slot: from there to the switch, with pods' start`, 1, those.map((round) => round[slot].updated)),
        figure(`${requests(load)}, ${slot} slot: start of pods`, 0, those.map((round) => round[slot].podStart + round[slot].verificationStart)),
      ]),
      figure(`${requests(load)}: a roll-back by hand, from the command's start to the selector's change`, 2, those.map(({ back }) => back.moved)),
    ];
  };
  const bad = rounds.reduce((sum, { cold, warm, back }) => sum + cold.answers + warm.answers + back.answers, 0);
  const failed = rounds.filter(({ cold, warm, back }) => !cold.promoted || !warm.promoted || !back.done).length;
  return {
    title: `Good releases and roll-backs by hand, bakes of ${bakeSeconds} s`,
    figures: [...of("few"), ...of("many")],
    notes: [
      "Goal: a good release within 10 s apart from its bake and its pods' start, which the cluster tells in whole seconds.",
      "A warm slot has the image already and needs no verification anew; a cold one is filled and verified.",
      `${bad} bad answers in all.`,
    ],
    ...((bad > 0 || failed > 0) && { failure: `${bad} bad answers; ${failed} rounds in which a command did not end well` }),
  };
}
