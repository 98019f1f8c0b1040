/** Releases of the canary stack to which something happens: gates that refuse, fail or are gone; Flagger, Prometheus and the data plane killed; a Secret rotated; an A/B test. */
import assert from "node:assert/strict";
import type { Node } from "../cluster/node.ts";
import { abTest } from "./abTest.ts";
import { CanaryScene, type Outcome } from "./canaryScene.ts";
import { canaryNames } from "./canaryStack.ts";
import { behave, type Manner, type Role, roles, standIn } from "./gateStandIn.ts";
import { GoodVersions } from "./goodVersions.ts";
import type { Report } from "./measure.ts";
import { onCluster, tell } from "./ownCluster.ts";
import { loadVersions } from "./switchImages.ts";

const cluster = "bench-mishaps";
const { app, namespace } = canaryNames;
const rate = 40;

/** Where the stand-in for the gates is. */
const gatesHome = "gates";
const patience = { timeout: "1s" };
const gated = { gates: { enabled: true, compliance: patience, security: patience, performance: patience, approval: { ...patience, required: true } } };

/** How one release went, and what was wrong with it; undefined when nothing was. */
interface Mishap {
  readonly title: string;
  readonly outcome: Outcome;
  readonly wrong: string | undefined;
}

export const usualRuns = 1;

export async function run(runs: number): Promise<Report> {
  return await onCluster(cluster, async (node) => await measure(node, runs));
}

async function measure(node: Node, runs: number): Promise<Report> {
  const images = await loadVersions(node, { first: {}, second: {}, third: {} });
  const scene = await CanaryScene.make(node, tell);
  await standIn(node, gatesHome, images.first);
  const all: Mishap[] = [];
  const versions = new GoodVersions([images.first, images.second, images.third]);
  const next = (): string => versions.next();
  const note = async (title: string, outcome: Outcome, judge: () => void | Promise<void>): Promise<void> => {
    if (outcome.end.code === 0) versions.promoted();
    const wrong = await Promise.resolve().then(judge).then(() => undefined, (error: unknown) => (error instanceof Error ? error.message : String(error)));
    all.push({ title, outcome, wrong });
    tell(`${title}: up ended with ${String(outcome.end.code)}, ${outcome.phases.join(" → ")}, weights ${outcome.weights.join(" ")}, ${outcome.bad.length} bad of ${outcome.requests}, ${outcome.fresh} of the new version${wrong === undefined ? "" : `, WRONG: ${wrong}\n${outcome.end.output.slice(-1_500)}`}`);
  };
  try {
    await scene.begin({ image: images.first }, rate);
    for (let round = 0; round < runs; round++) {
      await disturbed(scene, node, next, note);
      await insiders(scene, next, note);
      for (const role of roles) for (const manner of ["no", "hangs", "error", "gone"] as const) await misjudged(scene, node, next(), role, manner, note);
    }
  } finally {
    await scene.end();
  }
  return report(all);
}

type Note = (title: string, outcome: Outcome, judge: () => void | Promise<void>) => Promise<void>;

const unhurt = ({ bad }: Outcome): void => assert.deepEqual([...new Set(bad.map(({ failure }) => failure))], []);
const promoted = (outcome: Outcome): void => {
  assert.equal(outcome.end.code, 0, "was not promoted");
  assert.equal(outcome.phases.at(-1), "Succeeded");
};

/** Parts of the machinery go while a good release is judged: users notice nothing, and the release is promoted or taken back. */
async function disturbed(scene: CanaryScene, node: Node, next: () => string, note: Note): Promise<void> {
  const kill = async (home: string, part: string): Promise<unknown> => await node.kubectl(["delete", "pod", `--namespace=${home}`, `--selector=app=${part}`, "--grace-period=0", "--force"]);
  const things: Readonly<Record<string, () => Promise<unknown>>> = {
    "Flagger killed": async () => await kill("flagger-system", "flagger"),
    "Prometheus killed": async () => await kill("monitoring", "prometheus"),
    "the data plane restarted": async () => {
      await node.kubectl(["rollout", "restart", "deployment/traefik", "--namespace=traefik"]);
      await node.kubectl(["rollout", "status", "deployment/traefik", "--namespace=traefik", "--timeout=180s"]);
    },
  };
  for (const [title, happens] of Object.entries(things)) {
    const outcome = await scene.release({ image: next() }, async () => await scene.watch.until("a fifth of the traffic", () => scene.watch.weights.at(-1)?.value === 20).then(happens));
    await note(title, outcome, () => {
      unhurt(outcome);
      assert.ok(outcome.phases.at(-1) === "Succeeded" || outcome.phases.at(-1) === "Failed", "neither promoted nor taken back");
      assert.equal(outcome.end.code === 0, outcome.phases.at(-1) === "Succeeded", "up says another end than Flagger");
    });
  }
  const pods = async (): Promise<string> => await node.kubectl(["get", "pods", `--namespace=${namespace}`, `--selector=app.kubernetes.io/name=${app}`, "--output=jsonpath={range .items[*]}{.metadata.name} {.status.containerStatuses[*].restartCount} {.status.containerStatuses[*].ready}{'\\n'}{end}"]);
  let [before, after] = ["", ""];
  const outcome = await scene.release({ image: next() }, async () => {
    await scene.watch.until("a fifth of the traffic", () => scene.watch.weights.at(-1)?.value === 20);
    before = await pods();
    await node.kubectl(["patch", "secret", "rlhf-secrets", `--namespace=${namespace}`, "--type=merge", `--patch=${JSON.stringify({ stringData: { rotated: String(Date.now()) } })}`]);
    await scene.watch.until("the next step", () => (scene.watch.weights.at(-1)?.value ?? 0) >= 40);
    after = await pods();
  });
  await note("a Secret rotated", outcome, () => {
    unhurt(outcome);
    promoted(outcome);
    assert.equal(outcome.phases.filter((phase) => phase === "Progressing").length, 1, "judged anew");
    assert.equal(after, before, "the pods are others");
  });
}

