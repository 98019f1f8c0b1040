/** A canary's release: Flagger judges it step by step, this follows its verdict and keeps configuration, state and record in agreement. */
import { TOOK_BACK } from "../engine/kubernetes/canaries.ts";
import { crashOf } from "./canaryCrash.ts";
import { DeliveryError } from "./deliveryError.ts";
import { exitCodes } from "./exitCodes.ts";
import { gateLines, gateNotes, readGateRecord } from "./gateRecord.ts";
import { digestOf, withDigest } from "./image.ts";
import type { Intent } from "./intent.ts";
import { mapAt, objectPath, textAt } from "./kubernetes.ts";
import { policyNotes } from "./policyNotes.ts";
import { type Ended, firstLine, type ReleaseContext, secondsSince, stopSignal } from "./releaseContext.ts";
import { type CanaryRecord, releaseId, unfinished } from "./releaseRecord.ts";
import { recordedWhy } from "./recordedText.ts";
import { checkRules } from "./releaseRules.ts";
import { findTarget } from "./rollBackTarget.ts";
import { servedImage } from "./servedImage.ts";
import type { RunningCanary } from "./stack.ts";
import { settingsDigest } from "./stackSettings.ts";
import { startUpdate, type Updated } from "./stackUpdate.ts";
import type { ExitCode } from "./exitCodes.ts";

type CanaryContext = ReleaseContext<RunningCanary>;

/** The target's annotation that lets another revision in while one is judged; components/releaseLock.ts tells of it. */
const interruptAnnotation = "rlhf-audit-trail.dev/interrupt-analysis";

/**
 * Releases an image; goes on where the same release was broken off, and first takes back any other one that was.
 * @throws DeliveryError `refused` when a rule forbids it
 */
export async function releaseCanary(context: CanaryContext, image: string, intent: Intent): Promise<Ended> {
  const { lease, running, stack, tell, note, history } = context;
  const left = unfinished(lease.found, "canary");
  const same = left?.image === image;
  if (left !== undefined && (!same || left.phase === "reverting")) {
    await takeBackCanary(context, left, "interrupted", left.because ?? "it was broken off, and another command came");
    if (same) return { exitCode: exitCodes.takenBack, record: left };
  }
  const before = left?.before.image ?? (await servedImage(stack.cluster.client, running, stopSignal(context)));
  const record: CanaryRecord = same ? left : { strategy: "canary", id: releaseId(new Date(), Math.random()), stack: stack.choice.stack, image, before: { image: before }, phase: "updating", startedAt: new Date().toISOString() };
  if (!same && before === image && running.image === image) {
    tell("released", `${image} is what runs already, with all the traffic: nothing to do`);
    return { exitCode: exitCodes.done, record };
  }
  if (same) {
    tell("resumed", `release ${record.id} was broken off: it goes on`);
    note(record.id, { kind: "resumed", data: { step: record.phase } });
  } else {
    const releases = history.releases.filter((one) => one.stack === record.stack);
    const overrides = checkRules({ stack: record.stack, freezes: stack.freezes, begun: history.freeze, releases, live: digestOf(before), now: new Date() }, intent);
    tell("started", `release ${record.id}: ${image} is judged as a canary beside ${before}`);
    const { reason, schema, why, commit, committed } = intent;
    note(record.id, {
      kind: "release-started",
      what: { image: digestOf(image), config: settingsDigest(stack.file) },
      ...(why !== undefined && { why }),
      data: { strategy: "canary", reason, schema, ...(commit !== undefined && { commit }), ...(committed !== undefined && { committed }), live: { slot: "primary", image: digestOf(before) } },
    });
    for (const override of overrides) note(record.id, override);
  }
  return await follow(context, record);
}

/** One update, which ends when Flagger has judged; a version that crashes under traffic is not left to Flagger's deadline. */
async function follow(context: CanaryContext, record: CanaryRecord): Promise<Ended> {
  const { lease, deploy, tell, note, update } = context;
  await lease.write(record);
  tell("updating", "the new version is started, and gets a growing share of the traffic while Flagger judges it");
  const begun = performance.now();
  const started = startUpdate(deploy, { image: record.image }, { ...update, onLine: (line) => tellProgress(context, line) }, lease.lost);
  const watching = new AbortController();
  const crash = crashOf({ client: context.stack.cluster.client, running: context.running, image: record.image, signal: AbortSignal.any([watching.signal, stopSignal(context)]) });
  crash.catch(() => undefined); // the update's end tells
  // A watch that failed is none: Flagger judges all the same.
  const updated = await Promise.race([started.ended, crash.catch(() => started.ended)]).finally(() => watching.abort());
  stopSignal(context).throwIfAborted();
  if (typeof updated === "string") {
    await started.stop();
    await takeBackCanary(context, record, "bake", updated);
    await noteGates(context, record);
    return { exitCode: exitCodes.takenBack, record };
  }
  for (const verdict of policyNotes(updated)) note(record.id, verdict);
  await noteGates(context, record);
  if (updated.result === "clean") {
    const done: CanaryRecord = { ...record, phase: "released", because: "Flagger has promoted it" };
    await lease.write(done);
    note(record.id, { kind: "promoted", data: { baked: Number(secondsSince(begun)) } });
    tell("released", `release ${record.id} is done: Flagger has promoted it`);
    return { exitCode: exitCodes.done, record: done };
  }
  process.stderr.write(update.verbose ? "" : updated.output);
  const because = reasonOf(updated);
  const judged = because.includes(TOOK_BACK);
  await takeBackCanary(context, record, judged ? "bake" : "verification", because);
  if (updated.result === "violation") return { exitCode: exitCodes.policy, record };
  return { exitCode: judged ? exitCodes.takenBack : exitCodes.notVerified, record };
}

