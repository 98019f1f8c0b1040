import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from "prom-client";

/**
 * Bounds in seconds. The delivery's thresholds (p95 and p99 limits, the slow-start 2 s of the bake) are bounds themselves:
 * a quantile is interpolated inside a bucket, so a threshold between two bounds would be judged by a guess.
 */
export const durationBuckets = [0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.25, 0.3, 0.5, 0.75, 1, 1.5, 2, 5, 10];

/** The service's Prometheus metrics. Probes and /metrics itself are not counted: they would thin out the error ratio. */
export type Metrics = Readonly<{
  registry: Registry;
  requests: Counter<"method" | "route" | "status">;
  duration: Histogram<"method" | "route" | "status">;
  checkHealthy: Gauge<"check">;
  appended: Counter<"outcome">;
  ready: Gauge;
}>;

/**
 * @param info labels of `audit_trail_info`.
 * @param sources process: adds the Node.js process metrics; connections: how many are open now.
 */
export function createMetrics(info: Readonly<{ version: string; slot: string; digest: string }>, sources: Readonly<{ process: boolean; connections: () => number }>): Metrics {
  const registry = new Registry();
  const registers = [registry];
  if (sources.process) collectDefaultMetrics({ register: registry });
  new Gauge({ name: "audit_trail_info", help: "1; the labels tell what runs", labelNames: ["version", "slot", "digest"], registers }).set({ ...info }, 1);
  new Gauge({
    name: "http_connections_open",
    help: "Open client connections",
    registers,
    collect() {
      this.set(sources.connections());
    },
  });
  const labelNames = ["method", "route", "status"] as const;
  return {
    registry,
    requests: new Counter({ name: "http_requests_total", help: "Answered application requests", labelNames, registers }),
    duration: new Histogram({ name: "http_request_duration_seconds", help: "Time from a request's start to its answer", labelNames, buckets: durationBuckets, registers }),
    checkHealthy: new Gauge({ name: "audit_trail_check_healthy", help: "1 when the check passed the last time it ran", labelNames: ["check"], registers }),
    appended: new Counter({ name: "audit_trail_submissions_total", help: "Submitted events by what became of them", labelNames: ["outcome"], registers }),
    ready: new Gauge({ name: "audit_trail_ready", help: "1 when /ready answers 200", registers }),
  };
}
