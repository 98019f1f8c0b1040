import * as pulumi from "@pulumi/pulumi";
import { milliseconds, parseDuration, seconds } from "../config/duration.ts";
import type { Objection } from "./invalidArgument.ts";

/** One bound of one measure. */
interface Check {
  /** Window of the query, back from each tick: whole seconds or minutes, such as `1m`. @default "1m"; latency "30s" */
  readonly interval?: string;
}

/** What is measured at every tick of the analysis. Each is a MetricTemplate; one that yields no value is a failed check. */
export interface CanaryMetrics {
  /** Requests answered without a server error. `min` in percent. @default 99 */
  readonly successRate?: Check & { readonly min?: number };
  /** Time to answer. `max` as a duration, best a bound of the application's histogram; `quantile` from 0 to 1. @default "500ms" at 0.99 */
  readonly latency?: Check & { readonly max?: string; readonly quantile?: number };
  /** CPU of the busiest pod, of its limit. `max` in percent. @default 80 */
  readonly cpu?: Check & { readonly max?: number };
  /** Memory of the fullest pod, of its limit. `max` in percent. @default 85 */
  readonly memory?: Check & { readonly max?: number };
  /** Requests answered within the window: fewer than `min` can't be judged, and that is a failure. @default 20 */
  readonly requests?: Check & { readonly min?: number };
}

/** Where the measures come from. */
export interface MetricSource {
  /** Prometheus, as Flagger reaches it. */
  readonly address: pulumi.Input<string>;
  /** Name of the container, as cAdvisor labels it. */
  readonly container: string;
  /** The container's CPU limit, in cores. */
  readonly cpuCores: pulumi.Input<number>;
  /** The container's memory limit, in bytes. */
  readonly memoryBytes: pulumi.Input<number>;
}

/** A measure: the query of its MetricTemplate and the check that the Canary makes of it. */
export interface Metric {
  /** Name of the check, and the end of the MetricTemplate's. */
  readonly name: string;
  /** PromQL with Flagger's template functions; yields one number. */
  readonly query: pulumi.Input<string>;
  /** What passes, both ends included. */
  readonly thresholdRange: { readonly min?: number; readonly max?: number };
  /** The window. */
  readonly interval: string;
}

/** Pods of the target and not of its `-primary` copy, whose names have a part more. Prometheus anchors the expression. */
const canaryPods = `namespace="{{ namespace }}",pod=~"{{ target }}-[0-9a-zA-Z]+(-[0-9a-zA-Z]+)"`;

/** The five measures, in the order in which Flagger asks for them. */
export function canaryMetrics(metrics: CanaryMetrics, source: MetricSource): Metric[] {
  const { successRate, latency, cpu, memory, requests } = metrics;
  const container = `${canaryPods},container="${source.container}"`;
  const answered = `http_requests_total{${canaryPods}}`;
  return [
    {
      name: "request-count",
      query: `sum(increase(${answered}[{{ interval }}]))`,
      thresholdRange: { min: requests?.min ?? 20 },
      interval: requests?.interval ?? "1m",
    },
    {
      name: "request-success-rate",
      // Without `or` a release whose every answer is an error would have no numerator, and so no value but also no zero.
      query: `100 * (sum(rate(http_requests_total{${canaryPods},status!~"5.*"}[{{ interval }}])) or vector(0)) / sum(rate(${answered}[{{ interval }}]))`,
      thresholdRange: { min: successRate?.min ?? 99 },
      interval: successRate?.interval ?? "1m",
    },
    {
      name: "request-duration",
      query: `1000 * histogram_quantile(${latency?.quantile ?? 0.99}, sum by (le) (rate(http_request_duration_seconds_bucket{${canaryPods}}[{{ interval }}])))`,
      thresholdRange: { max: milliseconds(latency?.max ?? "500ms") },
      interval: latency?.interval ?? "30s",
    },
    {
      name: "cpu-usage",
      query: pulumi.interpolate`100 * max(sum by (pod) (rate(container_cpu_usage_seconds_total{${container}}[{{ interval }}]))) / ${source.cpuCores}`,
      thresholdRange: { max: cpu?.max ?? 80 },
      interval: cpu?.interval ?? "1m",
    },
    {
      name: "memory-usage",
      query: pulumi.interpolate`100 * max(sum by (pod) (max_over_time(container_memory_working_set_bytes{${container}}[{{ interval }}]))) / ${source.memoryBytes}`,
      thresholdRange: { max: memory?.max ?? 85 },
      interval: memory?.interval ?? "1m",
    },
  ];
}

/** What is wrong with the measures, if anything: bounds that can't be met or never fail, and windows that leave gaps between ticks of `interval`. */
export function objectionsToMetrics(metrics: CanaryMetrics, interval: string): Objection[] {
  const percentages = [
    ["successRate.min", metrics.successRate?.min],
    ["cpu.max", metrics.cpu?.max],
    ["memory.max", metrics.memory?.max],
  ] as const;
  const objections: Objection[] = [];
  for (const [path, value] of percentages) {
    if (value !== undefined && !(value > 0 && value <= 100)) {
      objections.push({ path: `metrics.${path}`, value, rule: "a percentage above 0 and up to 100", fix: "Give the bound in percent, for example 99." });
    }
  }
  const { quantile } = metrics.latency ?? {};
  if (quantile !== undefined && !(quantile > 0 && quantile < 1)) {
    objections.push({ path: "metrics.latency.quantile", value: quantile, rule: "between 0 and 1, both excluded", fix: "Write the 99th percentile as 0.99." });
  }
  const longest = metrics.latency?.max;
  if (longest !== undefined && !(parseDuration(longest) ?? 0)) {
    objections.push({ path: "metrics.latency.max", value: longest, rule: "a duration above 0", fix: 'Write "500ms" or "2s".' });
  }
  if (metrics.requests?.min !== undefined && metrics.requests.min < 1) {
    objections.push({
      path: "metrics.requests.min",
      value: metrics.requests.min,
      rule: "at least 1 request",
      fix: "A canary that nobody asked has proved nothing.",
    });
  }
  for (const [name, metric] of Object.entries(metrics) as [string, Check | undefined][]) {
    if (metric?.interval !== undefined && seconds(metric.interval) < seconds(interval)) {
      objections.push({
        path: `metrics.${name}.interval`,
        value: metric.interval,
        rule: `at least the analysis's interval ${interval}, or what happens between two ticks is never judged`,
        fix: `Set it to ${interval} or more.`,
      });
    }
  }
  return objections;
}
