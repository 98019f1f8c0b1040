/** What was seen of a new version, and what happened within a stretch of it. */

/** What a version's pods have counted since they started. */
export interface Counters {
  readonly requests: number;
  /** Answers with a server error. */
  readonly errors: number;
  /** Time of all answers together, in seconds. */
  readonly seconds: number;
  /** Answers by upper bound of their time in seconds, each bound with all below it; ends with Infinity. */
  readonly buckets: readonly (readonly [bound: number, count: number])[];
  /** Processor time of all pods, in seconds; absent where the program does not tell it. */
  readonly cpuSeconds?: number;
  /** Resident memory of the pod that has most, in bytes; absent where the program does not tell it. */
  readonly memoryBytes?: number;
}

/** What the pods may use; absent without a limit. */
export interface Limits {
  /** Cores of all pods together. */
  readonly cpu?: number;
  /** Bytes of one pod. */
  readonly memory?: number;
}

/** One look at the new version. */
export interface Sample {
  /** Seconds since the switch. */
  readonly at: number;
  readonly ready: number;
  readonly wanted: number;
  /** Restarts of its containers since the switch. */
  readonly restarts: number;
  readonly limits?: Limits;
  /** Absent when the measurements are away or old. */
  readonly traffic?: Counters;
}

/** What happened within a window. */
export interface Window {
  readonly seconds: number;
  readonly requests: number;
  readonly errors: number;
  readonly mean: number;
  readonly p95: number;
  /** Processor cores that were busy; undefined where the program does not tell. */
  readonly cores: number | undefined;
}

/** What was counted in the last `seconds`, or since the first measurement if that is later; undefined with fewer than two measurements. */
export function windowOf(samples: readonly Sample[], seconds: number): Window | undefined {
  const measured = samples.filter((sample): sample is Sample & { readonly traffic: Counters } => sample.traffic !== undefined);
  const end = measured.at(-1);
  if (end === undefined) return undefined;
  const begin = measured.findLast(({ at }) => at <= end.at - seconds) ?? measured[0];
  if (begin === undefined || begin === end) return undefined;
  const requests = grown(begin.traffic.requests, end.traffic.requests);
  const buckets = end.traffic.buckets.map(([bound, count]) => [bound, grown(countUpTo(begin.traffic, bound), count)] as const);
  return {
    seconds: end.at - begin.at,
    requests,
    errors: grown(begin.traffic.errors, end.traffic.errors),
    mean: requests === 0 ? 0 : grown(begin.traffic.seconds, end.traffic.seconds) / requests,
    p95: quantile(0.95, buckets),
    cores: busy(begin.traffic.cpuSeconds, end.traffic.cpuSeconds, end.at - begin.at),
  };
}

const busy = (before: number | undefined, after: number | undefined, seconds: number): number | undefined =>
  before === undefined || after === undefined ? undefined : grown(before, after) / seconds;

const countUpTo = ({ buckets }: Counters, bound: number): number => buckets.find(([candidate]) => candidate === bound)?.[1] ?? 0;

/** A counter that became smaller started anew. */
const grown = (before: number, after: number): number => (after >= before ? after - before : after);

/** A quantile of a cumulative histogram, interpolated within its bucket as Prometheus does; above the last finite bound that bound. */
export function quantile(share: number, buckets: readonly (readonly [bound: number, count: number])[]): number {
  const total = buckets.at(-1)?.[1] ?? 0;
  if (total === 0) return 0;
  const rank = share * total;
  let [below, counted] = [0, 0];
  for (const [bound, count] of buckets) {
    if (count >= rank) return bound === Infinity ? below : below + (bound - below) * (count === counted ? 1 : (rank - counted) / (count - counted));
    [below, counted] = [bound, count];
  }
  return below;
}
