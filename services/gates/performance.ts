import { quantileBound, slowerThan, total } from "./histogram.ts";
import { measure, type Measures, type VersionMeasures } from "./measures.ts";
import type { Prometheus } from "./prometheus.ts";
import { quantity } from "./quantity.ts";
import type { Container, Release } from "./release.ts";
import { newcombe, share, wilson } from "./statistics.ts";
import { no, notYet, type Finding, type Judgement } from "./verdict.ts";

/** What the performance gate asks of a release. Ratios are from 0 to 1, times are seconds. */
export interface PerformanceDemand {
  readonly windowSeconds: number;
  /** Fewest requests of each version that can be judged. */
  readonly minRequests: number;
  readonly maxErrorRatio: number;
  /** How much greater the canary's error ratio may be than the primary's. */
  readonly maxErrorIncrease: number;
  /** Limits of the quantiles; Infinity for none. */
  readonly maxLatency: Readonly<Record<"p50" | "p95" | "p99", number>>;
  /** How many times the primary's quantile the canary's may be. */
  readonly maxLatencyRatio: number;
  readonly maxCpuRatio: number;
  readonly maxMemoryRatio: number;
}

const quantiles = [
  ["p50", 0.5],
  ["p95", 0.95],
  ["p99", 0.99],
] as const;

/** Judges the canary's traffic against limits and against the primary's traffic of the same time. */
export async function judgePerformance(prometheus: Prometheus, namespace: string, release: Release, demand: PerformanceDemand): Promise<Judgement> {
  const container = release.containers.find(({ name }) => name === release.target) ?? release.containers[0];
  if (container === undefined) return { findings: [no(`Deployment ${release.target} has no container`)], good: "", inputs: {} };
  const measures = await measure(prometheus, { namespace, target: release.target, container: container.name, windowSeconds: demand.windowSeconds });
  const few = tooFew(measures, demand);
  // Errors of a handful of requests prove nothing for the release, but a majority of them is proof enough against it.
  const findings = [...errorFindings(measures, demand, few.length > 0), ...(few.length > 0 ? few : latencyFindings(measures, demand)), ...resourceFindings(measures, demand, container)];
  const { canary, primary } = measures;
  const good =
    `${Math.round(canary.errors.total)} requests with ${percent(share(canary.errors))} errors and p95 up to ${seconds(quantileBound(canary.latency, 0.95))}, ` +
    `the primary ${Math.round(primary.errors.total)} with ${percent(share(primary.errors))} and ${seconds(quantileBound(primary.latency, 0.95))}`;
  return { findings, good, inputs: prometheus.seen };
}

function tooFew({ canary, primary }: Measures, { minRequests, windowSeconds }: PerformanceDemand): Finding[] {
  const counted = (version: VersionMeasures): number => Math.min(version.errors.total, total(version.latency));
  const say = (name: string, version: VersionMeasures): Finding[] =>
    counted(version) >= minRequests ? [] : [notYet(`the ${name} answered ${Math.floor(counted(version))} requests in ${windowSeconds} s; ${minRequests} are needed to judge`)];
  return [...say("canary", canary), ...say("primary", primary)];
}

function errorFindings({ canary, primary }: Measures, demand: PerformanceDemand, few: boolean): Finding[] {
  const findings: Finding[] = [];
  const ratio = share(canary.errors);
  const sure = wilson(canary.errors);
  const said = `${percent(ratio)} of ${Math.round(canary.errors.total)} answers are errors; ${percent(demand.maxErrorRatio)} are allowed`;
  if (sure.low > demand.maxErrorRatio) findings.push(no(said));
  else if (ratio > demand.maxErrorRatio && !few) findings.push(notYet(`${said}, but so few requests may be chance`));
  const difference = newcombe(canary.errors, primary.errors);
  if (difference.low > demand.maxErrorIncrease)
    findings.push(no(`its error ratio is ${percent(ratio - share(primary.errors))} above the primary's, by at least ${percent(difference.low)} with 99 % confidence; ${percent(demand.maxErrorIncrease)} are allowed`));
  return findings;
}

/**
 * A quantile is within a limit exactly when the share of slower requests is within its rest (p95: 5 %), so both the limit and the comparison
 * are judged as proportions, which needs no interpolation inside a bucket.
 */
function latencyFindings({ canary, primary }: Measures, demand: PerformanceDemand): Finding[] {
  return quantiles.flatMap(([name, quantile]): Finding[] => {
    const rest = 1 - quantile;
    const limit = demand.maxLatency[name];
    const slow = slowerThan(canary.latency, limit);
    const said = `${percent(share(slow))} of the requests take longer than ${seconds(limit)}; ${name} allows ${percent(rest)}`;
    if (wilson(slow).low > rest) return [no(said)];
    const beside = quantileBound(primary.latency, quantile) * demand.maxLatencyRatio;
    const slower = slowerThan(canary.latency, beside);
    if (wilson(slower).low > rest)
      return [no(`its ${name} is slower than ${demand.maxLatencyRatio} times the primary's: ${percent(share(slower))} of the requests take longer than ${seconds(beside)}, which the primary exceeds in at most ${percent(rest)}`)];
    return share(slow) > rest ? [notYet(`${said}, but so few requests may be chance`)] : [];
  });
}

function resourceFindings({ cpu, memory }: Measures, demand: PerformanceDemand, { name, resources }: Container): Finding[] {
  const judge = (what: string, used: number | undefined, limit: number | undefined, allowed: number): Finding[] => {
    if (limit === undefined || limit === 0) return [no(`container ${name} has no ${what} limit to judge its use by`)];
    if (used === undefined) return [notYet(`Prometheus has no ${what} use of container ${name}`)];
    return used / limit > allowed ? [no(`container ${name} uses ${percent(used / limit)} of its ${what} limit; ${percent(allowed)} are allowed`)] : [];
  };
  return [
    ...judge("CPU", cpu, quantity(resources.limits["cpu"]), demand.maxCpuRatio),
    ...judge("memory", memory, quantity(resources.limits["memory"]), demand.maxMemoryRatio),
  ];
}

function percent(ratio: number): string {
  return `${Math.round(ratio * 1000) / 10} %`;
}

function seconds(time: number): string {
  return Number.isFinite(time) ? `${Math.round(time * 1e6) / 1e3} ms` : "the last bound";
}
