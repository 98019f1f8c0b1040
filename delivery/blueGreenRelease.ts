/** A blue-green release from its start to its end, and taking one back. Every step can be killed: the Lease says where it stood. */
import type { Draft } from "../ledger/schema.ts";
import { bake } from "./bake.ts";
import type { Baseline } from "./bakeJudge.ts";
import type { BakeRules } from "./bakeRules.ts";
import { openSource, type Source } from "./bakeSource.ts";
import type { Counters } from "./bakeWindow.ts";
import { DeliveryError } from "./deliveryError.ts";
import { exitCodes, type ExitCode } from "./exitCodes.ts";
import { mapAt, textAt } from "./kubernetes.ts";
import type { Lease } from "./lease.ts";
import { liveSlot, moveTraffic, trafficOn } from "./liveSlot.ts";
import type { Tell } from "./releaseEvents.ts";
import { isUnfinished, releaseId, type ReleaseRecord } from "./releaseRecord.ts";
import { otherSlot } from "./slots.ts";
import type { Running, Stack } from "./stack.ts";
import { settingsDigest } from "./stackSettings.ts";
import { updateStack, type UpdateOptions } from "./stackUpdate.ts";

/** Draft of a ledger entry, without what every entry of a release has. */
export type Note = { [K in Draft["kind"]]: Omit<Extract<Draft, { kind: K }>, "stack" | "release" | "who"> }[Draft["kind"]];

export interface ReleaseContext {
  readonly stack: Stack;
  readonly running: Running;
  readonly lease: Lease;
  readonly update: UpdateOptions;
  /** Instead of the configured rules. */
  readonly rules?: BakeRules;
  readonly tell: Tell;
  /** Records an entry of the release; returns when it is on the disk. */
  readonly note: (release: string, note: Note) => void;
}

/** How it ended. */
export interface Ended {
  readonly exitCode: ExitCode;
  readonly record: ReleaseRecord;
}

/** Releases an image: goes on where the same release was broken off, and first takes back any other one that was. */
export async function release(context: ReleaseContext, image: string): Promise<Ended> {
  const { lease, running, stack, tell } = context;
  const left = lease.found;
  const resumes = left !== undefined && isUnfinished(left) && left.image === image && left.phase !== "reverting";
  if (left !== undefined && isUnfinished(left) && !resumes) await takeBack(context, left, { cause: "interrupted", because: "it was broken off, and another command came" });

  const live = (await liveSlot(switchOf(context), signalOf(context))) ?? running.active;
  const images = resumes ? left.before.images : { ...running.images };
  if (!resumes && images[live] === image) {
    tell("released", `${image} is what ${live} runs already, with all the traffic: nothing to do`);
    return { exitCode: exitCodes.done, record: started(stack, image, live, images) };
  }
  const record = resumes ? left : started(stack, image, live, images);
  if (resumes) {
    tell("resumed", `release ${record.id} was broken off while ${record.phase}: it goes on`);
    context.note(record.id, { kind: "resumed", data: { step: record.phase } });
  } else {
    tell("started", `release ${record.id}: ${record.from} has the traffic, ${record.to} gets ${image}`);
    context.note(record.id, startNote(context, record));
  }
  return await goThrough(context, record);
}

/** Deploy, verify, switch, bake, and the end that follows. */
async function goThrough(context: ReleaseContext, record: ReleaseRecord): Promise<Ended> {
  const { stack, lease, running, tell, note } = context;
  const rules = context.rules ?? running.bake;
  const source = sourceOf(context);
  await lease.write({ ...record, phase: "updating" });
  const settings = { active: record.to, images: { ...record.before.images, [record.to]: record.image } };
  const begun = performance.now();
  const watch = new AbortController();
  const switched = trafficOn(switchOf(context), record.to, AbortSignal.any([watch.signal, signalOf(context)]));
  const before = await source.traffic(record.from).catch(() => undefined);
  tell("updating", `${record.to} is filled, started and verified; ${record.from} keeps the traffic meanwhile`);
  const updating = updateStack(stack, settings, context.update);
  const seen = await Promise.race([switched, updating.then(() => undefined)]).catch(() => undefined);
  const judged = { ...record, phase: "baking" as const, switchedAt: record.switchedAt ?? new Date().toISOString() };
  if (seen !== undefined) {
    await lease.write(judged);
    tell("switched", `${record.to} has the traffic, ${seconds(begun)} s after the start; ${record.from} stays warm`);
  }
  const updated = await updating;
  watch.abort();
  await switched.catch(() => undefined);
  guard(context);
  const live = await liveSlot(switchOf(context), signalOf(context));
  if (updated.result !== "clean" || live !== record.to) {
    const reason = updated.problems[0] ?? "the update ended, and the traffic did not move";
    process.stderr.write(context.update.verbose ? "" : updated.output);
    await takeBack(context, record, { cause: "verification", because: firstLine(reason) });
    return { exitCode: updated.result === "violation" ? exitCodes.policy : exitCodes.notVerified, record };
  }
  if (seen === undefined) {
    await lease.write(judged);
    tell("switched", `${record.to} has the traffic; ${record.from} stays warm`);
  }
  note(record.id, { kind: "switched", data: { from: record.from, to: record.to } });

  const baseline = (await source.baseline(record.from).catch(() => undefined)) ?? between(before, await source.traffic(record.from).catch(() => undefined));
  tell("baking", `${record.to} is watched for ${rules.durationSeconds} s: errors up to ${100 * rules.maxErrorRatio} %, answers within ${rules.maxLatencySeconds} s`);
  const { restarts: restartsBefore } = await source.pods(record.to);
  const judgement = await bake({
    source,
    slot: record.to,
    rules,
    restartsBefore,
    baseline,
    switchedAt: seen ?? performance.now(),
    signal: signalOf(context),
    onSample: (_sample, now) => tell("baking", now.because, now),
  });
  note(record.id, { kind: "bake-decision", data: { decision: judgement.decision, because: judgement.because } });
  if (judgement.decision === "roll-back") {
    await takeBack(context, judged, { cause: "bake", because: judgement.because });
    return { exitCode: exitCodes.takenBack, record: judged };
  }
  const done = { ...judged, phase: "released" as const, because: judgement.because };
  await lease.write(done);
  note(record.id, { kind: "promoted", data: { baked: rules.durationSeconds } });
  tell("released", `release ${record.id} is done: ${judgement.because}`);
  return { exitCode: exitCodes.done, record: done };
}

