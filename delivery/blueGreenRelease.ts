/** A blue-green release from its start to its end. Every step can be killed: the Lease says where it stood. */
import { type Baked, bake } from "./bake.ts";
import type { Baseline } from "./bakeJudge.ts";
import type { Source } from "./bakeSource.ts";
import type { Counters } from "./bakeWindow.ts";
import { DeliveryError } from "./deliveryError.ts";
import { exitCodes } from "./exitCodes.ts";
import { digestOf } from "./image.ts";
import type { Intent } from "./intent.ts";
import { liveSlot, trafficOn } from "./liveSlot.ts";
import { policyNotes } from "./policyNotes.ts";
import { type Ended, firstLine, type Note, type ReleaseContext, rulesOf, secondsSince, sourceOf, stopSignal, switchOf } from "./releaseContext.ts";
import { type BlueGreenRecord, releaseId, unfinished } from "./releaseRecord.ts";
import { recordedText } from "./recordedText.ts";
import { checkRules, type Situation } from "./releaseRules.ts";
import { otherSlot } from "./slots.ts";
import type { Stack } from "./stack.ts";
import { settingsDigest } from "./stackSettings.ts";
import { type StartedUpdate, startUpdate, type Updated } from "./stackUpdate.ts";
import { takeBack } from "./takeBack.ts";

/**
 * Releases an image. Where the same release was broken off it goes on, or goes on to be taken back when that was decided; any other one
 * that was broken off is taken back first.
 * @throws DeliveryError `refused` when a rule forbids it
 */
export async function release(context: ReleaseContext, image: string, intent: Intent): Promise<Ended> {
  const { lease, running, stack, tell } = context;
  const left = unfinished(lease.found, "blue-green");
  const same = left?.image === image;
  if (left !== undefined && (!same || left.phase === "reverting")) {
    await takeBack(context, left, { cause: "interrupted", because: left.because ?? "it was broken off, and another command came" });
    if (same) return { exitCode: exitCodes.takenBack, record: left };
  }
  const resumed = same ? left : undefined;

  const live = (await liveSlot(switchOf(context), stopSignal(context))) ?? running.active;
  // What was just taken back has left its slot empty.
  const images = resumed?.before.images ?? (left === undefined ? running.images : { ...left.before.images, [left.to]: undefined });
  if (resumed === undefined && images[live] === image) {
    tell("released", `${image} is what ${live} runs already, with all the traffic: nothing to do`);
    return { exitCode: exitCodes.done, record: started(stack, image, live, images) };
  }
  const overrides = resumed !== undefined ? [] : checkRules(situationOf(context, images[live]), intent);
  const record = resumed ?? started(stack, image, live, images);
  if (resumed !== undefined) {
    tell("resumed", `release ${record.id} was broken off while ${record.phase}: it goes on`);
    context.note(record.id, { kind: "resumed", data: { step: record.phase } });
  } else {
    tell("started", `release ${record.id}: ${record.from} has the traffic, ${record.to} gets ${image}`);
    context.note(record.id, startNote(context, record, intent));
    for (const override of overrides) context.note(record.id, override);
  }
  return await goThrough(context, record);
}

/** Deploy, verify, switch, bake, and the end that follows. */
async function goThrough(context: ReleaseContext, record: BlueGreenRecord): Promise<Ended> {
  const { deploy, lease, tell } = context;
  const signal = stopSignal(context);
  const source = sourceOf(context);
  await lease.write({ ...record, phase: "updating" });
  // While the update begins: it has long been answered when the traffic moves.
  const before = source.traffic(record.from).catch(() => undefined);
  const begun = performance.now();
  tell("updating", `${record.to} is filled, started and verified; ${record.from} keeps the traffic meanwhile`);
  const update = startUpdate(deploy, { active: record.to, images: { ...record.before.images, [record.to]: record.image } }, context.update, lease.lost);
  const switchedAt = await untilSwitched(context, record, update);
  if (switchedAt === undefined) return await notVerified(context, record, await update.ended);

  const judged: BlueGreenRecord = { ...record, phase: "baking", switchedAt: record.switchedAt ?? new Date().toISOString() };
  // The watch begins at once: the update may go on to wait for what a bad version never becomes.
  const written = lease.write(judged);
  written.catch(() => undefined); // awaited below
  tell("switched", `${record.to} has the traffic, ${secondsSince(begun)} s after the start; ${record.from} stays warm`);
  try {
    const watched = watch(context, record, source, before, switchedAt);
    watched.catch(() => undefined); // awaited below, unless the update fails first
    context.note(record.id, { kind: "switched", data: { from: record.from, to: record.to } });
    return await judgeSwitched(context, judged, { update, watched, written, switchedAt });
  } catch (error) {
    if (signal.aborted || error instanceof DeliveryError) throw error;
    // What can't be watched or recorded must not keep the traffic.
    await takeBack(context, judged, { cause: "interrupted", because: `it could not be watched or recorded: ${firstLine(describe(error))}` }, update);
    throw error;
  }
}

/** A version that has the traffic. */
interface Switched {
  readonly update: StartedUpdate;
  readonly watched: Promise<Baked>;
  /** The lease's record of the switch. */
  readonly written: Promise<void>;
  readonly switchedAt: number;
}

