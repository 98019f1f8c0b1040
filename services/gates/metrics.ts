import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from "prom-client";

/** The gate's Prometheus metrics. */
export type Metrics = Readonly<{
  registry: Registry;
  answers: Counter<"route" | "status">;
  duration: Histogram<"route">;
  verdicts: Counter<"outcome">;
  inFlight: Gauge;
  ready: Gauge;
}>;

/** @param process adds Node's own metrics. */
export function createMetrics(info: Readonly<{ role: string; version: string }>, { process }: Readonly<{ process: boolean }>): Metrics {
  const registry = new Registry();
  const registers = [registry];
  if (process) collectDefaultMetrics({ register: registry });
  new Gauge({ name: "gate_info", help: "1; the labels tell what runs", labelNames: ["role", "version"], registers }).set({ ...info }, 1);
  return {
    registry,
    answers: new Counter({ name: "gate_answers_total", help: "Answers to Flagger, by status", labelNames: ["route", "status"], registers }),
    duration: new Histogram({
      name: "gate_answer_duration_seconds",
      help: "Time from a question's start to its answer",
      labelNames: ["route"],
      buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
      registers,
    }),
    verdicts: new Counter({ name: "gate_verdicts_total", help: "Decisions, by what was decided", labelNames: ["outcome"], registers }),
    inFlight: new Gauge({ name: "gate_decisions_in_flight", help: "Questions that are being judged now", registers }),
    ready: new Gauge({ name: "gate_ready", help: "1 when /ready answers 200", registers }),
  };
}
