import assert from "node:assert/strict";
import { add } from "../../cluster/add.ts";
import { down } from "../../cluster/down.ts";
import type { Node } from "../../cluster/node.ts";
import { app, ask, canary, deployment, freePort, gateway, hostname, metricTemplate, namespace, prometheus, type Traffic, traffic } from "./canaryWorld.ts";
import { apply, eventually, kubectl, loadProbe, pod, start } from "./world.ts";

const name = "test-canary";
const silent = (): void => undefined;

interface Target {
  labels: Record<string, string>;
  health: string;
  lastError: string;
}

/** What runs, by identity: unchanged objects and pods that were not started anew look the same. */
async function everything(node: Node): Promise<string> {
  const kinds = "deployments,pods,services,networkpolicies,serviceaccounts,configmaps,poddisruptionbudgets";
  const path = "jsonpath={range .items[*]}{.kind} {.metadata.namespace}/{.metadata.name} {.metadata.uid} {.metadata.generation}{'\\n'}{end}";
  const texts = [];
  for (const home of ["traefik", "monitoring", "flagger-system"]) texts.push(await node.kubectl(["get", kinds, `--namespace=${home}`, `--output=${path}`]));
  texts.push(await node.kubectl(["get", "customresourcedefinitions,clusterroles,gatewayclasses", `--output=${path}`]));
  return texts.join("\n");
}

