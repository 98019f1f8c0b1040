/** Taking a release back. */
import { DeliveryError } from "./deliveryError.ts";
import { exitCodes } from "./exitCodes.ts";
import { liveSlot, moveTraffic } from "./liveSlot.ts";
import { firstLine, type ReleaseContext, secondsSince, stopSignal, switchOf } from "./releaseContext.ts";
import { recordedWhy } from "./recordedText.ts";
import type { BlueGreenRecord } from "./releaseRecord.ts";
import type { StartedUpdate } from "./stackUpdate.ts";

/** Why a release is taken back. */
export interface Reason {
  readonly cause: "bake" | "verification" | "interrupted" | "operator";
  /** One sentence, for people. */
  readonly because: string;
  /** When users first got a bad answer, as far as that was seen. */
  readonly hurtSince?: Date;
}

/**
 * First the traffic, which needs nothing but the API server and the old slot's running pods; then the configuration and the state. The
 * release's slot is emptied: nothing has to be pulled for it, and what runs is what the state says.
 * @param underWay an update that still waits for something; it is stopped once the traffic is back
 * @throws DeliveryError `failed` when users are served and configuration and state could not be made to agree
 */
export async function takeBack(context: ReleaseContext, record: BlueGreenRecord, { cause, because, hurtSince }: Reason, underWay?: StartedUpdate): Promise<void> {
  const { deploy, lease, tell, note } = context;
  const begun = performance.now();
  tell("reverting", `release ${record.id} is taken back: ${because}`);
  const signal = stopSignal(context);
  // Written while the traffic moves, and not before: nothing is more urgent.
  const reverting: BlueGreenRecord = { ...record, phase: "reverting", because };
  const written = lease.write(reverting).then(
    () => true,
    () => false,
  );
  if ((await liveSlot(switchOf(context), signal).catch(() => undefined)) !== record.from) {
    await moveTraffic(switchOf(context), record.from, signal, (reason) => tell("reverting", `the traffic could not be moved yet, and it is tried again: ${reason}`));
    tell("traffic-back", `${record.from} has the traffic again, ${secondsSince(begun)} s after the decision`);
  }
  if (!(await written)) await lease.write(reverting);
  await underWay?.stop();
  note(record.id, {
    kind: "rolled-back",
    data: { from: record.to, to: record.from, cause, ...(hurtSince !== undefined && { hurtSince: hurtSince.toISOString() }) },
    why: recordedWhy(cause, because),
  });
  tell("settling", `configuration and state are made to agree, and ${record.to} is emptied`);
  const images = { ...record.before.images, [record.to]: undefined };
  const { result, problems, output } = await deploy({ active: record.from, images }, { ...context.update, skipPreview: true });
  if (result !== "clean") {
    process.stderr.write(context.update.verbose ? "" : output);
    throw new DeliveryError(
      exitCodes.failed,
      `Users are served by ${record.from}, and the stack's state does not agree yet: ${firstLine(problems[0] ?? "the update failed")}`,
      "Mend what is named and run the same command again: it goes on from here.",
    );
  }
  const ended = cause === "verification" ? "failed" : "taken-back";
  await lease.write({ ...record, phase: ended, because });
  tell(ended, `release ${record.id} is taken back: ${because}`);
}
