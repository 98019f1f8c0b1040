import type { Histogram } from "./histogram.ts";
import type { Prometheus } from "./prometheus.ts";
import type { Proportion } from "./statistics.ts";

/** What one version did within the window. */
export interface VersionMeasures {
  /** Answers with a server error, of all answers. */
  readonly errors: Proportion;
  readonly latency: Histogram;
}

export interface Measures {
  readonly canary: VersionMeasures;
  readonly primary: VersionMeasures;
  /** CPU of the canary's busiest pod, in cores; memory of its fullest, in bytes. Undefined where nothing was measured. */
  readonly cpu: number | undefined;
  readonly memory: number | undefined;
}

/** The pods of Flagger's two versions: the primary's names have a part more than the target's own. Prometheus anchors the expressions. */
function podsOf(target: string): { readonly canary: string; readonly primary: string } {
  const literal = target.replaceAll(".", "[.]");
  return { canary: `${literal}-[0-9a-zA-Z]+(-[0-9a-zA-Z]+)`, primary: `${literal}-primary-[0-9a-zA-Z]+(-[0-9a-zA-Z]+)` };
}

/** cAdvisor looks at a container every 10 to 20 s and tells it late, and a rate needs two looks: in less there may be none. */
const leastContainerSeconds = 60;

/** Measures the canary and the primary over the same window, by the application's own counters and cAdvisor's. */
export async function measure(prometheus: Prometheus, where: { readonly namespace: string; readonly target: string; readonly container: string; readonly windowSeconds: number }): Promise<Measures> {
  const { namespace, target, container, windowSeconds } = where;
  const pods = podsOf(target);
  const select = (pod: string, more = ""): string => `{namespace="${namespace}",pod=~"${pod}"${more}}`;
  const window = `[${windowSeconds}s]`;
  const version = async (name: "canary" | "primary"): Promise<VersionMeasures> => {
    const pod = pods[name];
    const [all, failed, latency] = await Promise.all([
      prometheus.number(`${name}-requests`, `sum(increase(http_requests_total${select(pod)}${window}))`),
      prometheus.number(`${name}-errors`, `sum(increase(http_requests_total${select(pod, `,status=~"5.."`)}${window}))`),
      prometheus.histogram(`${name}-latency`, `sum by (le) (increase(http_request_duration_seconds_bucket${select(pod)}${window}))`),
    ]);
    // No series of errors is no error; no series of requests is no request.
    return { errors: { hits: failed ?? 0, total: all ?? 0 }, latency };
  };
  const seldom = `[${Math.max(windowSeconds, leastContainerSeconds)}s]`;
  const inContainer = select(pods.canary, `,container="${container}"`);
  const [canary, primary, cpu, memory] = await Promise.all([
    version("canary"),
    version("primary"),
    prometheus.number("canary-cpu", `max(sum by (pod) (rate(container_cpu_usage_seconds_total${inContainer}${seldom})))`),
    prometheus.number("canary-memory", `max(sum by (pod) (max_over_time(container_memory_working_set_bytes${inContainer}${seldom})))`),
  ]);
  return { canary, primary, cpu, memory };
}
