/** Waits until an object is what others may rely on, and tells meanwhile and in the end why it is not. */
import { setTimeout as delay } from "node:timers/promises";
import { ApiError, type ApiClient } from "./client.ts";
import { objectPath } from "./discovery.ts";
import { annotation, listAt, namespaceOf, title, type JsonMap, type KubernetesObject } from "./objects.ts";
import { fullReasons, shortReason } from "./reasons.ts";
import type { Condition, Surroundings, Verdict } from "./verdict.ts";

/** Pulumi's default, in seconds. */
const DEFAULT_SECONDS = 600;
/** Between two looks, in milliseconds: quick at first, for most objects are ready at once. */
const FIRST_PAUSE = 100;
const LONGEST_PAUSE = 1000;
/** A reason that stays is worth its details after so long. */
const DETAILS_AFTER_MS = 3000;

export interface AwaitOptions {
  client: ApiClient;
  /** Path of the object. */
  path: string;
  /** The object as the server returned it. */
  object: KubernetesObject;
  condition: Condition;
  /** It existed before this operation. */
  update: boolean;
  timeoutSeconds: number;
  signal: AbortSignal;
  report: (message: string) => void;
}

/** Seconds to wait for an object: the resource's own timeout, else the annotation `pulumi.com/timeoutSeconds`, else ten minutes. */
export function timeoutOf(timeoutSeconds: number | undefined, object: KubernetesObject): number {
  if (timeoutSeconds !== undefined && timeoutSeconds > 0) return timeoutSeconds;
  const annotated = Number(annotation(object, "pulumi.com/timeoutSeconds"));
  return Number.isInteger(annotated) && annotated > 0 ? annotated : DEFAULT_SECONDS;
}

/**
 * Looks at an object until its condition holds.
 * @returns the object as last seen, and why it is not ready: empty when it is
 */
export async function awaitReady(options: AwaitOptions): Promise<{ object: KubernetesObject; problems: string[] }> {
  const { client, path, condition, update, timeoutSeconds, signal, report } = options;
  const deadline = performance.now() + timeoutSeconds * 1000;
  const around = surroundings(client, options.object, signal);
  let object = options.object;
  const started = performance.now();
  let said = "";
  for (let pause = FIRST_PAUSE; ; pause = Math.min(pause * 1.3, LONGEST_PAUSE)) {
    const verdict = await condition(object, around, update);
    if (verdict.state === "ready") return { object, problems: [] };
    if (verdict.state === "failed") return { object, problems: [`${title(object)}: ${verdict.reason}`, ...(await fullReasons(client, object, signal))] };
    if (performance.now() > deadline) {
      return { object, problems: [`${title(object)} did not get ready within ${timeoutSeconds} s: ${verdict.reason}`, ...(await fullReasons(client, object, signal))] };
    }
    const now = await describe(options, object, verdict, performance.now() - started > DETAILS_AFTER_MS);
    if (now !== said) report((said = now));
    await delay(Math.min(pause, Math.max(1, deadline - performance.now())), undefined, { signal });
    const live = await look(client, path, signal);
    if (live === undefined) return { object, problems: [`${title(object)} was deleted by somebody else while it was awaited`] };
    object = live;
  }
}

async function describe({ client, signal }: AwaitOptions, object: KubernetesObject, verdict: Verdict & { reason: string }, details: boolean): Promise<string> {
  const short = details ? await shortReason(client, object, signal) : "";
  return short === "" ? verdict.reason : `${verdict.reason}; ${short}`;
}

/** Waits until an object is gone. `uid`: one with the same name and another uid is somebody else's. */
export async function awaitGone(options: Omit<AwaitOptions, "condition" | "update"> & { uid: string }): Promise<void> {
  const { client, path, timeoutSeconds, signal, report, uid } = options;
  const deadline = performance.now() + timeoutSeconds * 1000;
  let said = "";
  for (let pause = FIRST_PAUSE; ; pause = Math.min(pause * 1.3, LONGEST_PAUSE)) {
    const live = await look(client, path, signal);
    if (live === undefined || (uid !== "" && live.metadata["uid"] !== uid)) return;
    const holders = heldBy(live);
    if (performance.now() > deadline) throw new Error(`${title(live)} was not gone within ${timeoutSeconds} s${holders === "" ? "" : `: ${holders}`}`);
    const now = holders === "" ? "is being deleted" : holders;
    if (now !== said) report((said = now));
    await delay(pause, undefined, { signal });
  }
}

function heldBy(object: KubernetesObject): string {
  const finalizers = object.metadata["finalizers"];
  if (Array.isArray(finalizers) && finalizers.length > 0) return `waiting for its finalizers ${finalizers.map((name) => JSON.stringify(name)).join(", ")}`;
  const remaining = listAt(object, "status", "conditions").find(({ type, status }) => type === "NamespaceContentRemaining" && status === "True");
  return typeof remaining?.["message"] === "string" ? remaining["message"] : "";
}

async function look(client: ApiClient, path: string, signal: AbortSignal): Promise<KubernetesObject | undefined> {
  try {
    return (await client.request("GET", path, { signal })) as KubernetesObject;
  } catch (error) {
    if (error instanceof ApiError && error.status === 404) return undefined;
    throw error;
  }
}

function surroundings(client: ApiClient, object: KubernetesObject, signal: AbortSignal): Surroundings {
  return {
    list: async (apiVersion, plural, labelSelector) => {
      const list = await client.request("GET", objectPath(apiVersion, plural, namespaceOf(object), ""), { query: { labelSelector }, signal });
      return listAt(list, "items");
    },
    get: async (apiVersion, plural, name): Promise<JsonMap | undefined> => look(client, objectPath(apiVersion, plural, "", name), signal),
  };
}