/** Waits for the judgement, and does what it says. */
async function judgeSwitched(context: ReleaseContext, record: BlueGreenRecord, { update, watched, written, switchedAt }: Switched): Promise<Ended> {
  const { lease, tell, note } = context;
  const failing = update.ended.then(async (ended) => (ended.result === "clean" ? await new Promise<never>(() => undefined) : ended));
  const outcome = await Promise.race([watched, failing]);
  if ("result" in outcome) return await notVerified(context, record, outcome);
  const { judgement, hurtAt } = outcome;
  const noteDecision = (): void => note(record.id, { kind: "bake-decision", data: { decision: judgement.decision, because: recordedText(judgement.because) } });
  if (judgement.decision === "roll-back") {
    const hurtSince = hurtAt === undefined ? undefined : new Date(Date.now() - (performance.now() - switchedAt) + 1000 * hurtAt);
    await takeBack({ ...context, note: afterwards(context, noteDecision) }, record, { cause: "bake", because: judgement.because, ...(hurtSince !== undefined && { hurtSince }) }, update);
    return { exitCode: exitCodes.takenBack, record };
  }
  await written;
  const updated = await update.ended;
  if (updated.result !== "clean") return await notVerified(context, record, updated);
  for (const verdict of policyNotes(updated)) note(record.id, verdict);
  noteDecision();
  const done: BlueGreenRecord = { ...record, phase: "released", because: judgement.because };
  await lease.write(done);
  note(record.id, { kind: "promoted", data: { baked: rulesOf(context).durationSeconds } });
  tell("released", `release ${record.id} is done: ${judgement.because}`);
  return { exitCode: exitCodes.done, record: done };
}

/** The time at which the slot was seen with the traffic, on this process's clock; undefined when the update ended without it. */
async function untilSwitched(context: ReleaseContext, { to }: BlueGreenRecord, { ended }: StartedUpdate): Promise<number | undefined> {
  const looking = new AbortController();
  const signal = AbortSignal.any([looking.signal, stopSignal(context)]);
  const seen = trafficOn(switchOf(context), to, signal);
  try {
    const first = await Promise.race([seen, ended]);
    if (typeof first === "number") return first;
    // Between two looks it may have moved.
    const live = await liveSlot(switchOf(context), stopSignal(context));
    return first.result === "clean" && live === to ? performance.now() : undefined;
  } finally {
    looking.abort();
    await seen.catch(() => undefined);
  }
}

/** Watches the new version until it is judged. */
async function watch(context: ReleaseContext, { from, to }: BlueGreenRecord, source: Source, before: Promise<Counters | undefined>, switchedAt: number): Promise<Baked> {
  const rules = rulesOf(context);
  context.tell("baking", `${to} is watched for ${rules.durationSeconds} s: errors up to ${100 * rules.maxErrorRatio} %, answers within ${rules.maxLatencySeconds} s`);
  const [seen, after, pods] = await Promise.all([source.baseline(from).catch(() => undefined), source.traffic(from).catch(() => undefined), source.pods(to).catch(() => undefined)]);
  return await bake({
    source,
    slot: to,
    rules,
    restartsBefore: pods?.restarts ?? 0,
    baseline: seen ?? between(await before, after),
    switchedAt,
    signal: stopSignal(context),
    onSample: (_sample, judgement) => context.tell("baking", judgement.because, judgement),
  });
}

/** The new version did not get or did not keep the traffic, by the update's own word. */
async function notVerified(context: ReleaseContext, record: BlueGreenRecord, updated: Updated): Promise<Ended> {
  stopSignal(context).throwIfAborted();
  for (const verdict of policyNotes(updated)) context.note(record.id, verdict);
  process.stderr.write(context.update.verbose ? "" : updated.output);
  await takeBack(context, record, { cause: "verification", because: firstLine(updated.problems[0] ?? "the update ended, and the traffic did not move") });
  return { exitCode: updated.result === "violation" ? exitCodes.policy : exitCodes.notVerified, record };
}

const describe = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/** Records what led to the first note before it, once the traffic is where it belongs. */
function afterwards({ note }: ReleaseContext, before: () => void): ReleaseContext["note"] {
  let told = false;
  return (release, one) => {
    if (!told) before();
    told = true;
    note(release, one);
  };
}

function started(stack: Stack, image: string, from: BlueGreenRecord["from"], images: BlueGreenRecord["before"]["images"]): BlueGreenRecord {
  const now = new Date();
  return {
    strategy: "blue-green",
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

function startNote({ stack }: ReleaseContext, { image, from, before }: BlueGreenRecord, { reason, schema, why, commit, committed }: Intent): Note {
  const live = before.images[from];
  return {
    kind: "release-started",
    what: { image: digestOf(image), config: settingsDigest(stack.file) },
    ...(why !== undefined && { why }),
    data: {
      strategy: "blue-green",
      reason,
      schema,
      ...(commit !== undefined && { commit }),
      ...(committed !== undefined && { committed }),
      ...(live !== undefined && { live: { slot: from, image: digestOf(live) } }),
    },
  };
}

const situationOf = ({ stack, history }: ReleaseContext, live: string | undefined): Situation => ({
  stack: stack.choice.stack,
  freezes: stack.freezes,
  begun: history.freeze,
  releases: history.releases.filter((release) => release.stack === stack.choice.stack),
  live: live === undefined ? undefined : digestOf(live),
  now: new Date(),
});

/** What the old slot answered while the new one was made ready. */
function between(before: Counters | undefined, after: Counters | undefined): Baseline | undefined {
  if (before === undefined || after === undefined || after.requests < before.requests) return undefined;
  return { requests: after.requests - before.requests, errors: after.errors - before.errors };
}
