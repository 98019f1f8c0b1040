/** DORA's five measures of delivery, from releases. */
import type { Release } from "./releases.ts";

/** One measure; `value` is undefined when there is nothing to measure, which is neither good nor bad. */
export interface Measure {
  readonly value: number | undefined;
  readonly unit: "per day" | "s" | "ratio";
  /** How many releases it rests on. */
  readonly of: number;
  /** The worst among them, for times. */
  readonly worst?: number;
  /** What the project aims at; undefined where it names no aim. */
  readonly target: { readonly below?: number; readonly above?: number } | undefined;
  /** Whether the aim is met; undefined without a value or an aim. */
  readonly met: boolean | undefined;
}

/** The five. */
export interface Dora {
  /** RFC 3339; the window begins with the first release when that is later than asked for. */
  readonly from: string;
  readonly until: string;
  /** Releases that got users' traffic in the window. */
  readonly deployments: number;
  /** From the commit to the end of the watch, the median. */
  readonly leadTime: Measure;
  readonly frequency: Measure;
  /** From the first bad answer (or else the switch) until the old version had the traffic again, the median. */
  readonly recoveryTime: Measure;
  /** Deployments that were taken back, among all. */
  readonly changeFailRate: Measure;
  /** Deployments that were unplanned and mended an incident, among all. */
  readonly reworkRate: Measure;
}

const day = 86_400_000;

/**
 * Measures what got traffic from `from` until before `until` (milliseconds since 1970). What a gate or its verification stopped
 * never reached users: it is no deployment, and no failure of one.
 */
export function dora(releases: readonly Release[], from: number, until: number): Dora {
  const first = Math.min(...releases.map((release) => Date.parse(release.started)));
  const begin = Math.max(from, Math.min(first, until));
  const deployed = releases.filter((release) => release.live !== undefined && Date.parse(release.live) >= begin && Date.parse(release.live) < until);
  const failed = deployed.filter((release) => release.outcome === "taken-back" || release.outcome === "failed");
  const leads = deployed.flatMap(({ promoted, committed }) => (promoted !== undefined && committed !== undefined ? [between(committed, promoted)] : []));
  const recoveries = failed.flatMap(({ live, hurtSince, restored }) => (live !== undefined && restored !== undefined ? [between(hurtSince ?? live, restored)] : []));
  // Less than a day is counted as one: an hour with two releases is not 48 a day.
  const days = Math.max(1, (until - begin) / day);
  const share = (count: number): number | undefined => (deployed.length === 0 ? undefined : count / deployed.length);
  return {
    from: new Date(begin).toISOString(),
    until: new Date(until).toISOString(),
    deployments: deployed.length,
    leadTime: times(leads, { below: 30 * 60 }),
    frequency: measure(deployed.length / days, "per day", deployed.length, { above: 10 }),
    recoveryTime: times(recoveries, { below: 5 * 60 }),
    changeFailRate: measure(share(failed.length), "ratio", deployed.length, { below: 0.02 }),
    reworkRate: measure(share(deployed.filter((release) => release.reason === "incident").length), "ratio", deployed.length, undefined),
  };
}

function times(seconds: readonly number[], target: Measure["target"]): Measure {
  const sorted = seconds.toSorted((a, b) => a - b);
  const worst = sorted.at(-1);
  return { ...measure(median(sorted), "s", sorted.length, target), ...(worst === undefined ? {} : { worst }) };
}

function measure(value: number | undefined, unit: Measure["unit"], of: number, target: Measure["target"]): Measure {
  const met = value === undefined || target === undefined ? undefined : value < (target.below ?? Infinity) && value > (target.above ?? -Infinity);
  return { value, unit, of, target, met };
}

function median(sorted: readonly number[]): number | undefined {
  const upper = sorted[Math.floor(sorted.length / 2)];
  const lower = sorted[Math.ceil(sorted.length / 2) - 1];
  return upper === undefined || lower === undefined ? undefined : (lower + upper) / 2;
}

/** Seconds. */
const between = (start: string, end: string): number => (Date.parse(end) - Date.parse(start)) / 1000;
