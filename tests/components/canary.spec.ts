import assert from "node:assert/strict";
import * as pulumi from "@pulumi/pulumi";
import { type AnalysisArgs, type CanaryArgs, releaseGates } from "../../components/index.ts";
import { canaryAnalysis, canaryTraffic, objectionsToAnalysis } from "../../components/canaryAnalysis.ts";
import { canaryMetrics } from "../../components/metricTemplates.ts";
import { build } from "./canaryStack.ts";
import { type Inputs, type Registered, at, bothWays, isAfter, objectAt, one, valueOf, without } from "./mocks.ts";

const specOf = async (more: Partial<CanaryArgs>) => one((await build(more, false)).registered, "Canary", "audit-canary").inputs["spec"] as Inputs;
const timeouts = { compliance: { timeout: "5s" }, security: { timeout: "10s" }, performance: { timeout: "10s" } };

for (const { title, preview } of bothWays) {
  describe(`Canary ${title}`, () => {
    it("makes the target with an autoscaler and no replicas, and nothing that Flagger makes", async () => {
      const { registered } = await build({}, preview);
      const kinds = registered.map(({ type, name }) => `${type.split(":").at(-1)} ${name}`).sort();
      assert.deepEqual(
        kinds,
        [
          "Canary audit",
          "Canary audit-canary",
          "Deployment audit-workload-deployment",
          "HorizontalPodAutoscaler audit-autoscaler",
          ...["cpu-usage", "memory-usage", "request-count", "latency", "success-rate"].map(
            (metric) => `MetricTemplate audit-metric-${metric}`,
          ),
          "PodDisruptionBudget audit-workload-disruption-budget",
          "ReleaseLock audit-lock",
          "ServiceAccount audit-workload-service-account",
          "ValidatingAdmissionPolicy audit-lock-policy",
          "ValidatingAdmissionPolicyBinding audit-lock-binding",
          "Workload audit-workload",
        ].sort(),
      );
      const spec = objectAt(one(registered, "Deployment").inputs, "spec");
      assert(!("replicas" in spec));
      assert.deepEqual(spec["selector"], { matchLabels: { app: "audit" } });
    });

    it("comes after everything that it refers to", async () => {
      const { registered } = await build({}, preview);
      const canary = one(registered, "Canary", "audit-canary");
      const before = registered.filter(({ type }) => /:(Deployment|HorizontalPodAutoscaler|MetricTemplate)$/.test(type));
      assert.equal(before.length, 7);
      for (const resource of before) assert(isAfter(registered, canary, resource), resource.name);
    });

    it("lets every child be edited", async () => {
      const edit = { metadata: { labels: { edited: "yes" } } };
      const { registered } = await build(
        { transform: { serviceAccount: edit, deployment: edit, podDisruptionBudget: edit, autoscaler: edit, metricTemplate: edit, canary: edit, load: edit, lock: edit, lockBinding: edit }, load: {} },
        preview,
      );
      const made = registered.filter(({ type }) => type.startsWith("kubernetes:"));
      assert.equal(made.length, 13);
      for (const { inputs, name } of made) assert.deepEqual(at(inputs, "metadata"), edit.metadata, name);
    });
  });
}