/** Tells and records what the gates said about the image: Flagger passes on less, and at the promotion nothing. */
async function noteGates(context: CanaryContext, { id, image }: CanaryRecord): Promise<void> {
  const { running, stack, tell, note } = context;
  const digest = digestOf(image);
  const said = await readGateRecord(stack.cluster.client, running.canary, digest, stopSignal(context));
  for (const line of gateLines(said)) tell("baking", line);
  for (const verdict of gateNotes(said, digest)) note(id, verdict);
}

/** What Flagger said, before what only follows from it. */
function reasonOf({ problems }: Updated): string {
  return firstLine(problems.find((problem) => problem.includes("Flagger")) ?? problems[0] ?? "the update failed");
}

function tellProgress({ tell }: CanaryContext, line: string): void {
  if (/flagger\.app\/.*:Canary /.test(line)) tell("baking", line.trim().replace(/^\S+:Canary\s+/, ""));
}

/** Puts the image before back: Flagger has given it the traffic, or gives it to it with this. */
async function takeBackCanary(context: CanaryContext, record: CanaryRecord, cause: "bake" | "verification" | "interrupted" | "operator", because: string): Promise<void> {
  const { deploy, lease, tell, note, update } = context;
  await lease.write({ ...record, phase: "reverting", because });
  tell("reverting", `release ${record.id} is taken back: ${because}`);
  await breakOff(context);
  note(record.id, { kind: "rolled-back", data: { from: "canary", to: "primary", cause }, why: recordedWhy(cause, because) });
  tell("settling", "configuration and state are made to agree");
  const restore = async (): Promise<Updated> => await deploy({ image: record.before.image }, { ...update, skipPreview: true });
  let restored = await restore();
  // Flagger's windows still hold the bad version's answers, and it may refuse what users are served all the time; asked again, there is nothing to judge.
  if (restored.problems.some((problem) => problem.includes(TOOK_BACK)) && (await servedImage(context.stack.cluster.client, context.running, stopSignal(context))) === record.before.image) {
    tell("settling", "Flagger judged the version that users are served by answers of the bad one; it is made to agree once more");
    restored = await restore();
  }
  const { result, problems, output } = restored;
  if (result !== "clean") {
    process.stderr.write(update.verbose ? "" : output);
    throw new DeliveryError(exitCodes.failed, `Users are served by the version before, and the stack's state does not agree yet: ${firstLine(problems[0] ?? "the update failed")}`, "Mend what is named and run the same command again: it goes on from here.");
  }
  await lease.write({ ...record, phase: cause === "verification" ? "failed" : "taken-back", because });
  tell(cause === "verification" ? "failed" : "taken-back", `release ${record.id} is taken back: ${because}`);
}

/** Lets the old revision in where a newer one is still being judged. */
async function breakOff(context: CanaryContext): Promise<void> {
  const { stack, running } = context;
  const { client } = stack.cluster;
  const signal = stopSignal(context);
  const { canary, namespace } = running;
  const live = await client.request("GET", objectPath(canary.apiVersion, "canaries", namespace, textAt(canary, "metadata", "name")), { signal });
  const judged = textAt(live, "status", "lastAppliedSpec");
  const judging = ["Waiting", "Progressing", "WaitingPromotion", "Promoting", "Finalising"].includes(textAt(live, "status", "phase"));
  if (!judging || judged === "") return;
  const target = objectPath("apps/v1", "deployments", namespace, textAt(mapAt(live, "spec", "targetRef"), "name"));
  const current = await client.request("GET", target, { signal });
  const metadata = mapAt(current, "metadata");
  await client.request("PUT", target, { body: { ...current, metadata: { ...metadata, annotations: { ...mapAt(metadata, "annotations"), [interruptAnnotation]: judged } } }, signal });
}

/**
 * Takes back by a person's word: the release under way, or to the version of an earlier one, which Flagger judges like any.
 * @param number as `history` shows it; the version before the live one when absent
 */
export async function rollBackCanary(context: CanaryContext, why: string, number: number | undefined): Promise<ExitCode> {
  const { lease, running, stack, history } = context;
  const left = unfinished(lease.found, "canary");
  if (left !== undefined && number === undefined) {
    await takeBackCanary(context, left, "operator", why);
    return exitCodes.done;
  }
  const { found } = lease;
  const last = found?.strategy === "canary" && found.phase === "released" && found.image === running.image ? found.before.image : undefined;
  if (number === undefined && last === undefined) {
    throw new DeliveryError(exitCodes.refused, "No release under way, and the version before the live one is not known. Nothing was changed.", "Name one with --to <number>; `delivery history` shows the numbers.");
  }
  const image = number === undefined ? (last ?? "") : withDigest(running.image, findTarget(history.releases, stack.choice.stack, number).image);
  const { exitCode } = await releaseCanary(context, image, { reason: "incident", schema: "none", why, overrideFreeze: why });
  return exitCode;
}
