/** Taking back by a person's word: the release under way, or the last one that ended well. */
import { type ReleaseContext, takeBack } from "./blueGreenRelease.ts";
import { DeliveryError } from "./deliveryError.ts";
import { type ExitCode, exitCodes } from "./exitCodes.ts";
import { liveSlot } from "./liveSlot.ts";
import { isUnfinished, type ReleaseRecord } from "./releaseRecord.ts";
import { otherSlot } from "./slots.ts";

/**
 * @returns the exit status
 * @throws DeliveryError `refused` when there is nothing to go back to
 */
export async function rollBack(context: ReleaseContext, why: string): Promise<ExitCode> {
  const { lease, stack, running, update } = context;
  const left = lease.found;
  const live = (await liveSlot({ client: stack.cluster.client, liveService: running.liveService }, update.interrupts.signal)) ?? running.active;
  if (left !== undefined && isUnfinished(left)) {
    await takeBack(context, left, { cause: "operator", because: why });
    return exitCodes.done;
  }
  const back = otherSlot(live);
  if (running.images[back] === undefined) {
    throw new DeliveryError(exitCodes.refused, `Slot ${back} is empty: there is no version to go back to. Nothing was changed.`, "Release an older image: delivery history shows them.");
  }
  const record: ReleaseRecord =
    left?.phase === "released" && left.to === live
      ? left
      : { id: left?.id ?? "r-none", stack: stack.choice.stack, image: running.images[live] ?? "", from: back, to: live, before: { active: back, images: running.images }, phase: "released", startedAt: new Date().toISOString() };
  await takeBack(context, record, { cause: "operator", because: why });
  return exitCodes.done;
}
