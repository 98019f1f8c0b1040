/** Watching a new version after its switch, until it is judged. */
import { setTimeout as delay } from "node:timers/promises";
import { type Baseline, judge, type Judgement } from "./bakeJudge.ts";
import type { BakeRules } from "./bakeRules.ts";
import type { Source } from "./bakeSource.ts";
import type { Sample } from "./bakeWindow.ts";
import type { Slot } from "./slots.ts";

/** What to watch. */
export interface BakeOptions {
  readonly source: Source;
  readonly slot: Slot;
  readonly rules: BakeRules;
  /** Restarts of the slot's containers before it had traffic. */
  readonly restartsBefore: number;
  readonly baseline: Baseline | undefined;
  /** Time of the switch on this process's clock, milliseconds. */
  readonly switchedAt: number;
  readonly signal: AbortSignal;
  /** Told every sample and what it led to. */
  readonly onSample: (sample: Sample, judgement: Judgement) => void;
}

const betweenSamplesMs = 1000;

/** How a bake ended. */
export interface Baked {
  /** `decision` is never `wait`. */
  readonly judgement: Judgement;
  /** Seconds since the switch at the last look before users got errors; undefined when none was seen. */
  readonly hurtAt: number | undefined;
}

/** Resolves once the release is judged. Rejects with the signal's reason. */
export async function bake({ source, slot, rules, restartsBefore, baseline, switchedAt, signal, onSample }: BakeOptions): Promise<Baked> {
  const samples: Sample[] = [];
  for (;;) {
    const sample = await look(source, slot, restartsBefore, switchedAt, samples.at(-1));
    signal.throwIfAborted();
    samples.push(sample);
    const judgement = judge(samples, rules, baseline);
    onSample(sample, judgement);
    if (judgement.decision !== "wait") return { judgement, hurtAt: hurtAt(samples) };
    await delay(betweenSamplesMs, undefined, { signal });
  }
}

function hurtAt(samples: readonly Sample[]): number | undefined {
  const measured = samples.filter(({ traffic }) => traffic !== undefined);
  const first = measured.findIndex(({ traffic }, at) => at > 0 && (traffic?.errors ?? 0) > (measured[at - 1]?.traffic?.errors ?? 0));
  return first === -1 ? undefined : measured[first - 1]?.at;
}

/** One look. What nobody could say stays unknown: pods as last seen, no traffic. */
async function look(source: Source, slot: Slot, restartsBefore: number, switchedAt: number, last: Sample | undefined): Promise<Sample> {
  const [pods, traffic] = await Promise.all([source.pods(slot).catch(() => undefined), source.traffic(slot).catch(() => undefined)]);
  const at = (performance.now() - switchedAt) / 1000;
  if (pods === undefined) return { at, ready: last?.ready ?? 0, wanted: last?.wanted ?? 0, restarts: last?.restarts ?? 0 };
  return { at, ready: pods.ready, wanted: pods.wanted, restarts: Math.max(0, pods.restarts - restartsBefore), ...(pods.limits !== undefined && { limits: pods.limits }), ...(traffic !== undefined && { traffic }) };
}
