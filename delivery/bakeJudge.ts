import { type BakeRules, fastFactor, maxBurnRate, memorySamples, patienceSeconds, sureSigmas, windows, worseBySigmas } from "./bakeRules.ts";
import { type Counters, type Sample, type Window, windowOf } from "./bakeWindow.ts";

/** What the old version did before the switch; nothing known of one that had no requests. */
export type Baseline = Pick<Counters, "requests" | "errors">;

/** What is to be done, and the measures that say so, for the record. Ratios are 0 to 1, times in seconds; null where nothing is known. */
export interface Judgement {
  readonly decision: "promote" | "roll-back" | "wait";
  /** For people, one sentence. */
  readonly because: string;
  readonly measures: Readonly<Record<string, number | null>>;
}

/**
 * Judges a release by all samples since its switch, oldest first. Pure: the same samples give the same judgement.
 * @param baseline what the old version did before the switch
 */
export function judge(samples: readonly Sample[], rules: BakeRules, baseline?: Baseline): Judgement {
  const last = samples.at(-1);
  if (last === undefined) return { decision: "wait", because: "nothing was seen yet", measures: {} };
  const fast = windowOf(samples, windows.fast);
  const slow = windowOf(samples, windows.slow);
  const measures = {
    ready: last.ready,
    restarts: last.restarts,
    requests: slow?.requests ?? null,
    errorRatio: slow === undefined ? null : ratio(slow),
    p95: slow?.p95 ?? null,
    mean: slow?.mean ?? null,
    cpu: shareOf(slow?.cores, last.limits?.cpu) ?? null,
    memory: memoryShare(last) ?? null,
  };
  const back = (because: string): Judgement => ({ decision: "roll-back", because, measures });

  const objection =
    podObjection(samples, last) ??
    suddenObjection(fast, rules) ??
    lastingObjection(slow, rules) ??
    burnObjection(samples, rules) ??
    baselineObjection(slow, baseline, rules) ??
    usageObjection(samples, slow, rules);
  if (objection !== undefined) return back(objection);

  const blindSince = lastJudged(samples);
  const blind = last.at - blindSince;
  const unjudged = rules.unjudged === "roll-back" || last.at >= 2 * rules.durationSeconds;
  if (blind > patienceSeconds) {
    const words = `nothing could be measured for ${round(blind)} s, so the release can't be judged`;
    return unjudged ? back(words) : { decision: "wait", because: words, measures };
  }
  if (last.at < rules.durationSeconds) return { decision: "wait", because: `${round(rules.durationSeconds - last.at)} s of its bake are left`, measures };
  const whole = windowOf(samples, last.at);
  if (whole === undefined || whole.requests < rules.minRequests) {
    const words = `only ${whole?.requests ?? 0} requests came in ${round(last.at)} s, and fewer than ${rules.minRequests} can't be judged`;
    return unjudged ? back(words) : { decision: "wait", because: words, measures };
  }
  if (blind > 0) return { decision: "wait", because: "the last measurement is awaited", measures };
  return { decision: "promote", because: `it held to every bound for ${round(last.at)} s and ${whole.requests} requests`, measures };
}

function podObjection(samples: readonly Sample[], last: Sample): string | undefined {
  if (last.restarts > 0) return `its containers were restarted ${last.restarts} ${last.restarts === 1 ? "time" : "times"} since the switch`;
  if (last.wanted > 0 && last.ready === 0) return "none of its pods is ready";
  const whole = samples.findLast(({ ready, wanted }) => ready >= wanted)?.at ?? 0;
  return last.at - whole > patienceSeconds ? `${last.ready} of its ${last.wanted} pods have been ready for ${round(last.at - whole)} s` : undefined;
}

/** What is plain within seconds: few requests may be unlucky, so the ratio must lie above its limit by more than chance. */
function suddenObjection(window: Window | undefined, rules: BakeRules): string | undefined {
  if (window === undefined || window.requests < rules.minRequests) return undefined;
  const surely = wilsonLower(window, sureSigmas);
  if (surely > rules.maxErrorRatio) return `the error ratio ${of(window)} is ${percent(ratio(window))}, and surely above ${percent(rules.maxErrorRatio)}`;
  return latencyObjection(window, rules.maxLatencySeconds * fastFactor);
}

