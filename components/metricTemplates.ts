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
  /**
   * Who counts requests and their time. `application`: `http_requests_total{status}` and `http_request_duration_seconds`, by its own pods.
   * `traefik`: the data plane's counters of the canary's Service, for applications that have none. @default "application"
   */
  readonly counters?: "application" | "traefik";
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
  /** Port of the canary's Service, which Traefik has in the name of its series. */
  readonly servicePort: pulumi.Input<number>;
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

/** Traefik's name of the canary's Service: namespace, name, protocol and port. */
function traefikService({ servicePort }: MetricSource): pulumi.Output<string> {
  return pulumi.interpolate`service=~"{{ namespace }}-{{ target }}-canary-http-${servicePort}@kubernetesgateway"`;
}

/** Selectors of the series that count: all requests, those without a server error, and the buckets of their times. */
function counters(kind: CanaryMetrics["counters"], source: MetricSource): Record<"all" | "good" | "buckets", pulumi.Input<string>> {
  if (kind === "traefik") {
    const service = traefikService(source);
    return {
      all: pulumi.interpolate`traefik_service_requests_total{${service}}`,
      good: pulumi.interpolate`traefik_service_requests_total{${service},code!~"5.*"}`,
      buckets: pulumi.interpolate`traefik_service_request_duration_seconds_bucket{${service}}`,
    };
  }
  return {
    all: `http_requests_total{${canaryPods}}`,
    good: `http_requests_total{${canaryPods},status!~"5.*"}`,
    buckets: `http_request_duration_seconds_bucket{${canaryPods}}`,
  };
}

/**
 * The five measures, in the order in which Flagger asks for them. None has the name of a built-in one (`request-success-rate`,
 * `request-duration`): Flagger would make its own query of it, whatever template is named beside.
 */
export function canaryMetrics(metrics: CanaryMetrics, source: MetricSource): Metric[] {
  const { successRate, latency, cpu, memory, requests } = metrics;
  const container = `${canaryPods},container="${source.container}"`;
  const { all, good, buckets } = counters(metrics.counters, source);
  return [
    {
      name: "request-count",
      query: pulumi.interpolate`sum(increase(${all}[{{ interval }}]))`,
      thresholdRange: { min: requests?.min ?? 20 },
      interval: requests?.interval ?? "1m",
    },
    {
      name: "success-rate",
      // Without `or` a release whose every answer is an error would have no numerator, and so no value but also no zero.
      query: pulumi.interpolate`100 * (sum(rate(${good}[{{ interval }}])) or vector(0)) / sum(rate(${all}[{{ interval }}]))`,
      thresholdRange: { min: successRate?.min ?? 99 },
      interval: successRate?.interval ?? "1m",
    },
    {
      name: "latency",
      query: pulumi.interpolate`1000 * histogram_quantile(${latency?.quantile ?? 0.99}, sum by (le) (rate(${buckets}[{{ interval }}])))`,
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
  const { successRate, latency, cpu, memory, requests } = metrics;
  for (const [name, metric] of Object.entries<Check | undefined>({ successRate, latency, cpu, memory, requests })) {
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
