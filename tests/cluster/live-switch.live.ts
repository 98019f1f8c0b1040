import assert from "node:assert/strict";
import { loadVersions } from "../../bench/switchImages.ts";
import { clientOf, SwitchLoad } from "../../bench/switchLoad.ts";
import type { Answer } from "../../bench/switchRequests.ts";
import { type StackWish, SwitchStack } from "../../bench/switchStack.ts";
import { SwitchWatch } from "../../bench/switchWatch.ts";
import { add } from "../../cluster/add.ts";
import { down } from "../../cluster/down.ts";
import { imageNames } from "../../cluster/images/catalog.ts";
import type { Node } from "../../cluster/node.ts";
import { digestOf } from "../../delivery/image.ts";
import { allBeforePassed, start } from "./world.ts";

const name = "test-switch";
const app = "rlhf-audit-trail";
/** Requests a second: fewer than the rehearsal has, as another cluster shares the machine. */
const rate = 30;
const versions = {
  first: {},
  second: {},
  third: {},
  lying: { wrongDigest: true },
  crashing: { crashAfterMs: 50 },
  neverReady: { neverReady: true },
} as const;

/** Releases follow each other, as in life: each test begins with what the one before has left. */
describe("blue-green on the local cluster, under load", function () {
  this.timeout(600_000);
  beforeEach(allBeforePassed);
  let node: Node;
  let images: Record<keyof typeof versions, string>;
  let stack: SwitchStack | undefined;
  let watch: SwitchWatch | undefined;
  let load: SwitchLoad | undefined;

  before(async () => {
    node = await start(name);
    const data = add("data", name, "local", () => undefined);
    [images, stack] = await Promise.all([loadVersions(node, versions), SwitchStack.make(node.kubeconfig), data]);
  });

  after(async () => {
    watch?.close();
    await load?.stop();
    await stack?.remove();
    await down(name, true, () => undefined);
  });

  afterEach(() => {
    assert.deepEqual(load?.failures() ?? [], [], "no request may fail");
  });

  /** The load; the first release starts it. */
  const asked = (): SwitchLoad => load ?? assert.fail("the first deployment has failed");
  const prepared = (): SwitchStack => stack ?? assert.fail("the stack was not made");
  const get = async (path: string): Promise<string> => await node.kubectl(["get", "--namespace=local", "--output=jsonpath={" + path.slice(path.indexOf(".")) + "}", path.slice(0, path.indexOf("."))]);
  const available = async (slot: string): Promise<string> => await get(`deployment/${app}-${slot}.status.availableReplicas`);
  const previewed = async (): Promise<unknown> => JSON.parse(await node.kubectl(["get", "--raw", `/api/v1/namespaces/local/services/${app}-preview:80/proxy/version`]));
  const selected = (): string[] => (watch?.selected ?? []).map(({ slot }) => slot);

  /** Who has answered since, each once. */
  const answeredBy = (answers: readonly Answer[]): string[] => [...new Set(answers.map(({ slot, digest }) => `${String(slot)} ${String(digest)}`))];
  const running = (slot: string, image: string): string => `${slot} ${digestOf(image)}`;

  /** Makes the wish true and returns what was answered meanwhile. */
  const during = async (wish: StackWish): Promise<Answer[]> => {
    const from = asked().answers.length;
    await prepared().mustUp(wish);
    await asked().more(3 * rate);
    return asked().answers.slice(from);
  };

  /** Waits until every client, keep-alive ones included, has been answered by this version; then nobody may be answered by another one. */
  const allMoveTo = async (version: string): Promise<void> => {
    const { answers } = asked();
    const waiting = new Set(asked().clients);
    let seen = answers.length;
    await asked().until(`every client is answered by ${version}`, () => {
      for (const answer of answers.slice(seen)) if (answeredBy([answer])[0] === version) waiting.delete(clientOf(answer));
      seen = answers.length;
      return waiting.size === 0;
    });
    await asked().more(10 * rate);
    assert.deepEqual(answeredBy(answers.slice(seen)), [version]);
  };

  it("the first deployment answers", async () => {
    await prepared().mustUp({ active: "blue", blue: images.first });
    const address = await get(`service/${app}-service.spec.clusterIP`);
    watch = await SwitchWatch.open(node.kubeconfig, "local", `${app}-service`);
    load = await SwitchLoad.start(node, address, { rate });
    await load.more(6 * rate);
    assert.deepEqual(answeredBy(load.answers), [running("blue", images.first)]);
    assert.ok(load.answers.some(({ connecting, reused }) => connecting === "kept" && reused), "some clients keep their connections");
  });

  it("green is filled beside blue: reached by the preview Service, and by no user", async () => {
    const answers = await during({ active: "blue", blue: images.first, green: images.second });
    assert.deepEqual(answeredBy(answers), [running("blue", images.first)]);
    assert.deepEqual([await available("blue"), await available("green")], ["1", "1"]);
    const preview = (await previewed()) as { slot: string; digest: string };
    assert.equal(`${preview.slot} ${preview.digest}`, running("green", images.second));
    assert.deepEqual(selected(), ["blue"]);
  });

  it("the switch moves every client, and nobody is on the old colour after its drain", async () => {
    await during({ active: "green", blue: images.first, green: images.second });
    assert.deepEqual(selected(), ["blue", "green"]);
    await allMoveTo(running("green", images.second));
  });

  it("the old slot stays warm, reached by the preview Service, and takes everybody back", async () => {
    assert.equal(await available("blue"), "1");
    assert.equal(((await previewed()) as { slot: string }).slot, "blue");
    await during({ active: "blue", blue: images.first, green: images.second });
    assert.deepEqual(selected(), ["blue", "green", "blue"]);
    await allMoveTo(running("blue", images.first));
  });

  it("another image for the live slot is refused, and the traffic stays", async () => {
    const from = asked().answers.length;
    const end = await prepared().up({ active: "blue", blue: images.third, green: images.second });
    assert.notEqual(end.code, 0);
    assert.match(end.output, /rlhf-audit-trail-blue is the slot that carries traffic/);
    await asked().more(3 * rate);
    assert.equal(await get(`deployment/${app}-blue.spec.template.spec.containers[0].image`), images.first);
    assert.deepEqual(answeredBy(asked().answers.slice(from)), [running("blue", images.first)]);
  });

  const bad: readonly [title: string, image: () => string, reasons: readonly RegExp[], progressDeadline?: string][] = [
    ["that fails its verification", () => images.lying, [/not verified: \/version says digest sha256:0{64}, expected sha256:/]],
    ["that crashes", () => images.crashing, [/ended with exit code 1/, /Crashing, as the faults say/], "10s"],
    ["that never gets ready", () => images.neverReady, [/Readiness probe failed/], "10s"],
    ["that can't be pulled", () => `${imageNames.auditTrail}@sha256:${"0".repeat(64)}`, [/ImagePull|ErrImage/], "10s"],
  ];
  for (const [title, image, reasons, progressDeadline] of bad) {
    it(`a version ${title} never gets a request; up says why and ends non-zero; emptying its slot is the way back`, async () => {
      const from = asked().answers.length;
      const moves = selected();
      const end = await prepared().up({ active: "green", blue: images.first, green: image(), ...(progressDeadline !== undefined && { progressDeadline }) });
      assert.equal(end.code, 1, end.output);
      for (const reason of reasons) assert.match(end.output, reason);
      await prepared().mustUp({ active: "blue", blue: images.first });
      assert.equal(await node.kubectl(["get", "deployments", "--namespace=local", "--output=name"]), `deployment.apps/${app}-blue\n`);
      await asked().more(3 * rate);
      assert.deepEqual(selected(), moves, "the selector never moved");
      assert.deepEqual(answeredBy(asked().answers.slice(from)), [running("blue", images.first)]);
    });
  }

  it("an up that is killed twice, while it waits for pods and while it verifies, is taken up by the next", async () => {
    const release: StackWish = { active: "green", blue: images.first, green: images.third };
    for (const moment of [/green-workload-deployment: 0 of 1 pods/, /green-verification: 1 active/]) {
      const run = await prepared().start(release);
      await run.printed(moment);
      run.kill();
      assert.equal((await run.ended).code, null);
    }
    await during(release);
    await allMoveTo(running("green", images.third));
  });
});