describe("The Canary", () => {
  it("is the seed's, with every field where Flagger looks for it", async () => {
    const spec = await specOf({ analysis: { gates: releaseGates("gates", timeouts) } });
    const metric = (name: string, thresholdRange: object, interval: string) => ({ name, templateRef: { name: `audit-${name}` }, thresholdRange, interval });
    const hook = (gate: string, type: string, url: string, timeout: string, name = `${gate}-${type}`) => ({
      name,
      type,
      url,
      timeout,
      metadata: { gate, hook: type },
    });
    assert.deepEqual(spec, {
      provider: "gatewayapi:v1",
      targetRef: { apiVersion: "apps/v1", kind: "Deployment", name: "audit" },
      autoscalerRef: { apiVersion: "autoscaling/v2", kind: "HorizontalPodAutoscaler", name: "audit" },
      progressDeadlineSeconds: 60,
      revertOnDeletion: true,
      service: {
        name: "audit",
        port: 80,
        portName: "http",
        targetPort: "http",
        gatewayRefs: [{ group: "gateway.networking.k8s.io", kind: "Gateway", name: "audit", namespace: "staging", sectionName: "https" }],
        hosts: ["audit.example.com"],
      },
      analysis: {
        interval: "30s",
        threshold: 5,
        maxWeight: 50,
        stepWeight: 10,
        metrics: [
          metric("request-count", { min: 20 }, "1m"),
          metric("success-rate", { min: 99 }, "1m"),
          metric("latency", { max: 500 }, "30s"),
          metric("cpu-usage", { max: 80 }, "1m"),
          metric("memory-usage", { max: 85 }, "1m"),
        ],
        webhooks: [
          hook("compliance", "pre-rollout", "http://compliance-service.gates/validate", "5s"),
          hook("compliance", "confirm-promotion", "http://compliance-service.gates/validate", "5s"),
          hook("security", "pre-rollout", "http://security-service.gates/scan", "10s"),
          hook("security", "confirm-promotion", "http://security-service.gates/scan", "10s"),
          hook("performance", "rollout", "http://performance-service.gates/validate", "10s", "performance"),
          hook("record", "event", "http://compliance-service.gates/event", "2s", "record"),
        ],
      },
    });
  });

  it("asks for an approval where one is wanted, and proves itself by a token that nobody sees", async () => {
    const gates = releaseGates("gates", { ...timeouts, approval: { timeout: "3s" }, token: pulumi.secret("a token/with &") });
    const approval = gates.find(({ name }) => name === "approval");
    assert.deepEqual(approval?.hooks, ["confirm-promotion"]);
    for (const { url } of gates) {
      assert(await pulumi.isSecret(pulumi.output({ url })));
      assert.match(await valueOf(url), /^http:\/\/[a-z]+-service\.gates\/[a-z]+\?token=a%20token%2Fwith%20%26$/);
    }
    assert.equal(gates.find(({ hooks }) => hooks.includes("confirm-promotion"))?.name, "approval", "what is waited for is named first");
    assert.equal(releaseGates("gates", timeouts).find(({ name }) => name === "approval"), undefined);
  });

  it("gives no measure the name of one that Flagger has built in: it would ask its own query", () => {
    const source = { address: "a", container: "c", cpuCores: 1, memoryBytes: 1, servicePort: 80 };
    for (const { name } of canaryMetrics({}, source)) assert(!["request-success-rate", "request-duration"].includes(name), name);
  });

  it("counts by the data plane where the application does not", async () => {
    const { registered } = await build({ analysis: { metrics: { counters: "traefik" } }, servicePort: 8081 }, false);
    const query = (name: string) => at(one(registered, "MetricTemplate", `audit-metric-${name}`).inputs, "spec.query");
    const service = 'service=~"{{ namespace }}-{{ target }}-canary-http-8081@kubernetesgateway"';
    assert.equal(query("request-count"), `sum(increase(traefik_service_requests_total{${service}}[{{ interval }}]))`);
    assert.equal(
      query("success-rate"),
      `100 * (sum(rate(traefik_service_requests_total{${service},code!~"5.*"}[{{ interval }}])) or vector(0)) / sum(rate(traefik_service_requests_total{${service}}[{{ interval }}]))`,
    );
    assert.match(String(query("latency")), /sum by \(le\) \(rate\(traefik_service_request_duration_seconds_bucket\{service=/);
    assert.match(String(query("cpu-usage")), /container_cpu_usage_seconds_total/);
  });

  it("waits long enough for a verdict", async () => {
    const timeouts = async (analysis: AnalysisArgs) => one((await build({ analysis }, false)).registered, "Canary", "audit-canary").customTimeouts;
    assert.deepEqual(await timeouts({ interval: "10s", threshold: 2 }), { create: "600s", update: "600s" });
    assert.deepEqual(await timeouts({ interval: "2m", threshold: 2, progressDeadline: "5m" }), { create: "3480s", update: "3480s" });
  });

  it("waits for Flagger when it is made, and is touched by every release", async () => {
    const annotations = async (more: Partial<CanaryArgs>) =>
      at(one((await build(more, false)).registered, "Canary", "audit-canary").inputs, "metadata.annotations") as Inputs;
    const first = await annotations({});
    assert.equal(first["pulumi.com/waitFor"], "condition=Promoted");
    const hash = "rlhf-audit-trail.dev/template-hash";
    assert.equal((await annotations({}))[hash], first[hash]);
    assert.notEqual((await annotations({ logLevel: "DEBUG" }))[hash], first[hash]);
  });

  it("scales between 3 and 6 pods at 70 % unless told otherwise", async () => {
    const scaling = async (more: Partial<CanaryArgs>) => one((await build(more, false)).registered, "HorizontalPodAutoscaler").inputs["spec"] as Inputs;
    const cpu = (averageUtilization: number) => [{ type: "Resource", resource: { name: "cpu", target: { type: "Utilization", averageUtilization } } }];
    const scaleTargetRef = { apiVersion: "apps/v1", kind: "Deployment", name: "audit" };
    assert.deepEqual(await scaling({}), { scaleTargetRef, minReplicas: 3, maxReplicas: 6, metrics: cpu(70) });
    assert.deepEqual(await scaling({ autoscaling: { minReplicas: 5, maxReplicas: 9, cpuUtilization: 50 } }), {
      scaleTargetRef,
      minReplicas: 5,
      maxReplicas: 9,
      metrics: cpu(50),
    });
  });

  it("measures the canary's pods and not the primary's, as shares of the container's own limits", async () => {
    const { registered } = await build({ resources: { limits: { cpu: "500m", memory: "512Mi" } } }, false);
    const spec = (name: string) => objectAt(one(registered, "MetricTemplate", `audit-metric-${name}`).inputs, "spec");
    const pods = 'namespace="{{ namespace }}",pod=~"{{ target }}-[0-9a-zA-Z]+(-[0-9a-zA-Z]+)"';
    assert.deepEqual(spec("cpu-usage"), {
      provider: { type: "prometheus", address: "http://prometheus.monitoring:9090" },
      query: `100 * max(sum by (pod) (rate(container_cpu_usage_seconds_total{${pods},container="audit"}[{{ interval }}]))) / 0.5`,
    });
    assert.match(spec("memory-usage").query as string, / \/ 536870912$/);
    assert.match(spec("latency").query as string, /histogram_quantile\(0\.99,/);
    assert.match(spec("success-rate").query as string, /status!~"5\.\*".* or vector\(0\)\) \/ sum\(rate\(/);
    // Prometheus anchors what it matches.
    const expression = new RegExp(`^${/pod=~"\{\{ target \}\}(.*)"/.exec(pods)![1]!.replace(/^/, "audit")}$`);
    assert(expression.test("audit-6d4b75cb6d-x2x9q"));
    assert(!expression.test("audit-primary-6d4b75cb6d-x2x9q"));
  });

  it("does A/B tests, mirroring and sticky sessions", () => {
    const fields = (traffic: AnalysisArgs["traffic"]) => {
      return without(canaryAnalysis({ traffic }, []), "metrics", "webhooks", "interval", "threshold");
    };
    assert.deepEqual(fields({ kind: "abTest", headers: { "x-canary": { exact: "insider" } }, iterations: 4 }), {
      iterations: 4,
      match: [{ headers: { "x-canary": { exact: "insider" } } }],
    });
    assert.deepEqual(fields({ kind: "mirror", iterations: 3 }), { iterations: 3, mirror: true });
    assert.deepEqual(fields({ kind: "weights", sessionAffinity: { cookieName: "version" } }), {
      maxWeight: 50,
      stepWeight: 10,
      sessionAffinity: { cookieName: "version", maxAge: 86_400, path: "/", httpOnly: true, sameSite: "Lax", secure: false },
    });
  });

  it("takes of a configuration's traffic what belongs to the chosen kind", () => {
    const all = { maxWeight: 40, stepWeight: 20, iterations: 3, header: { name: "x-canary", value: "insider" }, sessionAffinity: { enabled: false, cookieName: "version", maxAge: "2h" } };
    assert.deepEqual(canaryTraffic({ ...all, kind: "weights" }, true), { kind: "weights", maxWeight: 40, stepWeight: 20 });
    assert.deepEqual(canaryTraffic({ ...all, kind: "weights", sessionAffinity: { ...all.sessionAffinity, enabled: true } }, true), {
      kind: "weights",
      maxWeight: 40,
      stepWeight: 20,
      sessionAffinity: { cookieName: "version", maxAgeSeconds: 7_200, secure: true },
    });
    assert.deepEqual(canaryTraffic({ ...all, kind: "abTest" }, true), { kind: "abTest", iterations: 3, headers: { "x-canary": { exact: "insider" } } });
    assert.deepEqual(canaryTraffic({ ...all, kind: "mirror" }, true), { kind: "mirror", iterations: 3 });
  });

  it("never asks at confirm-rollout and never skips the analysis, whatever it is given", async () => {
    const text = JSON.stringify(await specOf({ analysis: { gates: releaseGates("gates", timeouts) } }));
    assert(!text.includes("confirm-rollout") && !text.includes("skipAnalysis"));
  });
});

describe("Canary refuses", () => {
  const gate = (name: string, hooks: string[], timeout: string, retries?: number) => ({
    name,
    url: "http://gate",
    hooks: hooks as ["rollout"],
    timeout,
    ...(retries === undefined ? {} : { retries }),
  });
  const table: [title: string, analysis: AnalysisArgs, path: string][] = [
    ["weights that miss the maximum", { traffic: { kind: "weights", maxWeight: 50, stepWeight: 15 } }, "traffic.stepWeight"],
    ["a weight above all traffic", { traffic: { kind: "weights", maxWeight: 110 } }, "traffic.maxWeight"],
    ["a step of nothing", { traffic: { kind: "weights", stepWeight: 0 } }, "traffic.stepWeight"],
    ["an A/B test without a header", { traffic: { kind: "abTest", headers: {}, iterations: 3 } }, "traffic.headers"],
    ["a test without a tick", { traffic: { kind: "mirror", iterations: 0 } }, "traffic.iterations"],
    ["an interval below Flagger's", { interval: "5s" }, "interval"],
    ["a duration that the CRD refuses", { interval: "1h" }, "interval"],
    ["a threshold of none", { threshold: 0 }, "threshold"],
    ["a deadline that no pod can meet", { interval: "60s", progressDeadline: "90s" }, "progressDeadline"],
    ["a share above 100 %", { metrics: { cpu: { max: 120 } } }, "metrics.cpu.max"],
    ["a quantile in percent", { metrics: { latency: { quantile: 99 } } }, "metrics.latency.quantile"],
    ["a latency that is no duration", { metrics: { latency: { max: "500" } } }, "metrics.latency.max"],
    ["a judgement without requests", { metrics: { requests: { min: 0 } } }, "metrics.requests.min"],
    ["a window shorter than a tick", { metrics: { successRate: { interval: "10s" } } }, "metrics.successRate.interval"],
    [
      "the seed's timeouts, which never fit a tick",
      { gates: [gate("compliance", ["pre-rollout"], "30s"), gate("security", ["pre-rollout"], "120s")] },
      "gates",
    ],
    ["retries that hold the tick up", { gates: [gate("performance", ["rollout"], "9s", 2)] }, "gates"],
    ["gates that fit one by one but not at the last weight", { gates: [gate("a", ["rollout"], "15s"), gate("b", ["confirm-promotion"], "15s")] }, "gates"],
    ["two gates of one name", { gates: [gate("a", ["rollout"], "1s"), gate("a", ["rollout"], "1s")] }, "gates.name"],
    ["a gate that is never asked", { gates: [gate("a", [], "1s")] }, "gates.a.hooks"],
    ["a timeout that the CRD refuses", { gates: [gate("a", ["rollout"], "1500ms")] }, "gates.a.timeout"],
  ];
  for (const [title, analysis, path] of table) {
    it(title, async () => {
      assert.deepEqual(
        objectionsToAnalysis(analysis).map((objection) => objection.path),
        [path],
      );
      await assert.rejects(build({ analysis }, true), (error: Error) => error.message.startsWith(`Canary audit: ${path} is `));
    });
  }

  it("an autoscaler that can't scale", async () => {
    await assert.rejects(build({ autoscaling: { minReplicas: 4, maxReplicas: 3 } }, true), {
      message: /^Canary audit: autoscaling is 4 to 3, must be two whole numbers from 1, in order\./,
    });
  });

  it("nothing that is the default", () => {
    assert.deepEqual(objectionsToAnalysis({}), []);
    assert.deepEqual(objectionsToAnalysis({ gates: releaseGates("gates", timeouts) }), []);
  });
});

describe("Flagger's primary pods", () => {
  it("are covered by the disruption budget: it selects by a label that Flagger keeps", async () => {
    const { registered } = await build({}, false);
    const budget = at(one(registered, "PodDisruptionBudget").inputs, "spec.selector.matchLabels") as Inputs;
    const labels: Inputs = { ...podsOf(registered), app: "audit-primary" };
    for (const [key, value] of Object.entries(budget)) assert.equal(labels[key], value);
  });
});

function podsOf(registered: readonly Registered[]): object {
  return at(one(registered, "Deployment").inputs, "spec.template.metadata.labels") as object;
}
