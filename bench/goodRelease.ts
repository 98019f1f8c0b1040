/** One good release as its users and its operator see it. */
import type { Node } from "../cluster/node.ts";
import { exitCodes } from "../delivery/exitCodes.ts";
import type { ReleaseEvent } from "../delivery/releaseEvents.ts";
import type { CommandEnd, ReleaseScene } from "./releaseScene.ts";
import type { Answer } from "./switchRequests.ts";

/** An answer that takes longer is a bad one: the bound of the bake. */
export const slowMs = 2_000;

/** A good release, in seconds. */
export interface Good {
  readonly promoted: boolean;
  readonly answers: number;
  /** All but the bake and both starts of pods. */
  readonly own: number;
  /** From the command's start until the update begins: lease, rules and record. */
  readonly prepared: number | undefined;
  /** From the update's begin to the switch, starts of pods and the verification among it. */
  readonly updated: number | undefined;
  /** Of the slot's pods, from the creation to readiness. */
  readonly podStart: number;
  /** Of the verification's pod, from the creation to its container's start. */
  readonly verificationStart: number;
}

export const isBad = ({ failure, sent, answered }: Answer): boolean => failure !== undefined || answered - sent > slowMs;
export const timeOf = ({ told }: CommandEnd, step: ReleaseEvent["step"]): number | undefined => told.find(({ event }) => event.step === step)?.at;
export const between = (from: number | undefined, to: number | undefined): number | undefined => (from === undefined || to === undefined ? undefined : (to - from) / 1000);

/** Releases, waits for the verdict, and asks the cluster how long its pods took to start. */
export async function releaseGood(node: Node, scene: ReleaseScene, image: string): Promise<Good> {
  // As precise as the cluster's own times are.
  const since = Math.floor(Date.now() / 1000) * 1000;
  const end = await scene.run("release", "--image", image);
  const starts = await startsOf(node, image, since);
  const whole = (end.done - end.begun) / 1000;
  const bake = between(timeOf(end, "switched"), timeOf(end, "released")) ?? 0;
  return {
    promoted: end.code === exitCodes.done,
    answers: scene.since(end.begun).filter(isBad).length,
    ...starts,
    own: whole - bake - starts.podStart - starts.verificationStart,
    prepared: between(end.begun, timeOf(end, "updating")),
    updated: between(timeOf(end, "updating"), timeOf(end, "switched")),
  };
}

interface Pod {
  readonly metadata: { readonly creationTimestamp: string };
  readonly spec: { readonly containers: readonly { readonly image: string }[] };
  readonly status: {
    readonly conditions?: readonly { readonly type: string; readonly lastTransitionTime: string }[];
    readonly containerStatuses?: readonly { readonly state: { readonly terminated?: { readonly startedAt: string } } }[];
  };
}

/** How long pods of an image took to start, as the cluster has it: whole seconds. Pods that were there before took no time. */
async function startsOf(node: Node, image: string, since: number): Promise<Pick<Good, "podStart" | "verificationStart">> {
  const pods = async (app: string): Promise<Pod[]> => {
    const { items } = JSON.parse(await node.kubectl(["get", "pods", "--namespace=local", `--selector=app=${app}`, "--output=json"])) as { items: Pod[] };
    return items.filter(({ metadata, spec }) => Date.parse(metadata.creationTimestamp) >= since && spec.containers.some((container) => container.image === image));
  };
  const longest = (all: readonly Pod[], started: (pod: Pod) => string | undefined): number =>
    Math.max(0, ...all.map((pod) => (Date.parse(started(pod) ?? pod.metadata.creationTimestamp) - Date.parse(pod.metadata.creationTimestamp)) / 1000));
  return {
    podStart: longest(await pods("rlhf-audit-trail"), ({ status }) => status.conditions?.find(({ type }) => type === "Ready")?.lastTransitionTime),
    verificationStart: longest(await pods("rlhf-audit-trail-verification"), ({ status }) => status.containerStatuses?.[0]?.state.terminated?.startedAt),
  };
}
