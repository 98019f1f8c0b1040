import { seconds } from "../config/duration.ts";
import { type AnalysisTimes, analysisTimes } from "./canaryTicks.ts";
import type { Objection } from "./invalidArgument.ts";
import { type CanaryMetrics, type Metric, objectionsToMetrics } from "./metricTemplates.ts";
import { type Gate, objectionsToGates, webhooks } from "./webhooks.ts";

/** How one header must look for a request to belong to the A/B test. Exactly one of the three. */
type HeaderMatch = { readonly exact: string } | { readonly prefix: string } | { readonly regex: string };

/** Who meets the new version while it is judged. */
type CanaryTraffic =
  | {
      readonly kind: "weights";
      /** Share at which it is promoted, in percent. @default 50 */
      readonly maxWeight?: number;
      /** Share added at each tick, in percent; divides `maxWeight`. @default 10 */
      readonly stepWeight?: number;
      /** Keeps a user who met the new version on it, by a cookie, `maxAgeSeconds` long; `secure` where users come by HTTPS. @default - none; a day, false */
      readonly sessionAffinity?: { readonly cookieName: string; readonly maxAgeSeconds?: number; readonly secure?: boolean };
    }
  /** Requests with these headers, and nobody else; `iterations` ticks long. */
  | { readonly kind: "abTest"; readonly headers: Readonly<Record<string, HeaderMatch>>; readonly iterations: number }
  /** Copies of all requests, whose answers nobody sees; `iterations` ticks long, then one tick of all traffic. For requests that change nothing. */
  | { readonly kind: "mirror"; readonly iterations: number };

/** Who meets the new version, as the stacks' configuration says it. */
interface TrafficChoice {
  readonly kind: CanaryTraffic["kind"];
  readonly maxWeight: number;
  readonly stepWeight: number;
  readonly iterations: number;
  readonly header: { readonly name: string; readonly value: string };
  readonly sessionAffinity: { readonly enabled: boolean; readonly cookieName: string; readonly maxAge: string };
}

/** The chosen kind of traffic, without what belongs to the others. `secure`: users come by HTTPS. */
export function canaryTraffic({ kind, maxWeight, stepWeight, iterations, header, sessionAffinity: { enabled, cookieName, maxAge } }: TrafficChoice, secure: boolean): CanaryTraffic {
  if (kind === "abTest") return { kind, iterations, headers: { [header.name]: { exact: header.value } } };
  if (kind === "mirror") return { kind, iterations };
  return { kind, maxWeight, stepWeight, ...(enabled && { sessionAffinity: { cookieName, maxAgeSeconds: seconds(maxAge), secure } }) };
}

/** How a release is judged. */
export interface AnalysisArgs {
  /** Time between two ticks: whole seconds or minutes, from 10s. @default "30s" */
  readonly interval?: string;
  /** Failed checks, over the whole analysis and not in a row, at which the release is taken back. @default 5 */
  readonly threshold?: number;
  /** Longest time for new pods to get ready before the release is taken back. @default "60s" */
  readonly progressDeadline?: string;
  /** Who meets the new version. @default - weights: 10, 20 … 50 percent */
  readonly traffic?: CanaryTraffic;
  /** What is measured. */
  readonly metrics?: CanaryMetrics;
  /** Who is asked. @default - nobody */
  readonly gates?: readonly Gate[];
}

const defaults = { interval: "30s", threshold: 5, progressDeadline: "60s" };
const defaultWeights = { maxWeight: 50, stepWeight: 10 };

/** The arguments with Flagger's part of the defaults filled in. */
export function completeAnalysis(args: AnalysisArgs): AnalysisArgs & Required<Pick<AnalysisArgs, keyof typeof defaults | "traffic" | "metrics" | "gates">> {
  return { traffic: { kind: "weights" }, metrics: {}, gates: [], ...defaults, ...args };
}

/** Ticks under traffic. */
function trafficSteps(traffic: CanaryTraffic): number {
  // After the last of its ticks a mirrored version gets all traffic, one tick long, and only then the promotion.
  if (traffic.kind === "mirror") return traffic.iterations + 1;
  if (traffic.kind === "abTest") return traffic.iterations;
  const { maxWeight, stepWeight } = { ...defaultWeights, ...traffic };
  return Math.ceil(maxWeight / stepWeight);
}

/** How long releases take. */
export function timesOf(args: AnalysisArgs): AnalysisTimes {
  const { interval, threshold, traffic } = completeAnalysis(args);
  return analysisTimes({ intervalSeconds: seconds(interval), threshold, steps: trafficSteps(traffic) });
}

