import assert from "node:assert/strict";
import { openSource, type Source } from "../../delivery/bakeSource.ts";
import type { ApiClient, RequestParts } from "../../engine/kubernetes/client.ts";
import type { JsonMap } from "../../engine/kubernetes/objects.ts";

const metrics = (requests: number, errors: number): string => `# HELP http_requests_total Requests
http_requests_total{method="GET",status="200",route="/a \\"b\\""} ${requests - errors}
http_requests_total{method="GET",status="503"} ${errors}
http_request_duration_seconds_sum{route="/"} 12.5
http_request_duration_seconds_bucket{le="0.1"} 90
http_request_duration_seconds_bucket{le="2"} 99
http_request_duration_seconds_bucket{le="+Inf"} ${requests}
process_cpu_seconds_total 40
process_resident_memory_bytes 1e+08
nodejs_version_info{version="v24"} 1
`;

const pod = (name: string, more: JsonMap = {}): JsonMap => ({
  metadata: { name, ...(more["metadata"] as JsonMap | undefined) },
  spec: { containers: [{ name: "sidecar" }, { name: "app", ports: [{ name: "http", containerPort: 8000 }], resources: { limits: { cpu: "500m", memory: "512Mi" } } }] },
  status: { containerStatuses: [{ restartCount: 2 }, { restartCount: 1 }] },
});

interface Cluster {
  pods?: JsonMap[];
  metrics?: Readonly<Record<string, string>>;
  /** Prometheus' answers by the begin of the query. */
  prometheus?: readonly (readonly [RegExp, readonly { metric: Record<string, string>; value: [number, string] }[]])[];
}

const asked: string[] = [];
function source({ pods = [], metrics: texts = {}, prometheus }: Cluster): Source {
  asked.length = 0;
  const client = {
    request: (_method: string, path: string, { query }: RequestParts): Promise<JsonMap> => {
      asked.push(path);
      if (path.endsWith("/deployments/audit-green")) return Promise.resolve({ spec: { replicas: 3 }, status: { readyReplicas: 2 } });
      if (path.endsWith("/pods")) return Promise.resolve({ items: pods });
      const found = prometheus?.find(([begin]) => begin.test(String(query?.["query"])));
      return found === undefined ? Promise.reject(new Error("away")) : Promise.resolve({ status: "success", data: { result: found[1] } } as unknown as JsonMap);
    },
    text: (_method: string, path: string): Promise<string> => {
      const [, name = ""] = /pods\/([^:]+):8000\/proxy\/metrics$/.exec(path) ?? [];
      const text = texts[name];
      return text === undefined ? Promise.reject(new Error("away")) : Promise.resolve(text);
    },
  } as unknown as ApiClient;
  return openSource({ client, namespace: "local", app: "audit", prometheus: prometheus === undefined ? undefined : "http://prometheus.monitoring:9090", signal: new AbortController().signal });
}

describe("delivery: what a bake is judged by", () => {
  it("counts the slot's pods: ready, wanted, restarts and limits; a pod that is ending no more", async () => {
    const { pods } = source({ pods: [pod("a"), pod("b"), pod("c", { metadata: { deletionTimestamp: "2026-11-24T00:00:00Z" } })] });
    assert.deepEqual(await pods("green"), { wanted: 3, ready: 2, restarts: 6, limits: { cpu: 1, memory: 512 * 2 ** 20 } });
  });

  it("adds up what the pods themselves count, and takes the fullest memory", async () => {
    const { traffic } = source({ pods: [pod("a"), pod("b")], metrics: { a: metrics(100, 5), b: metrics(200, 10).replace("1e+08", "3e+08") } });
    assert.deepEqual(await traffic("green"), {
      requests: 300,
      errors: 15,
      seconds: 25,
      buckets: [
        [0.1, 180],
        [2, 198],
        [Infinity, 300],
      ],
      cpuSeconds: 80,
      memoryBytes: 3e8,
    });
  });

  it("knows nothing when one pod does not tell, or none is there: half of the answers are none", async () => {
    assert.equal(await source({ pods: [pod("a"), pod("b")], metrics: { a: metrics(100, 5) } }).traffic("green"), undefined);
    assert.equal(await source({}).traffic("green"), undefined);
  });

  it("asks Prometheus through the API server, and takes an old value for none", async () => {
    const series: [number, string][] = [[0, "95"], [0, "5"]];
    const counters = series.map(([time, value], at) => ({ metric: { __name__: "http_requests_total", status: at === 0 ? "200" : "500" }, value: [time, value] as [number, string] }));
    const aged = (age: string) => source({ prometheus: [[/^\{__name__/, counters], [/^time\(\)/, [{ metric: {}, value: [0, age] }]]] });
    assert.deepEqual((await aged("4").traffic("green"))?.errors, 5);
    assert.ok(asked.every((path) => path.startsWith("/api/v1/namespaces/monitoring/services/prometheus:9090/proxy/api/v1/query")));
    assert.equal(await aged("60").traffic("green"), undefined);
    assert.equal(await source({ prometheus: [] }).traffic("green"), undefined, "away");
  });

  it("has the old version's last minutes for a baseline where somebody has watched them", async () => {
    const one = (value: string) => [{ metric: {}, value: [0, value] as [number, string] }];
    const { baseline } = source({ prometheus: [[/status=~"5\.\."/, one("3.2")], [/^sum\(increase/, one("1000.4")]] });
    assert.deepEqual(await baseline("blue"), { requests: 1000, errors: 3 });
    assert.equal(await source({ pods: [pod("a")] }).baseline("blue"), undefined);
  });
});
