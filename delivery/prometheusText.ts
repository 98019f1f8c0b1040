import type { Counters } from "./bakeWindow.ts";

/** One line of Prometheus' text format. */
interface Reading {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

/** Names of the service's own metrics, the same that the canary's templates ask for. */
export const metricNames = { requests: "http_requests_total", seconds: "http_request_duration_seconds_sum", bucket: "http_request_duration_seconds_bucket" } as const;

/** What clients of Prometheus in all languages tell of their process. */
const processNames = { cpu: "process_cpu_seconds_total", memory: "process_resident_memory_bytes" } as const;

/** All that is asked for. */
export const readNames: readonly string[] = [...Object.values(metricNames), ...Object.values(processNames)];

/** Adds up the requests of all readings: of one pod, or of several. */
export function countersOf(readings: readonly Reading[]): Counters {
  const sum = (name: string, keep: (labels: Reading["labels"]) => boolean = () => true): number =>
    readings.reduce((total, reading) => (reading.name === name && keep(reading.labels) ? total + reading.value : total), 0);
  const bounds = [...new Set(readings.filter(({ name }) => name === metricNames.bucket).map(({ labels }) => labels["le"] ?? "+Inf"))];
  const memory = readings.filter(({ name }) => name === processNames.memory).map(({ value }) => value);
  return {
    ...(readings.some(({ name }) => name === processNames.cpu) && { cpuSeconds: sum(processNames.cpu) }),
    ...(memory.length > 0 && { memoryBytes: Math.max(...memory) }),
    requests: sum(metricNames.requests),
    errors: sum(metricNames.requests, ({ status = "" }) => status.startsWith("5")),
    seconds: sum(metricNames.seconds),
    buckets: bounds
      .map((le) => [le === "+Inf" ? Infinity : Number(le), sum(metricNames.bucket, (labels) => (labels["le"] ?? "+Inf") === le)] as const)
      .sort(([a], [b]) => a - b),
  };
}

const line = /^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (\S+)(?: -?\d+)?$/;
const label = /([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\]|\\.)*)"/g;

/** Reads what a pod's `/metrics` says, as far as a bake is judged by it. */
export function parseReadings(text: string): Reading[] {
  return text.split("\n").flatMap((row) => {
    const [, name = "", labels = "", value = ""] = line.exec(row) ?? [];
    if (!readNames.includes(name)) return [];
    return [{ name, labels: Object.fromEntries([...labels.matchAll(label)].map(([, key = "", content = ""]) => [key, content])), value: Number(value) }];
  });
}

/** Readings of an instant query's answer: `data.result` of Prometheus' HTTP API. */
export function readingsOf(result: readonly { readonly metric: Readonly<Record<string, string>>; readonly value: readonly [number, string] }[]): Reading[] {
  return result.map(({ metric: { __name__: name = "", ...labels }, value: [, value] }) => ({ name, labels, value: Number(value) }));
}