describe("what judges a canary, on the local cluster", function () {
  this.timeout(1_800_000);
  let node: Node;
  let port: number;
  let load: Traffic | undefined;

  const phase = async (): Promise<string> => (await kubectl(node, "get", "canary", app, `--namespace=${namespace}`, "--output=jsonpath={.status.phase}")).stdout;
  const events = async (): Promise<string> => await node.kubectl(["logs", "deployment/flagger", "--namespace=flagger-system", "--tail=40"]);
  const becomes = async (wanted: string): Promise<void> => {
    await eventually(`the canary is ${wanted}`, async () => ((await phase()) === wanted ? true : undefined), 600_000).catch(async (error: unknown) => {
      throw new Error(`${String(error)}\n${await events()}`);
    });
  };
  /** The samples of a query, as soon as there are any. */
  const samples = async (query: string): Promise<{ metric: Record<string, string>; value: [number, string] }[]> =>
    await eventually(`samples of ${query}`, async () => {
      const { result } = (await prometheus(node, `query?query=${encodeURIComponent(query)}`)) as { result: { metric: Record<string, string>; value: [number, string] }[] };
      return result.length > 0 ? result : undefined;
    });

  before(async () => {
    await down(name, true, silent);
    port = await freePort();
    node = await start(name, { forwards: [{ listen: port, target: "10.245.0.1:30080" }] });
    await loadProbe(node);
    await add("canary", name, "local", silent);
    await apply(node, { apiVersion: "v1", kind: "Namespace", metadata: { name: namespace } });
  });
  after(async () => {
    await load?.stop();
    await down(name, true, silent);
  });

  it("runs: one Flagger, one Prometheus, two Traefiks; the definitions are of the pinned versions", async () => {
    const replicas = async (home: string): Promise<string> => await node.kubectl(["get", "deployments", `--namespace=${home}`, "--output=jsonpath={.items[*].metadata.name} {.items[*].status.readyReplicas}"]);
    await eventually("both Traefiks are ready", async () => ((await replicas("traefik")) === "traefik 2" ? true : undefined));
    assert.equal(await replicas("monitoring"), "prometheus 1");
    assert.equal(await replicas("flagger-system"), "flagger 1");
    const version = await node.kubectl(["get", "crd", "gateways.gateway.networking.k8s.io", "--output=jsonpath={.metadata.annotations.gateway\\.networking\\.k8s\\.io/bundle-version}"]);
    assert.equal(version, "v1.4.0");
  });

  it("added again, changes nothing", async () => {
    const before = await everything(node);
    await add("canary", name, "local", silent);
    assert.equal(await everything(node), before);
  });

  it("what was deleted comes back", async () => {
    await node.kubectl(["delete", "deployment/flagger", "clusterrole/rlhf-audit-trail:flagger", "--namespace=flagger-system"]);
    await add("canary", name, "local", silent);
    await node.kubectl(["wait", "--for=condition=Available", "deployment/flagger", "--namespace=flagger-system", "--timeout=180s"]);
  });

  it("a Gateway of its class is programmed", async () => {
    await apply(node, gateway);
    await node.kubectl(["wait", "--for=condition=Programmed", "gateway/entrance", `--namespace=${namespace}`, "--timeout=180s"]);
  });

  it("Flagger sets a canary up, and the Gateway carries its requests", async () => {
    await apply(node, deployment("one", 200), metricTemplate, canary);
    await becomes("Initialized");
    // Each Traefik learns of the route by itself, up to two seconds after the other; connections reach either.
    let inARow = 0;
    await eventually("both Traefiks know the route", async () => {
      const got = await ask(port).catch(() => undefined);
      inARow = got?.status === 200 && got.text === "one" ? inARow + 1 : 0;
      return inARow === 40 ? true : undefined;
    });
    load = traffic(port);
  });

  it("Prometheus finds what there is: the kubelet, both Traefiks, Flagger and the application's pods, all up", async () => {
    const jobs = await eventually("all targets are up", async () => {
      const { activeTargets } = (await prometheus(node, "targets?state=active")) as { activeTargets: Target[] };
      const found = activeTargets.map(({ labels }) => labels.app ?? labels.job ?? "").sort();
      const all = ["cadvisor", "flagger", "traefik", "traefik", `${app}-primary`].sort();
      return activeTargets.every(({ health }) => health === "up") && JSON.stringify(found) === JSON.stringify(all) ? found : undefined;
    });
    assert.equal(jobs.length, 5);
  });

  it("its series carry namespace and pod, as the metric templates ask: requests, CPU, memory, and Traefik's own counters", async () => {
    const own = `namespace="${namespace}",pod=~"${app}-primary-.*"`;
    for (const series of [`http_requests_total{${own},status="200"}`, `container_cpu_usage_seconds_total{${own},container="${app}"}`, `container_memory_working_set_bytes{${own},container="${app}"} > 0`, `traefik_service_requests_total{namespace="traefik",service=~".*${app}-primary.*"}`]) {
      assert.ok((await samples(series)).length > 0);
    }
  });

  it("a Traefik goes, then all are replaced, and no request fails", async () => {
    const carried = async (what: () => Promise<unknown>): Promise<void> => {
      await what();
      await eventually("both Traefiks are ready", async () => ((await kubectl(node, "get", "deployment", "traefik", "--namespace=traefik", "--output=jsonpath={.status.readyReplicas}")).stdout === "2" ? true : undefined));
      const asked = load?.versions.get("one") ?? 0;
      await eventually("both have carried requests again", async () => ((load?.versions.get("one") ?? 0) > asked + 200 ? true : await beat()));
    };
    const names = (await node.kubectl(["get", "pods", "--namespace=traefik", "--output=jsonpath={.items[*].metadata.name}"])).split(" ");
    await carried(async () => await node.kubectl(["delete", "pod", names[0] ?? "", "--namespace=traefik"]));
    await carried(async () => {
      await node.kubectl(["rollout", "restart", "deployment/traefik", "--namespace=traefik"]);
      await node.kubectl(["rollout", "status", "deployment/traefik", "--namespace=traefik", "--timeout=180s"]);
    });
    assert.deepEqual(load?.bad, []);
  });

  it("nobody else reaches Prometheus, Flagger or Traefik's metrics, and these answer whom they are for", async () => {
    await load?.stop();
    await apply(node, pod({ namespace, name: "stranger", command: ["serve", "8080", "9053"] }));
    await node.kubectl(["wait", "--for=condition=Ready", "pod/stranger", `--namespace=${namespace}`, "--timeout=180s"]);
    for (const [home, selector, number] of [["monitoring", "app=prometheus", 9090], ["flagger-system", "app=flagger", 8080], ["traefik", "app=traefik", 9100]] as const) {
      const address = await node.kubectl(["get", "pods", `--namespace=${home}`, `--selector=${selector}`, "--output=jsonpath={.items[0].status.podIP}"]);
      const result = await kubectl(node, "exec", "stranger", `--namespace=${namespace}`, "--", "/probe", "first", `${address}:${number}`);
      assert.match(result.stdout, /^opened 0 of /, `${home} is open to ${hostname}'s namespace`);
    }
    const [first] = (await node.kubectl(["get", "pods", "--namespace=traefik", "--output=jsonpath={.items[*].status.podIP}"])).split(" ");
    // The same program opens the way that is meant for everybody: the refusals above are the policies'.
    assert.match((await kubectl(node, "exec", "stranger", `--namespace=${namespace}`, "--", "/probe", "first", `${first ?? ""}:80`)).stdout, /^opened [1-9]/);
  });

  it("a Traefik that knows no routes yet takes no requests", async () => {
    const ready = async (wanted: string): Promise<void> => {
      await eventually(`${wanted || "no"} Traefiks are ready`, async () => ((await kubectl(node, "get", "deployment", "traefik", "--namespace=traefik", "--output=jsonpath={.status.readyReplicas}")).stdout === wanted ? true : undefined));
    };
    const known = JSON.parse(await node.kubectl(["get", "httproute", "ready", "--namespace=traefik", "--output=json"])) as { metadata: object; spec: object };
    await node.kubectl(["delete", "httproute", "ready", "--namespace=traefik"]);
    await ready("");
    await apply(node, { ...known, metadata: { name: "ready", namespace: "traefik" } });
    await ready("2");
  });
});

/** Lets the traffic run on before the next look. */
async function beat(): Promise<undefined> {
  await new Promise((resolve) => setImmediate(resolve));
}
