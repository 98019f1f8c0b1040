/** Seeing a canary crash: while none of its pods is ready Flagger leaves the share as it is and asks nobody, until its deadline passes. */
import { setTimeout as delay } from "node:timers/promises";
import { type ApiClient, isOutage } from "../engine/kubernetes/client.ts";
import { lastEnds, podProblems } from "../engine/kubernetes/workloads.ts";
import { listAt, mapAt, numberAt, objectPath, textAt, type JsonMap } from "./kubernetes.ts";
import type { RunningCanary } from "./stack.ts";

/** What is watched. */
export interface CrashWatch {
  readonly client: ApiClient;
  readonly running: RunningCanary;
  /** The release's image: only its containers count. */
  readonly image: string;
  /** Ends the watch. */
  readonly signal: AbortSignal;
  /** Between two looks, in milliseconds. @default 2000 */
  readonly pauseMs?: number;
}

/**
 * Waits until a container of the release starts anew after it has got traffic: as in a blue-green release, one restart is enough.
 * @returns what happened, in one sentence; rejects with the signal's reason when nothing did
 */
export async function crashOf({ client, running, image, signal, pauseMs = 2000 }: CrashWatch): Promise<string> {
  const { canary, namespace } = running;
  const path = objectPath(canary.apiVersion, "canaries", namespace, textAt(canary, "metadata", "name"));
  let before: number | undefined;
  for (;;) {
    try {
      const live = await client.request("GET", path, { signal });
      if (isExposed(live)) {
        const pods = await podsOf(client, namespace, live, image, signal);
        const restarts = restartsOf(pods);
        before ??= restarts;
        if (restarts > before) return `${restarts - before} restart${restarts - before === 1 ? "" : "s"} of the new version's containers since it has traffic: ${pods.flatMap(podProblems).join("; ") || pods.flatMap(lastEnds).join("; ")}`;
      }
    } catch (error) {
      // An API server that is away can't be asked now; whoever needs it to go on tells of it.
      if (signal.aborted || !isOutage(error)) throw error;
    }
    await delay(pauseMs, undefined, { signal });
  }
}

/** Whether users, or copies of their requests, have reached it in this analysis, and it can still be taken back. */
function isExposed(canary: JsonMap): boolean {
  const phase = textAt(canary, "status", "phase");
  // While a promotion waits, the status tells no share, and the route has one.
  return phase === "WaitingPromotion" || (phase === "Progressing" && (numberAt(canary, "status", "canaryWeight") > 0 || numberAt(canary, "status", "iterations") > 0));
}

async function podsOf(client: ApiClient, namespace: string, canary: JsonMap, image: string, signal: AbortSignal): Promise<JsonMap[]> {
  const target = await client.request("GET", objectPath("apps/v1", "deployments", namespace, textAt(canary, "spec", "targetRef", "name")), { signal });
  const labelSelector = Object.keys(mapAt(target, "spec", "selector", "matchLabels")).map((key) => `${key}=${textAt(target, "spec", "selector", "matchLabels", key)}`).join(",");
  const pods = listAt(await client.request("GET", objectPath("v1", "pods", namespace, ""), { query: { labelSelector }, signal }), "items");
  return pods.filter((pod) => textAt(pod, "metadata", "deletionTimestamp") === "" && listAt(pod, "spec", "containers").some((container) => textAt(container, "image") === image));
}

function restartsOf(pods: readonly JsonMap[]): number {
  return pods.flatMap((pod) => listAt(pod, "status", "containerStatuses")).reduce((sum, status) => sum + numberAt(status, "restartCount"), 0);
}