/** `spec.analysis` of the Canary; `templates` are the metrics with the names of their MetricTemplates. */
export function canaryAnalysis(args: AnalysisArgs, templates: readonly (Metric & { readonly template: unknown })[]): object {
  const { interval, threshold, traffic, gates } = completeAnalysis(args);
  return {
    interval,
    threshold,
    ...trafficFields(traffic),
    metrics: templates.map(({ name, template, thresholdRange, interval: window }) => ({
      name,
      templateRef: { name: template },
      thresholdRange,
      interval: window,
    })),
    webhooks: webhooks(gates),
  };
}

function trafficFields(traffic: CanaryTraffic): object {
  switch (traffic.kind) {
    case "weights": {
      const { maxWeight, stepWeight, sessionAffinity } = { ...defaultWeights, ...traffic };
      return { maxWeight, stepWeight, ...(sessionAffinity === undefined ? {} : { sessionAffinity: cookie(sessionAffinity) }) };
    }
    case "abTest":
      return { iterations: traffic.iterations, match: [{ headers: traffic.headers }] };
    case "mirror":
      return { iterations: traffic.iterations, mirror: true };
  }
}

/** Without a path, clients would send it back below the path that they asked first, and no other. It is the data plane's affair and no script's. */
function cookie({ cookieName, maxAgeSeconds = 86_400, secure = false }: NonNullable<Extract<CanaryTraffic, { kind: "weights" }>["sessionAffinity"]>): object {
  return { cookieName, maxAge: maxAgeSeconds, path: "/", httpOnly: true, sameSite: "Lax", secure };
}

/** What is wrong with the analysis, if anything. */
export function objectionsToAnalysis(args: AnalysisArgs): Objection[] {
  const { interval, threshold, progressDeadline, traffic, metrics, gates } = completeAnalysis(args);
  const unreadable = objectionsToDurations(args);
  if (unreadable.length > 0) return unreadable;
  const objections: Objection[] = [];
  const whole = (path: string, value: number, fix: string): void => {
    if (!Number.isInteger(value) || value < 1) objections.push({ path, value, rule: "a whole number from 1", fix });
  };
  if (seconds(interval) < 10) objections.push({ path: "interval", value: interval, rule: "at least 10s", fix: "Flagger makes 10 s of anything shorter." });
  whole("threshold", threshold, "Say how many failed checks a release may have before it is taken back.");
  if (seconds(progressDeadline) < 2 * seconds(interval)) {
    objections.push({
      path: "progressDeadline",
      value: progressDeadline,
      rule: `at least twice the interval ${interval}: readiness is looked at once in a tick`,
      fix: `Set it to ${2 * seconds(interval)}s or more.`,
    });
  }
  if (traffic.kind === "weights") {
    const { maxWeight, stepWeight } = { ...defaultWeights, ...traffic };
    whole("traffic.stepWeight", stepWeight, "Say how much traffic each step adds.");
    if (!Number.isInteger(maxWeight) || maxWeight < 1 || maxWeight > 100) {
      objections.push({ path: "traffic.maxWeight", value: maxWeight, rule: "a whole number from 1 to 100", fix: "It is a share of the traffic in percent." });
    } else if (stepWeight >= 1 && maxWeight % stepWeight !== 0) {
      objections.push({
        path: "traffic.stepWeight",
        value: stepWeight,
        rule: `a divisor of maxWeight ${maxWeight}`,
        fix: "The last step must reach the maximum exactly.",
      });
    }
  } else {
    whole("traffic.iterations", traffic.iterations, "Say for how many ticks the release is judged.");
  }
  if (traffic.kind === "abTest" && Object.keys(traffic.headers).length === 0) {
    objections.push({ path: "traffic.headers", value: "empty", rule: "at least one header", fix: "Without one, no request belongs to the test." });
  }
  return [...objections, ...objectionsToMetrics(metrics, interval), ...objectionsToGates(gates, interval)];
}

function objectionsToDurations({ interval, progressDeadline, metrics = {}, gates = [] }: AnalysisArgs): Objection[] {
  const given: [path: string, text: string | undefined][] = [
    ["interval", interval],
    ["progressDeadline", progressDeadline],
    ...Object.entries(metrics).map(([name, metric]): [string, string | undefined] => [
      `metrics.${name}.interval`,
      (metric as { interval?: string } | undefined)?.interval,
    ]),
    ...gates.map((gate): [string, string | undefined] => [`gates.${gate.name}.timeout`, gate.timeout]),
  ];
  return given.flatMap(([path, value]) =>
    value === undefined || /^[0-9]+[ms]$/.test(value)
      ? []
      : [{ path, value, rule: "whole seconds or whole minutes, as Flagger reads them", fix: 'Write "30s" or "1m".' }],
  );
}
