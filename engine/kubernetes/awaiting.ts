/** Waits until an object is what others may rely on, and tells meanwhile and in the end why it is not. */
import { setTimeout as delay } from "node:timers/promises";
import { ApiError, isOutage, type ApiClient } from "./client.ts";
import { objectPath } from "./discovery.ts";
import { Lookout } from "./lookout.ts";
import { annotation, listAt, nameOf, namespaceOf, textAt, title, type JsonMap, type KubernetesObject } from "./objects.ts";
import { fullReasons, shortReason } from "./reasons.ts";
import type { Condition, Surroundings, Verdict } from "./verdict.ts";

/** Pulumi's default, in seconds. */
const DEFAULT_SECONDS = 600;
/** Between two looks where no watch tells of a change before, in milliseconds: quick at first, for most objects are ready at once. */
const FIRST_PAUSE = 100;
const LONGEST_PAUSE = 1000;
/** How long the API server may be away while something is awaited, in milliseconds, on top of its client's own attempts. */
const OUTAGE_MS = 60_000;
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
  /** Between two looks where no watch tells of a change, in milliseconds. Default: 100, then ever longer, up to 1000. */
  pauseMs?: number;
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
  const { client, timeoutSeconds, signal } = options;
  const deadline = performance.now() + timeoutSeconds * 1000;
  const lookout = lookoutFor(options);
  const around = surroundings(client, options.object, lookout, signal);
  try {
    return await untilReady(options, around, lookout, deadline);
  } finally {
    lookout.close();
  }
}

async function untilReady(options: AwaitOptions, around: Surroundings, lookout: Lookout, deadline: number): Promise<{ object: KubernetesObject; problems: string[] }> {
  const { client, path, condition, update, timeoutSeconds, signal, report } = options;
  let object = options.object;
  const started = performance.now();
  let said = "";
  const outage = new Outage((message) => report((said = message)));
  for (let pause = options.pauseMs ?? FIRST_PAUSE; ; pause = options.pauseMs ?? Math.min(pause * 1.3, LONGEST_PAUSE)) {
    const verdict = await outage.bear(() => condition(object, around, update), signal);
    if (verdict.state === "ready") return { object, problems: [] };
    if (verdict.state === "failed") return { object, problems: [`${title(object)}: ${verdict.reason}`, ...(await fullReasons(client, object, signal))] };
    if (performance.now() > deadline) {
      return { object, problems: [`${title(object)} did not get ready within ${timeoutSeconds} s: ${verdict.reason}`, ...(await fullReasons(client, object, signal))] };
    }
    const now = await describe(options, object, verdict, performance.now() - started > DETAILS_AFTER_MS);
    if (now !== said) report((said = now));
    await lookout.change(Math.min(pause, Math.max(1, deadline - performance.now())));
    const live = await outage.bear(() => look(client, path, signal), signal);
    if (live === undefined) return { object, problems: [`${title(object)} was deleted by somebody else while it was awaited`] };
    object = live;
  }
}

async function describe({ client, signal }: AwaitOptions, object: KubernetesObject, verdict: Verdict & { reason: string }, details: boolean): Promise<string> {
  // The reason's details matter less than the waiting itself.
  const short = details ? await shortReason(client, object, signal).catch(() => "") : "";
  return short === "" ? verdict.reason : `${verdict.reason}; ${short}`;
}

/** Waits until an object is gone. `uid`: one with the same name and another uid is somebody else's. */
export async function awaitGone(options: Omit<AwaitOptions, "condition" | "update"> & { uid: string }): Promise<void> {
  const deadline = performance.now() + options.timeoutSeconds * 1000;
  const lookout = lookoutFor(options);
  try {
    await untilGone(options, lookout, deadline);
  } finally {
    lookout.close();
  }
}

async function untilGone(options: Parameters<typeof awaitGone>[0], lookout: Lookout, deadline: number): Promise<void> {
  const { client, path, timeoutSeconds, signal, report, uid } = options;
  let said = "";
  const outage = new Outage((message) => report((said = message)));
  for (let pause = options.pauseMs ?? FIRST_PAUSE; ; pause = options.pauseMs ?? Math.min(pause * 1.3, LONGEST_PAUSE)) {
    const live = await outage.bear(() => look(client, path, signal), signal);
    if (live === undefined || (uid !== "" && live.metadata["uid"] !== uid)) return;
    const holders = heldBy(live);
    if (performance.now() > deadline) throw new Error(`${title(live)} was not gone within ${timeoutSeconds} s${holders === "" ? "" : `: ${holders}`}`);
    const now = holders === "" ? "is being deleted" : holders;
    if (now !== said) report((said = now));
    await lookout.change(Math.min(pause, Math.max(1, deadline - performance.now())));
  }
}

/** Bears an API server that is away for a while: it is started again, or another one takes its place. */
class Outage {
  readonly #report: (message: string) => void;
  #since: number | undefined;

  constructor(report: (message: string) => void) {
    this.#report = report;
  }

  /** The look's outcome, tried again until the server is back. Rejects when it stays away. */
  async bear<T>(look: () => T | Promise<T>, signal: AbortSignal): Promise<T> {
    for (;;) {
      try {
        const found = await look();
        this.#since = undefined;
        return found;
      } catch (error) {
        this.#since ??= performance.now();
        if (signal.aborted || !isOutage(error) || performance.now() - this.#since > OUTAGE_MS) throw error;
        this.#report(`waiting for the API server: ${error instanceof Error ? error.message : String(error)}`);
        await delay(LONGEST_PAUSE, undefined, { signal });
      }
    }
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

/** Looks out for the object itself, from how it is known. */
function lookoutFor({ client, path, object, signal }: Pick<AwaitOptions, "client" | "path" | "object" | "signal">): Lookout {
  const lookout = new Lookout(client.connection, signal);
  const collection = path.slice(0, path.lastIndexOf("/"));
  lookout.watch({ collection, fieldSelector: `metadata.name=${nameOf(object)}`, resourceVersion: textAt(object, "metadata", "resourceVersion") || undefined });
  return lookout;
}

/** What a condition has looked at beside its object is looked out for, too. */
function surroundings(client: ApiClient, object: KubernetesObject, lookout: Lookout, signal: AbortSignal): Surroundings {
  return {
    list: async (apiVersion, plural, labelSelector) => {
      const collection = objectPath(apiVersion, plural, namespaceOf(object), "");
      lookout.watch({ collection, labelSelector });
      const list = await client.request("GET", collection, { query: { labelSelector }, signal });
      return listAt(list, "items");
    },
    get: async (apiVersion, plural, name): Promise<JsonMap | undefined> => look(client, objectPath(apiVersion, plural, "", name), signal),
  };
}
