/** A release whose new version gets copies of all requests, and no user until it has passed. */
import type { Node } from "../cluster/node.ts";
import { digestOf } from "../delivery/image.ts";
import type { CanaryScene, Outcome } from "./canaryScene.ts";
import { canaryNames, type CanaryWish } from "./canaryStack.ts";

/** What came of it. */
interface Mirrored {
  outcome: Outcome;
  /** Users' requests that were answered between two moments, while copies were made. */
  asked: number;
  /** Requests that the new version's pods counted between them. */
  copies: number;
  /** Answers of the new version that users got while copies were made. */
  met: number;
}

/** @param requests so many are asked before the copies are counted */
export async function mirrored(scene: CanaryScene, wish: CanaryWish, ticks: number, requests: number): Promise<Mirrored> {
  const { watch, load } = scene;
  if (load === undefined) throw new Error("the scene has not begun");
  const digest = digestOf(wish.image);
  let [asked, copies] = [0, 0];
  const told = watch.mirrored.length;
  // No load of our own: what the new version counts are copies.
  const outcome = await scene.release({ ...wish, keys: { ...wish.keys, "load.enabled": false, "traffic.kind": "mirror", "traffic.iterations": ticks } }, async () => {
    await watch.until("copies are made", () => watch.mirrored.slice(told).some(({ value }) => value));
    // The proxies learn of the route one after the other.
    await load.more(requests / 5);
    const [before, from] = [await counted(scene.node), load.answers.length];
    await load.more(requests);
    copies = (await counted(scene.node)) - before;
    asked = load.answers.length - from;
  });
  const [begun, ended] = [true, false].map((wanted) => watch.mirrored.slice(told).find(({ value }) => value === wanted)?.at ?? Infinity) as [number, number];
  const met = load.answers.filter(({ sent, answered, digest: who }) => sent >= begun && answered <= ended && who === digest).length;
  return { outcome, asked, copies, met };
}

/** What the pods of the new version say themselves of how many requests they have answered; probes are not among them. */
async function counted(node: Node): Promise<number> {
  const { app, namespace } = canaryNames;
  const pods = await node.kubectl(["get", "pods", `--namespace=${namespace}`, `--selector=app=${app}`, "--output=jsonpath={.items[*].metadata.name}"]);
  let sum = 0;
  for (const pod of pods.split(" ")) {
    const text = await node.kubectl(["get", "--raw", `/api/v1/namespaces/${namespace}/pods/${pod}:8000/proxy/metrics`]);
    for (const [, count] of text.matchAll(/^http_requests_total\{[^}]*\} (\d+)/gm)) sum += Number(count);
  }
  return sum;
}
