import assert from "node:assert/strict";
import { CanaryScene } from "../../bench/canaryScene.ts";
import { canaryNames } from "../../bench/canaryStack.ts";
import { mirrored } from "../../bench/mirrored.ts";
import { sticky } from "../../bench/sticky.ts";
import { loadVersions } from "../../bench/switchImages.ts";
import { add } from "../../cluster/add.ts";
import { down } from "../../cluster/down.ts";
import type { Node } from "../../cluster/node.ts";
import { allBeforePassed, start } from "./world.ts";

const cluster = "test-planes";
const { app, namespace } = canaryNames;
/** Requests a second: few, because a pod of the stack has half a processor, and a machine may do much else. */
const rate = 20;

/** Releases follow each other, as in life: each test begins with what the one before has left. */
describe("the canary stack on another data plane, under load", function () {
  this.timeout(900_000);
  beforeEach(allBeforePassed);
  let node: Node;
  let images: Record<"first" | "second", string>;
  let stage: CanaryScene | undefined;

  const scene = (): CanaryScene => stage ?? assert.fail("the scene was not made");
  const liveImage = async (): Promise<string> => await node.kubectl(["get", "deployment", `${app}-primary`, `--namespace=${namespace}`, "--output=jsonpath={.spec.template.spec.containers[0].image}"]);

  before(async () => {
    await down(cluster, true, () => undefined);
    node = await start(cluster);
    images = await loadVersions(node, { first: {}, second: {} });
    stage = await CanaryScene.make(node, () => undefined);
    await stage.begin({ image: images.second }, rate);
  });
  after(async () => {
    await stage?.end();
    await down(cluster, true, () => undefined);
  });

  it("moves to the other data plane, with its users", async () => {
    const there = async () => await node.kubectl(["get", "deployments,secrets,pods", "--namespace=contour", "--output=jsonpath={range .items[*]}{.kind} {.metadata.name} {.metadata.uid} {.metadata.generation} {end}"]);
    await add("contour", cluster, namespace, () => undefined);
    const before = await there();
    await add("contour", cluster, namespace, () => undefined);
    assert.equal(await there(), before, "added again, it changes nothing");
    await scene().begin({ image: images.second, plane: "contour" }, rate, { cookies: true });
  });

  it("a version that gets copies of all requests is met by nobody meanwhile, and then promoted; no request fails", async () => {
    const { outcome, asked, copies, met } = await mirrored(scene(), { image: images.first, plane: "contour" }, 2, 5 * rate);
    assert.equal(outcome.end.code, 0, outcome.end.output);
    assert.ok(copies > asked / 2, `${copies} copies of ${asked} requests`);
    assert.equal(met, 0);
    assert.deepEqual(outcome.bad, []);
    assert.equal(await liveImage(), images.first);
  });

  it("under sticky sessions whoever met the new version stays on it, and everybody else is divided; no request fails", async () => {
    const kept = await sticky(scene(), { image: images.second, plane: "contour", keys: { stepWeight: 50 } });
    assert.equal(kept.outcome.end.code, 0, kept.outcome.end.output);
    assert.ok(kept.met > 0 && kept.later > 0);
    assert.deepEqual(kept.strays, []);
    assert.ok(kept.fresh > 0 && kept.fresh < kept.others, `${kept.fresh} of ${kept.others} went to the new version`);
    assert.ok(kept.cookies.includes("rlhf-audit-trail-version=…; Max-Age=86400; HttpOnly; Path=/; SameSite=Lax"), kept.cookies.join("\n"));
    assert.deepEqual(kept.outcome.bad, []);
    assert.equal(await liveImage(), images.second);
  });

  it("moves back to the usual data plane", async () => {
    await scene().begin({ image: images.second }, rate);
  });
});