/** What holds over the whole slow window counts as it is. */
function lastingObjection(window: Window | undefined, rules: BakeRules): string | undefined {
  if (window === undefined || window.requests < rules.minRequests || window.seconds < windows.slow) return undefined;
  const errors = ratio(window);
  if (errors > rules.maxErrorRatio) return `the error ratio ${of(window)} is ${percent(errors)}, above ${percent(rules.maxErrorRatio)}`;
  return latencyObjection(window, rules.maxLatencySeconds);
}

function latencyObjection(window: Window, longest: number): string | undefined {
  if (window.p95 > longest) return `the 95th percentile of the time to answer ${of(window)} is ${round(window.p95)} s, above ${round(longest)} s`;
  return window.mean > longest ? `the mean time to answer ${of(window)} is ${round(window.mean)} s, above ${round(longest)} s` : undefined;
}

/** Lower end of the Wilson score interval of an error ratio. */
function wilsonLower({ errors, requests }: Window, sigmas: number): number {
  const share = errors / requests;
  const square = sigmas ** 2 / requests;
  return (share + square / 2 - Math.sqrt(square * (share * (1 - share) + square / 4))) / (1 + square);
}

/** Both windows must burn too fast: the short one says that it still does, the long one that it is no moment's matter. */
function burnObjection(samples: readonly Sample[], rules: BakeRules): string | undefined {
  const budget = 1 - rules.availability;
  const burns = [windows.burnShort, windows.burnLong].map((seconds) => {
    const window = windowOf(samples, seconds);
    // An error or two in a few requests burn fast and mean nothing.
    if (window === undefined || window.seconds < windows.slow || window.requests * budget * maxBurnRate < 3) return undefined;
    return ratio(window) / budget;
  });
  if (burns.some((burn) => burn === undefined || burn <= maxBurnRate)) return undefined;
  return `the error budget of ${percent(budget)} burns ${burns.map((burn) => round(burn ?? 0)).join(" and ")} times too fast in the short and the long window, above ${maxBurnRate}`;
}

function baselineObjection(window: Window | undefined, baseline: Baseline | undefined, rules: BakeRules): string | undefined {
  if (window === undefined || baseline === undefined || window.seconds < windows.slow) return undefined;
  if (window.requests < rules.minRequests || baseline.requests < rules.minRequests) return undefined;
  const [now, before] = [ratio(window), ratio(baseline)];
  const pooled = (window.errors + baseline.errors) / (window.requests + baseline.requests);
  const spread = Math.sqrt(pooled * (1 - pooled) * (1 / window.requests + 1 / baseline.requests));
  // Below a fifth of the bound a difference may be real and still be nobody's trouble.
  if (spread === 0 || now <= rules.maxErrorRatio / 5 || (now - before) / spread <= worseBySigmas) return undefined;
  return `the error ratio is ${percent(now)} where the old version had ${percent(before)}, ${round((now - before) / spread)} standard errors more`;
}

/** Memory that is nearly gone is a crash to come; a processor that is busy for the whole slow window is one that will not keep up. */
function usageObjection(samples: readonly Sample[], window: Window | undefined, rules: BakeRules): string | undefined {
  const shares = samples.slice(-memorySamples).map(memoryShare);
  const least = Math.min(...shares.map((share) => share ?? 0));
  if (shares.length === memorySamples && least > rules.maxMemoryShare) {
    return `a pod has used ${percent(least)} of its memory's limit or more for ${memorySamples} looks, above ${percent(rules.maxMemoryShare)}`;
  }
  if (window === undefined || window.seconds < windows.slow) return undefined;
  const cpu = shareOf(window.cores, samples.at(-1)?.limits?.cpu);
  return cpu !== undefined && cpu > rules.maxCpuShare ? `its pods have used ${percent(cpu)} of their processor's limit in the last ${round(window.seconds)} s, above ${percent(rules.maxCpuShare)}` : undefined;
}

const memoryShare = ({ traffic, limits }: Sample): number | undefined => shareOf(traffic?.memoryBytes, limits?.memory);
const shareOf = (used: number | undefined, limit: number | undefined): number | undefined => (used === undefined || limit === undefined || limit === 0 ? undefined : used / limit);

const lastJudged = (samples: readonly Sample[]): number => samples.findLast(({ traffic }) => traffic !== undefined)?.at ?? 0;
const of = ({ seconds, requests }: Window): string => `of the last ${round(seconds)} s (${requests} requests)`;
const ratio = ({ errors, requests }: Pick<Window, "errors" | "requests">): number => (requests === 0 ? 0 : errors / requests);
const round = (value: number): string => String(Number(value.toPrecision(3)));
const percent = (value: number): string => `${round(value * 100)} %`;
