/** Good releases, and bad ones of each kind: what is taken back, how soon, and how many bad answers users got until then. */
import { add } from "../cluster/add.ts";
import type { Node } from "../cluster/node.ts";
import { exitCodes } from "../delivery/exitCodes.ts";
import type { FaultSettings } from "../services/audit-trail/fault-settings.ts";
import { between, type Good, isBad, releaseGood, slowMs, timeOf } from "./goodRelease.ts";
import type { Figure, Report } from "./measure.ts";
import { onCluster, tell } from "./ownCluster.ts";
import { ReleaseScene } from "./releaseScene.ts";
import { loadVersions } from "./switchImages.ts";

const cluster = "bench-restore";
const bakeSeconds = 60;

/** Faults that a verification can see, of versions that are born with them. */
const inborn = { "a check fails": { failChecks: ["redis"] }, "wrong digest": { wrongDigest: true }, "never ready": { neverReady: true } } as const satisfies Record<string, Partial<FaultSettings>>;
/** Faults that begin while users are served. */
const later = {
  "20 % errors": { errorRate: 0.2 },
  "6 % errors": { errorRate: 0.06 },
  "answers after 3 s": { latencyMs: 3_000 },
  "memory grows": { memory: { mebibytesPerSecond: 20, maxMebibytes: 900 } },
  "processor burns": { cpuBurn: 0.9 },
  crashes: { crashAfterMs: 1_000 },
} as const satisfies Record<string, Partial<FaultSettings>>;
type Fault = keyof typeof inborn | keyof typeof later;
const kinds = [...Object.keys(later), ...Object.keys(inborn)] as Fault[];

/** A bad release, in seconds. */
interface Bad {
  readonly kind: Fault;
  readonly takenBack: boolean;
  readonly answers: number;
  /** From the first bad answer to the last one; 0 without any. */
  readonly hurt: number;
  /** From the first bad answer to the decision; undefined where the version never had traffic or users never felt it. */
  readonly detected: number | undefined;
  /** From the decision to the selector's change. */
  readonly restored: number | undefined;
}

export const usualRuns = 10;

/** Twice as many good releases, and so many of each kind of bad one. */
export async function run(runs: number): Promise<Report> {
  return await onCluster(cluster, async (node) => await measure(node, runs));
}

async function measure(node: Node, runs: number): Promise<Report> {
  await add("data", cluster, "local", tell);
  const images = await loadVersions(node, { first: {}, second: {}, ...inborn, faulty: { errorRate: 0 } });
  const scene = await ReleaseScene.open(node, images.first, { source: "pods", duration: `${bakeSeconds}s` }, { load: 10, users: 90 });
  const bad: Bad[] = [];
  const good: Good[] = [];
  try {
    for (let round = 0; round < runs; round++) {
      for (const version of ["second", "first"] as const) {
        good.push(await releaseGood(node, scene, images[version]));
        const last = good.at(-1);
        tell(`good release ${good.length} of ${2 * runs}: ${last?.promoted === true ? "promoted" : "TAKEN BACK"}, ${last?.own.toFixed(1) ?? ""} s of its own, ${last?.podStart ?? ""} + ${last?.verificationStart ?? ""} s of pods' start, ${last?.answers ?? 0} bad answers`);
      }
      for (const kind of kinds) {
        bad.push(await releaseBad(scene, kind, kind in inborn ? images[kind as keyof typeof inborn] : images.faulty));
        const last = bad.at(-1);
        tell(`${kind}, ${round + 1} of ${runs}: ${last?.takenBack === true ? "taken back" : "NOT TAKEN BACK"}, ${last?.answers ?? 0} bad answers in ${last?.hurt.toFixed(1) ?? ""} s, decided after ${last?.detected?.toFixed(1) ?? "-"} s, back ${last?.restored?.toFixed(2) ?? "-"} s later`);
      }
    }
    tell(await scene.verifyLedger());
  } finally {
    await scene.close();
  }
  return report(good, bad, runs);
}

async function releaseBad(scene: ReleaseScene, kind: Fault, image: string): Promise<Bad> {
  const command = scene.start("release", "--image", image);
  if (kind in later) {
    await command.reached("switched");
    await scene.inject(image, later[kind as keyof typeof later]);
  }
  const end = await command.ended;
  // Clients that were asked before the end may still be answered.
  await scene.users.more(100);
  const answers = scene.since(end.begun).filter(isBad);
  const [first, last] = [answers[0]?.answered, answers.at(-1)?.answered];
  const decided = timeOf(end, "reverting");
  const backAt = scene.watch.selected.findLast(({ at }) => decided !== undefined && at >= decided - 1000)?.at;
  return {
    kind,
    takenBack: end.code === exitCodes.takenBack || end.code === exitCodes.notVerified,
    answers: answers.length,
    hurt: between(first, last) ?? 0,
    detected: between(first, decided),
    restored: timeOf(end, "switched") === undefined ? undefined : Math.max(0, between(decided, backAt) ?? 0),
  };
}

function report(good: readonly Good[], bad: readonly Bad[], runs: number): Report {
  const figure = (name: string, unit: Figure["unit"], digits: number, samples: readonly (number | undefined)[]): Figure => ({ name, unit, digits, samples: samples.filter((sample) => sample !== undefined) });
  const falseAlarms = good.filter(({ promoted }) => !promoted).length;
  const missed = bad.filter(({ takenBack }) => !takenBack);
  const figures = [
    figure("good releases: taken back although good", "count", 0, [falseAlarms]),
    figure("good releases: bad answers", "count", 0, good.map(({ answers }) => answers)),
    figure("good releases: time without bake and pods' start", "s", 1, good.map(({ own }) => own)),
    figure("good releases: start of the slot's pods", "s", 0, good.map(({ podStart }) => podStart)),
    figure("good releases: start of the verification's pod", "s", 0, good.map(({ verificationStart }) => verificationStart)),
    ...kinds.flatMap((kind) => {
      const those = bad.filter((one) => one.kind === kind);
      return [
        figure(`${kind}: bad answers`, "count", 0, those.map(({ answers }) => answers)),
        figure(`${kind}: from the first bad answer to the decision`, "s", 1, those.map(({ detected }) => detected)),
        figure(`${kind}: from the decision to the selector's change`, "s", 2, those.map(({ restored }) => restored)),
        figure(`${kind}: from the first bad answer to the last`, "s", 1, those.map(({ hurt }) => hurt)),
      ];
    }),
  ].filter(({ samples }) => samples.length > 0);
  return {
    title: `${2 * runs} good releases and ${runs} bad ones of each kind, under 100 requests a second, bakes of ${bakeSeconds} s`,
    figures,
    notes: [
      `A bad answer is an error, or one after more than ${slowMs / 1000} s. Kept-alive connections stay on the version that was taken back for up to 10 s.`,
      "A kind without times never reached users: its verification stopped it.",
      "Goals: all bad ones taken back and no good one; users hurt for at most 15 s at 20 % errors and 45 s at 6 %; traffic back within 2 s of the decision; a good release within 10 s apart from its bake and its pods' start.",
    ],
    ...((missed.length > 0 || falseAlarms > 0) && { failure: `not taken back: ${missed.map(({ kind }) => kind).join(", ") || "none"}; good and taken back: ${falseAlarms}` }),
  };
}
