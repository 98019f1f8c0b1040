import type { Command } from "commander";
import { watchInterrupts } from "../../engine/interrupt.ts";
import { openSource } from "../bakeSource.ts";
import { mapAt, textAt } from "../kubernetes.ts";
import { readLease } from "../lease.ts";
import { liveSlot } from "../liveSlot.ts";
import { columns, show } from "../output.ts";
import { runningOf, type StackOptions, stackOptions, withStack } from "../releaseOptions.ts";
import { isUnfinished } from "../releaseRecord.ts";

export function define(command: Command): void {
  stackOptions(command)
    .addHelpText("after", "\nExample:\n  $ delivery status --stack production")
    .action(async (options: StackOptions) => {
      const interrupts = watchInterrupts(() => undefined);
      try {
        await withStack(options, interrupts, async (stack) => {
          const running = runningOf(stack);
          const { client } = stack.cluster;
          const { signal } = interrupts;
          const app = textAt(mapAt(running.liveService, "spec", "selector"), "app");
          const source = openSource({ client, namespace: running.namespace, app, prometheus: running.prometheus, signal });
          const live = await liveSlot({ client, liveService: running.liveService }, signal);
          const lease = await readLease(client, running.namespace, signal);
          const slots = await Promise.all(
            (["blue", "green"] as const).map(async (slot) => {
              const image = running.images[slot];
              const pods = image === undefined ? undefined : await source.pods(slot);
              return { slot, live: slot === live, image: image ?? null, ready: pods?.ready ?? 0, wanted: pods?.wanted ?? 0, restarts: pods?.restarts ?? 0 };
            }),
          );
          const record = lease?.record;
          const value = { stack: options.stack, live: live ?? null, slots, agrees: live === running.active, holder: lease?.holder ?? null, release: record ?? null };
          show(options, value, () => [
            ...columns(slots.map((slot) => [slot.live ? "live" : "idle", slot.slot, slot.image ?? "empty", slot.image === null ? "" : `${slot.ready} of ${slot.wanted} pods ready`])),
            ...(value.agrees ? [] : [`The state says that ${running.active} has the traffic: run the last command again.`]),
            record === undefined
              ? "No release yet."
              : `Release ${record.id} of ${record.image}: ${record.phase}${record.because === undefined ? "" : `, because ${record.because}`}${isUnfinished(record) && lease?.holder === undefined ? " (broken off: release it again, or roll back)" : ""}`,
            ...(lease?.holder === undefined ? [] : [`Held by ${lease.holder}.`]),
          ]);
        });
      } finally {
        interrupts.dispose();
      }
    });
}
