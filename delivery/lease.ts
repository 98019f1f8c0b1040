/** One release at a time: a Lease of the cluster, so that people on different machines see each other. It carries the release's record. */
import { hostname, userInfo } from "node:os";
import { setTimeout as delay } from "node:timers/promises";
import { ApiError, type ApiClient } from "../engine/kubernetes/client.ts";
import { FIELD_MANAGER, type JsonMap, mapAt, numberAt, objectPath, textAt } from "./kubernetes.ts";
import { DeliveryError } from "./deliveryError.ts";
import { exitCodes } from "./exitCodes.ts";
import { parseRecord, type ReleaseRecord } from "./releaseRecord.ts";

/** Name of the Lease in the stack's namespace. */
const leaseName = "rlhf-audit-trail-release";
const recordAnnotation = "rlhf-audit-trail.dev/release";

/** Seconds for which a holder that is not heard of keeps the lease; it is renewed every fifth of that. */
const leaseSeconds = 15;
/** Seconds without a renewal after which its holder stops: before anybody else can take it. */
const renewWithinSeconds = 10;

/** A held lease. */
export interface Lease {
  /** What the last release left: finished, or broken off. */
  readonly found: ReleaseRecord | undefined;
  /** Aborted when the lease was lost: somebody else may be releasing, so nothing more may be done. */
  readonly lost: AbortSignal;
  /** Writes down where the release stands. Returns when the cluster has it. */
  readonly write: (record: ReleaseRecord) => Promise<void>;
  /** Lets the next one in at once. */
  readonly release: () => Promise<void>;
}

/** Who holds it, for people: `ada@build-7 (4711)`. */
function holderName(): string {
  return `${userName()}@${hostname()} (${process.pid})`;
}

/** The record without taking the lease: undefined before the first release. */
export async function readLease(client: ApiClient, namespace: string, signal: AbortSignal): Promise<{ record: ReleaseRecord | undefined; holder: string | undefined } | undefined> {
  const lease = await get(client, namespace, signal);
  if (lease === undefined) return undefined;
  return { record: recordOf(lease), holder: isExpired(lease, Date.now()) ? undefined : textAt(lease, "spec", "holderIdentity") || undefined };
}

/**
 * Takes the lease. One whose holder has died is taken over when it expires, which is waited for.
 * @param onWait told once who is waited for
 * @throws DeliveryError `held` when its holder lives
 */
export async function acquireLease(client: ApiClient, namespace: string, signal: AbortSignal, onWait: (holder: string) => void): Promise<Lease> {
  const holder = holderName();
  let seen: { renewed: string; since: number } | undefined;
  for (;;) {
    const current = await get(client, namespace, signal);
    const theirs = textAt(current, "spec", "holderIdentity");
    const renewed = textAt(current, "spec", "renewTime");
    // Clocks of machines differ: what counts is how long we ourselves have seen no renewal.
    if (current !== undefined && theirs !== "" && seen?.renewed !== renewed) {
      if (seen !== undefined) throw held(theirs, recordOf(current));
      seen = { renewed, since: performance.now() };
      onWait(theirs);
    }
    const silent = seen !== undefined && performance.now() - seen.since > 1000 * (numberAt(current, "spec", "leaseDurationSeconds") || leaseSeconds);
    if (current === undefined || theirs === "" || silent) {
      const taken = await take(client, namespace, current, holder, signal);
      if (taken !== undefined) return hold(client, namespace, taken, holder);
      seen = undefined;
      continue;
    }
    await delay(500, undefined, { signal });
  }
}

function held(holder: string, record: ReleaseRecord | undefined): DeliveryError {
  const what = record === undefined ? "" : `: release ${record.id}, ${record.phase}`;
  return new DeliveryError(exitCodes.held, `${holder} is releasing this stack${what}. Nothing was changed.`, "Wait until it has ended; `delivery watch` shows it.");
}