/** Why a release is taken back. */
export interface Reason {
  readonly cause: "bake" | "verification" | "interrupted" | "operator";
  readonly because: string;
}

/**
 * Takes a release back. First the traffic, which needs nothing but the API server and the old slot's running pods; then the configuration and
 * the state. The release's slot is emptied: nothing has to be pulled for it, and what runs is what the state says.
 */
export async function takeBack(context: ReleaseContext, record: ReleaseRecord, { cause, because }: Reason): Promise<void> {
  const { stack, lease, tell, note } = context;
  const begun = performance.now();
  await lease.write({ ...record, phase: "reverting", because });
  tell("reverting", `release ${record.id} is taken back: ${because}`);
  if ((await liveSlot(switchOf(context), signalOf(context)).catch(() => undefined)) !== record.from) {
    await moveTraffic(switchOf(context), record.from, signalOf(context), (reason) => tell("reverting", `the traffic could not be moved yet, and it is tried again: ${reason}`));
    tell("traffic-back", `${record.from} has the traffic again, ${seconds(begun)} s after the decision`);
  }
  note(record.id, { kind: "rolled-back", data: { from: record.to, to: record.from, cause }, why: because.slice(0, 500) });
  tell("settling", `configuration and state are made to agree, and ${record.to} is emptied`);
  const images = { ...record.before.images, [record.to]: undefined };
  const { result, problems, output } = await updateStack(stack, { active: record.from, images }, context.update);
  if (result !== "clean") {
    process.stderr.write(context.update.verbose ? "" : output);
    throw new DeliveryError(
      exitCodes.failed,
      `Users are served by ${record.from}, and the stack's state does not agree yet: ${firstLine(problems[0] ?? "the update failed")}`,
      "Mend what is named and run the same command again: it goes on from here.",
    );
  }
  await lease.write({ ...record, phase: cause === "verification" ? "failed" : "taken-back", because });
  tell(cause === "verification" ? "failed" : "taken-back", `release ${record.id} is taken back: ${because}`);
}

/** Stops where somebody else may have begun. */
function guard({ lease }: ReleaseContext): void {
  lease.lost.throwIfAborted();
}

const signalOf = ({ lease, update }: ReleaseContext): AbortSignal => AbortSignal.any([lease.lost, update.interrupts.signal]);
const switchOf = ({ stack, running }: ReleaseContext) => ({ client: stack.cluster.client, liveService: running.liveService });

function sourceOf(context: ReleaseContext): Source {
  const { stack, running } = context;
  return openSource({
    client: stack.cluster.client,
    namespace: running.namespace,
    app: textAt(mapAt(running.liveService, "spec", "selector"), "app"),
    prometheus: running.prometheus,
    signal: signalOf(context),
  });
}

function started(stack: Stack, image: string, from: ReleaseRecord["from"], images: ReleaseRecord["before"]["images"]): ReleaseRecord {
  const now = new Date();
  return {
    id: releaseId(now, Math.random()),
    stack: stack.choice.stack,
    image,
    from,
    to: otherSlot(from),
    before: { active: from, images },
    phase: "updating",
    startedAt: now.toISOString(),
  };
}

function startNote({ stack }: ReleaseContext, { image, from, before }: ReleaseRecord): Note {
  const live = before.images[from];
  return {
    kind: "release-started",
    what: { image: digestOf(image), config: settingsDigest(stack.file) },
    data: { strategy: "blue-green", reason: "planned", ...(live !== undefined && { live: { slot: from, image: digestOf(live) } }) },
  };
}

/** What the old slot answered while the new one was made ready. */
function between(before: Counters | undefined, after: Counters | undefined): Baseline | undefined {
  if (before === undefined || after === undefined || after.requests < before.requests) return undefined;
  return { requests: after.requests - before.requests, errors: after.errors - before.errors };
}

const digestOf = (image: string): string => image.slice(image.indexOf("@") + 1);
const seconds = (since: number): string => ((performance.now() - since) / 1000).toFixed(1);
const firstLine = (text: string): string => text.split("\n").find((line) => line.trim() !== "") ?? text;
