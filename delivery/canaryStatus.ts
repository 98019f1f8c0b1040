/** How a canary stack stands: Flagger's phase, the gates' last words, and how its last release ended. */
import { type GateRecord, gateLines, readGateRecord } from "./gateRecord.ts";
import { digestOf } from "./image.ts";
import { numberAt, objectPath, textAt } from "./kubernetes.ts";
import { readLease } from "./lease.ts";
import type { ReleaseRecord } from "./releaseRecord.ts";
import type { RunningCanary, Stack } from "./stack.ts";
import { releaseLine } from "./stackStatus.ts";

export interface CanaryStatus {
  readonly stack: string;
  readonly strategy: "canary";
  /** What was released or tried last, and whom the gates' words are about. */
  readonly image: string;
  /** Flagger's. */
  readonly phase: string;
  readonly failedChecks: number;
  readonly gates: GateRecord;
  readonly holder: string | null;
  readonly release: ReleaseRecord | null;
}

/** Looks at the cluster, changes nothing. What the gates said may be out of reach; the rest is told all the same. */
export async function canaryStatusOf(stack: Stack, running: RunningCanary, signal: AbortSignal): Promise<CanaryStatus> {
  const { client } = stack.cluster;
  const { canary, namespace } = running;
  const [live, lease] = await Promise.all([
    client.request("GET", objectPath(canary.apiVersion, "canaries", namespace, textAt(canary, "metadata", "name")), { signal }),
    readLease(client, namespace, signal),
  ]);
  const image = lease?.record?.image ?? running.image;
  const gates = await readGateRecord(client, canary, digestOf(image), signal);
  return { stack: stack.choice.stack, strategy: "canary", image, phase: textAt(live, "status", "phase"), failedChecks: numberAt(live, "status", "failedChecks"), gates, holder: lease?.holder ?? null, release: lease?.record ?? null };
}

/** The status for people. */
export function canaryStatusLines({ image, phase, failedChecks, gates, holder, release }: CanaryStatus): string[] {
  return [
    `${image}: ${phase === "" ? "Flagger has not looked at it yet" : phase}${failedChecks === 0 ? "" : `, ${failedChecks} failed checks`}`,
    ...(gates.words.length === 0 && gates.unread === undefined ? ["No gate has said anything about it."] : gateLines(gates).map((line) => `  ${line}`)),
    release === null ? "No release yet." : releaseLine(release, holder),
    ...(holder === null ? [] : [`Held by ${holder}.`]),
  ];
}
