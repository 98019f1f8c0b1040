/** Taking back by a person's word: the release under way, the last one that ended well, or to a version of the past. */
import { release } from "./blueGreenRelease.ts";
import { DeliveryError } from "./deliveryError.ts";
import { type ExitCode, exitCodes } from "./exitCodes.ts";
import { digestOf, withDigest } from "./image.ts";
import { liveSlot } from "./liveSlot.ts";
import { recordedText } from "./recordedText.ts";
import { type BlueGreenRecord, unfinished } from "./releaseRecord.ts";
import type { ReleaseContext } from "./releaseContext.ts";
import { findTarget } from "./rollBackTarget.ts";
import { otherSlot, type Slot } from "./slots.ts";
import { takeBack } from "./takeBack.ts";

/**
 * Gives the traffic back to the version before.
 * @returns the exit status
 * @throws DeliveryError `refused` when there is nothing to go back to
 */
export async function rollBack(context: ReleaseContext, why: string): Promise<ExitCode> {
  const { lease, running } = context;
  const left = unfinished(lease.found, "blue-green");
  if (left !== undefined) {
    await takeBack(context, left, { cause: "operator", because: why });
    return exitCodes.done;
  }
  const live = await liveNow(context);
  if (running.images[otherSlot(live)] === undefined) {
    throw new DeliveryError(exitCodes.refused, `Slot ${otherSlot(live)} is empty: there is no version to go back to. Nothing was changed.`, "Go back to an older release with --to <number>; `delivery history` shows the numbers.");
  }
  await takeBack(context, recordOf(context, live), { cause: "operator", because: why });
  return exitCodes.done;
}

/**
 * Gives the traffic to the version of an earlier release: at once where it is still warm, else as a release of its own, watched like any.
 * @param number as `history` shows it
 * @throws DeliveryError `usage` for a number that the ledger does not have, `refused` when the schema has moved on
 */
export async function rollBackTo(context: ReleaseContext, number: number, why: string): Promise<ExitCode> {
  const { running, stack } = context;
  const target = findTarget(context.history.releases, stack.choice.stack, number);
  const live = await liveNow(context);
  const warm = running.images[otherSlot(live)];
  if (unfinished(context.lease.found, "blue-green") === undefined && warm !== undefined && digestOf(warm) === target.image) return await rollBack(context, why);
  const image = withDigest(running.images[live] ?? warm ?? "", target.image);
  const { exitCode } = await release(context, image, { reason: "incident", schema: "none", why: recordedText(`back to release ${number}: ${why}`), overrideFreeze: why });
  return exitCode;
}

async function liveNow({ stack, running, update }: ReleaseContext): Promise<Slot> {
  return (await liveSlot({ client: stack.cluster.client, liveService: running.liveService }, update.interrupts.signal)) ?? running.active;
}

/** The release whose version has the traffic; one that nobody has recorded gets a record of what is there. */
function recordOf({ lease: { found }, stack, running, history }: ReleaseContext, live: Slot): BlueGreenRecord {
  if (found?.strategy === "blue-green" && found.phase === "released" && found.to === live) return found;
  const image = running.images[live] ?? "";
  const known = history.releases.findLast((one) => one.stack === stack.choice.stack && one.image === digestOf(image));
  const from = otherSlot(live);
  return { strategy: "blue-green", id: known?.id ?? "unrecorded", stack: stack.choice.stack, image, from, to: live, before: { active: from, images: running.images }, phase: "released", startedAt: known?.started ?? new Date().toISOString() };
}
