/** Where a bake's samples come from: the slot's pods as the cluster sees them, and what was answered, as Prometheus or the pods count it. */
import { z } from "zod";
import type { ApiClient } from "../engine/kubernetes/client.ts";
import { parseQuantity } from "../policies/kubernetes/quantity.ts";
import type { Baseline } from "./bakeJudge.ts";
import { patienceSeconds } from "./bakeRules.ts";
import type { Counters, Limits, Sample } from "./bakeWindow.ts";
import { type JsonMap, listAt, mapAt, numberAt, objectPath, textAt } from "./kubernetes.ts";
import { countersOf, metricNames, parseReadings, readingsOf, readNames } from "./prometheusText.ts";
import type { Slot } from "./slots.ts";

export interface SourceOptions {
  readonly client: ApiClient;
  readonly namespace: string;
  /** Label `app` of the pods; their names begin with it and the slot. */
  readonly app: string;
  /** Prometheus' address; undefined asks the pods. */
  readonly prometheus: string | undefined;
  readonly signal: AbortSignal;
}

/** Looks at one slot. */
export interface Source {
  /** The slot's pods now; `restarts` counts all of their lives. */
  readonly pods: (slot: Slot) => Promise<Pick<Sample, "ready" | "wanted" | "restarts" | "limits">>;
  /** What the slot has counted; undefined when nobody can say. */
  readonly traffic: (slot: Slot) => Promise<Counters | undefined>;
  /** The answers of the last minutes, where somebody has watched them. */
  readonly baseline: (slot: Slot) => Promise<Baseline | undefined>;
}

const baselineWindow = "5m";

export function openSource({ client, namespace, app, prometheus, signal }: SourceOptions): Source {
  const podsOf = async (slot: Slot): Promise<JsonMap[]> =>
    listAt(await client.request("GET", objectPath("v1", "pods", namespace, ""), { query: { labelSelector: `app=${app},version=${slot}` }, signal }), "items").filter(
      (pod) => textAt(pod, "metadata", "deletionTimestamp") === "",
    );
  const ask = async (query: string) => (prometheus === undefined ? undefined : await queryPrometheus(client, prometheus, query, signal));
  const matching = (slot: Slot) => `namespace="${namespace}",pod=~"${app}-${slot}-.*"`;

  return {
    pods: async (slot) => {
      const [deployment, pods] = await Promise.all([client.request("GET", objectPath("apps/v1", "deployments", namespace, `${app}-${slot}`), { signal }), podsOf(slot)]);
      return {
        wanted: numberAt(deployment, "spec", "replicas"),
        ready: numberAt(deployment, "status", "readyReplicas"),
        restarts: pods.flatMap((pod) => listAt(pod, "status", "containerStatuses")).reduce((sum, status) => sum + numberAt(status, "restartCount"), 0),
        limits: limitsOf(pods),
      };
    },
    traffic: async (slot) => {
      if (prometheus === undefined) return await countPods(client, namespace, await podsOf(slot), signal);
      const names = readNames.join("|");
      const found = await ask(`{__name__=~"${names}",${matching(slot)}}`);
      const [age] = (await ask(`time() - max(timestamp(up{${matching(slot)}}) and (up{${matching(slot)}} == 1))`)) ?? [];
      // An old value is no value: the target may have been away for minutes.
      return found === undefined || age === undefined || Number(age.value[1]) > patienceSeconds ? undefined : countersOf(readingsOf(found));
    },
    baseline: async (slot) => {
      const [requests, errors] = await Promise.all(["", `,status=~"5.."`].map(async (more) => await ask(`sum(increase(${metricNames.requests}{${matching(slot)}${more}}[${baselineWindow}]))`)));
      const [all] = requests ?? [];
      if (all === undefined) return undefined;
      return { requests: Math.round(Number(all.value[1])), errors: Math.round(Number(errors?.[0]?.value[1] ?? 0)) };
    },
  };
}

const served = (pod: JsonMap): JsonMap | undefined => listAt(pod, "spec", "containers").find((container) => httpPort(container) !== undefined);
const httpPort = (container: JsonMap | undefined): JsonMap | undefined => listAt(container, "ports").find(({ name }) => name === "http");

/** What the containers that answer may use. */
function limitsOf(pods: readonly JsonMap[]): Limits {
  const all = pods.map((pod) => mapAt(served(pod), "resources", "limits"));
  const cpu = all.map((limits) => parseQuantity(limits["cpu"]));
  const memory = parseQuantity(all[0]?.["memory"]);
  return { ...(cpu.length > 0 && cpu.every((cores) => cores !== undefined) && { cpu: cpu.reduce((sum, cores) => sum + cores, 0) }), ...(memory !== undefined && { memory }) };
}

/** The pods' own counters, through the API server; undefined when one does not answer, for half of the answers are none. */
async function countPods(client: ApiClient, namespace: string, pods: readonly JsonMap[], signal: AbortSignal): Promise<Counters | undefined> {
  if (pods.length === 0) return undefined;
  const texts = await Promise.all(
    pods.map(async (pod) => {
      const port = httpPort(served(pod));
      const name = `${textAt(pod, "metadata", "name")}:${numberAt(port, "containerPort")}`;
      return await client.text("GET", `/api/v1/namespaces/${namespace}/pods/${name}/proxy/metrics`, { signal }).catch(() => undefined); // away: judged by how long
    }),
  );
  return texts.includes(undefined) ? undefined : countersOf(texts.flatMap((text) => parseReadings(text ?? "")));
}

const answer = z.object({
  status: z.literal("success"),
  data: z.object({ result: z.array(z.object({ metric: z.record(z.string(), z.string()), value: z.tuple([z.number(), z.string()]) })) }),
});

/** An instant query; undefined when Prometheus is away or answers with something else. Addresses inside the cluster go through the API server. */
async function queryPrometheus(client: ApiClient, address: string, query: string, signal: AbortSignal): Promise<z.output<typeof answer>["data"]["result"] | undefined> {
  const url = new URL(address);
  const [name, namespace, ...rest] = url.hostname.split(".");
  const inside = namespace !== undefined && (rest.length === 0 || rest[0] === "svc");
  const path = `${url.pathname.replace(/\/$/, "")}/api/v1/query`;
  try {
    if (inside) {
      const proxy = `/api/v1/namespaces/${namespace}/services/${name}:${url.port || "80"}/proxy${path}`;
      return answer.parse(await client.request("GET", proxy, { query: { query }, signal })).data.result;
    }
    const asked = new URL(path, url);
    asked.searchParams.set("query", query);
    const response = await fetch(asked, { signal: AbortSignal.any([signal, AbortSignal.timeout(5000)]) });
    return answer.parse(await response.json()).data.result;
  } catch {
    signal.throwIfAborted();
    return undefined; // away, slow or not Prometheus: it can't judge, and that is said by the judgement
  }
}
