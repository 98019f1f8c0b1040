import assert from "node:assert/strict";
import { isDeepStrictEqual } from "node:util";
import { CanaryScene, type Outcome } from "../../bench/canaryScene.ts";
import { canaryNames } from "../../bench/canaryStack.ts";
import { loadVersions } from "../../bench/switchImages.ts";
import { down } from "../../cluster/down.ts";
import type { Node } from "../../cluster/node.ts";
import { digestOf as digest } from "../../delivery/image.ts";
import { allBeforePassed, kubectl, start } from "./world.ts";

const cluster = "test-release-canary";
const { app, namespace } = canaryNames;
const versions = { first: {}, second: {}, third: {}, failing: { errorRate: 0.2 }, crashing: { crashAfterMs: 4_000 } } as const;
/** Requests a second: few, because a pod of the stack has half a processor, and a machine may do much else. */
const rate = 20;

/** Releases follow each other, as in life: each test begins with what the one before has left. */
describe("the canary stack on the local cluster, under load", function () {
  this.timeout(900_000);
  beforeEach(allBeforePassed);
  let node: Node;
  let images: Record<keyof typeof versions, string>;
  let stage: CanaryScene | undefined;

  const scene = (): CanaryScene => stage ?? assert.fail("the scene was not made");
  /** What Flagger did, whole: of its events about one Canary the cluster takes 25, and then one in five minutes. */
  const told = async (): Promise<string> => await node.kubectl(["logs", "deployment/flagger", "--namespace=flagger-system"]);
  const imageOf = async (deployment: string): Promise<string> => await node.kubectl(["get", "deployment", deployment, `--namespace=${namespace}`, "--output=jsonpath={.spec.template.spec.containers[0].image}"]);
  const liveImage = async (): Promise<string> => await imageOf(`${app}-primary`);
  /** Changes the target as a person with kubectl would. */
  const patch = async (change: object, ...more: string[]) => await kubectl(node, "patch", "deployment", app, `--namespace=${namespace}`, "--type=strategic", `--patch=${JSON.stringify(change)}`, ...more);
  const withImage = (image: string): object => ({ spec: { template: { spec: { containers: [{ name: app, image }] } } } });
  /** Who answered in the last two seconds, or why nobody did, each once. */
  const late = (): unknown[] => [...new Set(scene().load?.answers.slice(-2 * rate).map((answer) => answer.digest ?? answer.failure))];
  const tookBack = ({ end }: Outcome): void => {
    assert.equal(end.code, 1, end.output);
    assert.match(end.output, /Flagger took the release back/);
  };

  before(async () => {
    await down(cluster, true, () => undefined);
    node = await start(cluster);
    images = await loadVersions(node, versions);
    stage = await CanaryScene.make(node, () => undefined);
    await stage.begin({ image: images.first }, rate);
  });
  after(async () => {
    await stage?.end();
    await down(cluster, true, () => undefined);
  });

  it("a good release goes from 0 to 50 % in steps of 10 and is promoted; no request fails; what is pushed meanwhile is refused and gets none", async () => {
    const refused: string[] = [];
    const outcome = await scene().release({ image: images.second }, async () => {
      const { watch } = scene();
      await watch.until("a fifth of the traffic", () => watch.weights.at(-1)?.value === 20);
      const pushed = await patch(withImage(images.third));
      refused.push(pushed.stderr);
      assert.notEqual(pushed.code, 0);
      const elsewhere = await patch({ metadata: { annotations: { "example.org/looked-at": "yes" } }, spec: { revisionHistoryLimit: 4 } }, "--dry-run=server");
      assert.equal(elsewhere.code, 0, elsewhere.stderr);
      // Whoever names this very analysis may break it off.
      const judged = await node.kubectl(["get", "canary", app, `--namespace=${namespace}`, "--output=jsonpath={.status.lastAppliedSpec}"]);
      const broken = async (named: string) => await patch({ metadata: { annotations: { "rlhf-audit-trail.dev/interrupt-analysis": named } }, ...withImage(images.third) }, "--dry-run=server");
      assert.deepEqual([(await broken(judged)).code, (await broken("another")).code], [0, 1]);
    });
    assert.match(refused.join(), /a release of rlhf-audit-trail is being judged \(Canary rlhf-audit-trail is Progressing\)/);
    assert.equal(outcome.end.code, 0, outcome.end.output);
    assert.deepEqual(outcome.phases, ["Progressing", "Promoting", "Finalising", "Succeeded"]);
    assert.deepEqual(outcome.weights, [10, 20, 30, 40, 50, 0]);
    assert.deepEqual(outcome.bad, []);
    assert.ok(outcome.fresh > 0);
    assert.ok(scene().load?.answers.every((answer) => answer.digest !== digest(images.third)));
    assert.equal(await liveImage(), images.second);
    assert.match(outcome.end.output, /phase Progressing, weight 30/, "the way there is shown");
  });

  it("with gates that nobody answers for, a release gets no request, is taken back, and the reason is told", async () => {
    const gates = { enabled: true, compliance: { timeout: "2s" }, performance: { timeout: "2s" }, security: { timeout: "2s" } };
    const outcome = await scene().release({ image: images.third, keys: { gates } });
    tookBack(outcome);
    assert.equal(outcome.fresh, 0);
    assert.deepEqual(outcome.bad, []);
    assert.ok(outcome.weights.every((weight) => weight === 0));
    assert.match(await told(), /compliance-pre-rollout.*(no such host|connection refused|deadline)/);
    assert.match(outcome.end.output, /compliance-pre-rollout/, "the reason is told");
    assert.equal(await liveImage(), images.second);
    // The version before is asked for again: Flagger judges nothing, and its condition stays at No.
    const back = await scene().stack.release(images.second).ended;
    assert.equal(back.code, 0, back.output);
    assert.deepEqual([await imageOf(app), await liveImage()], [images.second, images.second]);
  });

  it("a version that fails one request in five is taken back; whoever asks afterwards is answered by the old one", async () => {
    const outcome = await scene().release({ image: images.failing });
    tookBack(outcome);
    assert.equal(outcome.phases.at(-1), "Failed");
    assert.match(await told(), /success-rate [0-9.]+ < 99/);
    assert.ok(outcome.bad.length > 0 && outcome.bad.every(({ failure }) => failure?.startsWith("status 500") === true), JSON.stringify(outcome.bad.slice(0, 3)));
    assert.equal(await liveImage(), images.second);
    // Each proxy learns by itself of the share that is taken away; nobody may get there later.
    const load = scene().load ?? assert.fail("no load");
    await load.until("two seconds of the old version", () => isDeepStrictEqual(late(), [digest(images.second)]));
    await load.more(2 * rate);
    assert.deepEqual(late(), [digest(images.second)]);
  });

  it("the release command takes a version back that crashes under traffic, long before Flagger's deadline would", async () => {
    const { stack, watch, load } = scene();
    await watch.until("no release is being judged", () => watch.phases.at(-1)?.value === "Failed");
    const run = stack.release(images.crashing);
    await run.printed(/restarts? of the new version's containers since it has traffic.*ended with exit code/);
    // The old image is a revision of its own to Flagger, which takes the traffic away from what it judged before it looks at it.
    await run.printed(/settling/);
    await watch.until("no traffic on the version that crashes", () => watch.weights.at(-1)?.value === 0);
    const from = load?.answers.length ?? 0;
    await load?.until("four seconds of answers", () => load.answers.length > from + 4 * rate);
    assert.deepEqual(late(), [digest(images.second)]);
    assert.equal(await liveImage(), images.second);
    run.kill();
    await run.ended;
  });
});