async function insiders(scene: CanaryScene, next: () => string, note: Note): Promise<void> {
  const { outcome, wrong } = await abTest(scene, { image: next() });
  await note("an A/B test", outcome, () => {
    unhurt(outcome);
    promoted(outcome);
    assert.deepEqual(wrong, { insiders: 0, others: 0, failed: 0 }, "answered by the wrong version, or not at all");
  });
}

/** A gate does not say yes. The one that a person's yes is behind holds the promotion; each other one has the release taken back. */
async function misjudged(scene: CanaryScene, node: Node, image: string, role: Role, manner: Manner, note: Note): Promise<void> {
  await behave(node, gatesHome, { [role]: manner });
  // Of one Flagger's events about a Canary the cluster takes 25, and then one in five minutes; here are more releases than in a day.
  await node.kubectl(["rollout", "restart", "deployment/flagger", "--namespace=flagger-system"]);
  await node.kubectl(["rollout", "status", "deployment/flagger", "--namespace=flagger-system", "--timeout=180s"]);
  const holds = role === "approval";
  let held = "";
  const outcome = await scene.release({ image, keys: gated, gatesHome }, async () => {
    if (!holds) return;
    await scene.watch.until("it waits for the approval", () => scene.watch.phases.at(-1)?.value === "WaitingPromotion");
    // Three ticks in which it is asked again.
    await scene.load?.more(30 * rate);
    held = await node.kubectl(["get", "deployment", `${app}-primary`, `--namespace=${namespace}`, "--output=jsonpath={.spec.template.spec.containers[0].image}"]);
    await behave(node, gatesHome, {});
  });
  const log = await node.kubectl(["logs", "deployment/flagger", "--namespace=flagger-system", "--since=10m"]);
  await note(`gate ${role} ${manner === "error" ? "answers 500" : manner === "no" ? "says no" : manner === "gone" ? "is down" : manner}`, outcome, () => {
    unhurt(outcome);
    assert.match(log, new RegExp(`Halt [^"]*(check ${role}[a-z-]* failed|promotion approval ${role})`), "Flagger's log does not tell why");
    if (holds) {
      assert.notEqual(held, image, "promoted without the approval");
      promoted(outcome);
      return;
    }
    assert.notEqual(outcome.end.code, 0, "up ended well");
    assert.equal(outcome.phases.at(-1), "Failed");
    assert.match(outcome.end.output, new RegExp(role), "up does not name the gate");
    if (role !== "performance") assert.equal(outcome.fresh, 0, "had requests before it was judged");
  });
}

function report(all: readonly Mishap[]): Report {
  const wrong = all.filter((one) => one.wrong !== undefined);
  return {
    title: `Releases of the canary stack under ${rate} requests a second to which something happens`,
    figures: [
      { name: "releases", unit: "count", digits: 0, samples: [all.length] },
      { name: "requests", unit: "count", digits: 0, samples: all.map(({ outcome }) => outcome.requests) },
      { name: "requests that failed", unit: "count", digits: 0, samples: all.map(({ outcome }) => outcome.bad.length) },
      ...all.map(({ title, outcome }) => ({ name: `${title}: up, whole`, unit: "s" as const, digits: 1, samples: [(outcome.end.done - outcome.end.begun) / 1000] })),
    ],
    notes: all.map(({ title, outcome }) => `${title}: ${outcome.phases.join(" → ")}; weights ${outcome.weights.join(", ")}`),
    ...(wrong.length > 0 && { failure: wrong.map((one) => `${one.title}: ${one.wrong ?? ""}`).join("\n") }),
  };
}