/** undefined when somebody else was faster. */
async function take(client: ApiClient, namespace: string, current: JsonMap | undefined, holder: string, signal: AbortSignal): Promise<JsonMap | undefined> {
  const spec = { holderIdentity: holder, leaseDurationSeconds: leaseSeconds, acquireTime: microTime(), renewTime: microTime() };
  try {
    if (current === undefined) {
      const body = { apiVersion: "coordination.k8s.io/v1", kind: "Lease", metadata: { name: leaseName, namespace }, spec };
      return await client.request("POST", path(namespace, ""), { query: { fieldManager: FIELD_MANAGER }, body, signal });
    }
    return await put(client, namespace, { ...current, spec: { ...spec, leaseTransitions: numberAt(current, "spec", "leaseTransitions") + 1 } }, signal);
  } catch (error) {
    if (error instanceof ApiError && error.status === 409) return undefined;
    throw error;
  }
}

function hold(client: ApiClient, namespace: string, taken: JsonMap, holder: string): Lease {
  const lost = new AbortController();
  const never = new AbortController().signal;
  let current = taken;
  let renewed = performance.now();
  // One write after the other: each needs the version that the one before has made.
  let queue: Promise<unknown> = Promise.resolve();
  const change = (edit: (lease: JsonMap) => JsonMap): Promise<void> => {
    const done = queue.then(async () => {
      current = await put(client, namespace, edit(current), never);
      renewed = performance.now();
    });
    queue = done.catch(() => undefined); // whoever asked for it is told
    return done;
  };
  const renewal = (lease: JsonMap): JsonMap => ({ ...lease, spec: { ...mapAt(lease, "spec"), renewTime: microTime() } });
  const lose = (cause: unknown): void => lost.abort(lostError(holder, cause));
  const timer = setInterval(() => {
    change(renewal).catch((error: unknown) => {
      // Somebody has taken it; anything else may pass.
      if (error instanceof ApiError && error.status === 409) lose(error);
    });
  }, (leaseSeconds / 5) * 1000);
  // Apart from the renewals: one that hangs must not keep this from being seen.
  const guard = setInterval(() => {
    if (performance.now() - renewed > renewWithinSeconds * 1000) lose(new Error(`it was not renewed for ${renewWithinSeconds} s`));
  }, 500);
  const stop = (): void => {
    clearInterval(timer);
    clearInterval(guard);
  };
  lost.signal.addEventListener("abort", stop, { once: true });
  return {
    found: recordOf(taken),
    lost: lost.signal,
    write: (record) =>
      change((lease) => {
        const metadata = mapAt(lease, "metadata");
        return renewal({ ...lease, metadata: { ...metadata, annotations: { ...mapAt(metadata, "annotations"), [recordAnnotation]: JSON.stringify(record) } } });
      }),
    release: async () => {
      stop();
      if (!lost.signal.aborted) await change((lease) => ({ ...lease, spec: { ...mapAt(lease, "spec"), holderIdentity: "" } }));
    },
  };
}

function lostError(holder: string, cause: unknown): DeliveryError {
  return new DeliveryError(exitCodes.failed, `The lease ${leaseName} could not be kept by ${holder}: ${cause instanceof Error ? cause.message : String(cause)}.`, "Run the same command again: it goes on where this one stopped.", { cause });
}

const path = (namespace: string, name: string): string => objectPath("coordination.k8s.io/v1", "leases", namespace, name);

async function get(client: ApiClient, namespace: string, signal: AbortSignal): Promise<JsonMap | undefined> {
  try {
    return await client.request("GET", path(namespace, leaseName), { signal });
  } catch (error) {
    if (error instanceof ApiError && error.status === 404) return undefined;
    throw error;
  }
}

const put = async (client: ApiClient, namespace: string, lease: JsonMap, signal: AbortSignal): Promise<JsonMap> =>
  await client.request("PUT", path(namespace, leaseName), { query: { fieldManager: FIELD_MANAGER }, body: lease, signal });

function isExpired(lease: JsonMap, now: number): boolean {
  return now - Date.parse(textAt(lease, "spec", "renewTime")) > numberAt(lease, "spec", "leaseDurationSeconds") * 1000;
}

const recordOf = (lease: JsonMap): ReleaseRecord | undefined => parseRecord(textAt(lease, "metadata", "annotations", recordAnnotation));
const microTime = (): string => new Date().toISOString().replace("Z", "000Z");

function userName(): string {
  try {
    return userInfo().username;
  } catch {
    return String(process.getuid?.() ?? "unknown"); // a user id without an entry in the system's list
  }
}
