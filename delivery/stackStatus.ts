/** How a stack stands: what has the traffic, what is warm, and how its last release ended. */
import type { Counters } from "./bakeWindow.ts";
import { openSource } from "./bakeSource.ts";
import { mapAt, textAt } from "./kubernetes.ts";
import { readLease } from "./lease.ts";
import { liveSlot } from "./liveSlot.ts";
import { columns } from "./output.ts";
import { isUnfinished, type ReleaseRecord } from "./releaseRecord.ts";
import type { Slot } from "./slots.ts";
import type { Running, Stack } from "./stack.ts";

export interface SlotStatus {
  readonly slot: Slot;
  readonly live: boolean;
  readonly image: string | null;
  readonly ready: number;
  readonly wanted: number;
  readonly restarts: number;
  /** What it has answered since its pods started; null when nobody can say. */
  readonly traffic: Pick<Counters, "requests" | "errors"> | null;
}

export interface StackStatus {
  readonly stack: string;
  /** null when the selector names no slot. */
  readonly live: Slot | null;
  readonly slots: readonly SlotStatus[];
  /** Whether the recorded state says the same. */
  readonly agrees: boolean;
  /** Who is releasing now. */
  readonly holder: string | null;
  /** The last release, or the one under way. */
  readonly release: ReleaseRecord | null;
}

/** Looks at the cluster, changes nothing. */
export async function statusOf(stack: Stack, running: Running, signal: AbortSignal): Promise<StackStatus> {
  const { client } = stack.cluster;
  const app = textAt(mapAt(running.liveService, "spec", "selector"), "app");
  const source = openSource({ client, namespace: running.namespace, app, prometheus: running.prometheus, signal });
  const [live, lease] = await Promise.all([liveSlot({ client, liveService: running.liveService }, signal), readLease(client, running.namespace, signal)]);
  const slots = await Promise.all(
    (["blue", "green"] as const).map(async (slot): Promise<SlotStatus> => {
      // A release under way may fill a slot that the recorded outputs call empty.
      const filling = lease?.record !== undefined && isUnfinished(lease.record) && lease.record.strategy === "blue-green" && lease.record.to === slot ? lease.record.image : undefined;
      const image = filling ?? running.images[slot] ?? null;
      const [pods, traffic] = image === null ? [] : await Promise.all([source.pods(slot).catch(() => undefined), source.traffic(slot).catch(() => undefined)]);
      return {
        slot,
        live: slot === live,
        image,
        ready: pods?.ready ?? 0,
        wanted: pods?.wanted ?? 0,
        restarts: pods?.restarts ?? 0,
        traffic: traffic === undefined ? null : { requests: traffic.requests, errors: traffic.errors },
      };
    }),
  );
  return { stack: stack.choice.stack, live: live ?? null, slots, agrees: live === running.active, holder: lease?.holder ?? null, release: lease?.record ?? null };
}

/** The status for people. */
export function statusLines({ slots, live, agrees, holder, release }: StackStatus): string[] {
  return [
    ...columns(
      slots.map(({ slot, live: isLive, image, ready, wanted, traffic }) => [
        isLive ? "live" : "idle",
        slot,
        image ?? "empty",
        image === null ? "" : `${ready} of ${wanted} pods ready`,
        traffic === null ? "" : `${traffic.requests} answers, ${traffic.errors} of them errors`,
      ]),
    ),
    ...(agrees || holder !== null ? [] : [`The recorded state does not say that ${live ?? "nobody"} has the traffic: run the last command again.`]),
    release === null ? "No release yet." : releaseLine(release, holder),
    ...(holder === null ? [] : [`Held by ${holder}.`]),
  ];
}

/** One line about a release. */
export function releaseLine({ id, image, phase, because }: ReleaseRecord, holder: string | null): string {
  const left = holder === null && isUnfinished({ phase }) ? " (broken off: release it again, or roll back)" : "";
  return `Release ${id} of ${image}: ${phase}${because === undefined ? "" : `, because ${because}`}${left}`;
}
