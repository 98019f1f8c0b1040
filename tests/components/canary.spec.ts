import assert from "node:assert/strict";
import fc from "fast-check";
import { type AnalysisArgs, Canary, type CanaryArgs, releaseGates } from "../../components/index.ts";
import { canaryAnalysis, objectionsToAnalysis, timesOf } from "../../components/canaryAnalysis.ts";
import { type Inputs, type Registered, at, bothWays, isAfter, objectAt, one, underMocks, without } from "./mocks.ts";

const args: CanaryArgs = {
  app: "audit",
  namespace: "staging",
  environment: "staging",
  secretName: "rlhf-secrets",
  image: `ghcr.io/terragonlabs/rlhf-audit-trail@sha256:${"a".repeat(64)}`,
  gateway: { name: "audit", namespace: "staging", sectionName: "https", hosts: ["audit.example.com"] },
  prometheus: "http://prometheus.monitoring:9090",
};
const build = (more: Partial<CanaryArgs>, preview: boolean) => underMocks(() => new Canary("audit", { ...args, ...more }), { preview });
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
          ...["cpu-usage", "memory-usage", "request-count", "request-duration", "request-success-rate"].map(
            (metric) => `MetricTemplate audit-metric-${metric}`,
          ),
          "PodDisruptionBudget audit-workload-disruption-budget",
          "ServiceAccount audit-workload-service-account",
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
        { transform: { serviceAccount: edit, deployment: edit, podDisruptionBudget: edit, autoscaler: edit, metricTemplate: edit, canary: edit } },
        preview,
      );
      const made = registered.filter(({ type }) => type.startsWith("kubernetes:"));
      assert.equal(made.length, 10);
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
          metric("request-success-rate", { min: 99 }, "1m"),
          metric("request-duration", { max: 500 }, "30s"),
          metric("cpu-usage", { max: 80 }, "1m"),
          metric("memory-usage", { max: 85 }, "1m"),
        ],
        webhooks: [
          hook("compliance", "pre-rollout", "http://compliance-service.gates/validate", "5s"),
          hook("compliance", "confirm-promotion", "http://compliance-service.gates/validate", "5s"),
          hook("security", "pre-rollout", "http://security-service.gates/scan", "10s"),
          hook("security", "confirm-promotion", "http://security-service.gates/scan", "10s"),
          hook("performance", "rollout", "http://performance-service.gates/validate", "10s", "performance"),
        ],
      },
    });
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
    assert.match(spec("request-duration").query as string, /histogram_quantile\(0\.99,/);
    assert.match(spec("request-success-rate").query as string, /status!~"5\.\*".* or vector\(0\)\) \/ sum\(rate\(/);
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
      sessionAffinity: { cookieName: "version", maxAge: 86_400 },
    });
  });

  it("never asks at confirm-rollout and never skips the analysis, whatever it is given", async () => {
    const text = JSON.stringify(await specOf({ analysis: { gates: releaseGates("gates", timeouts) } }));
    assert(!text.includes("confirm-rollout") && !text.includes("skipAnalysis"));
  });
});

describe("The canary's ticks", () => {
  it("agree with a real Flagger: interval 10 s, threshold 2, weights 25 and 50", () => {
    assert.deepEqual(timesOf({ interval: "10s", threshold: 2, traffic: { kind: "weights", maxWeight: 50, stepWeight: 25 } }), {
      promoteSeconds: 50,
      rollBackSeconds: 40,
      exposureSeconds: 30,
    });
  });

  it("agree with a run of Flagger's loop, tick by tick", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 10, max: 120 }),
        fc.integer({ min: 1, max: 20 }),
        fc.integer({ min: 1, max: 10 }),
        fc.integer({ min: 1, max: 10 }),
        (interval, threshold, stepWeight, steps) => {
          const times = timesOf({ interval: `${interval}s`, threshold, traffic: { kind: "weights", maxWeight: steps * stepWeight, stepWeight } });
          assert.equal(times.promoteSeconds, loop({ steps, threshold, bad: false }).end * interval);
          const bad = loop({ steps, threshold, bad: true });
          assert.equal(times.rollBackSeconds, bad.end * interval);
          assert.equal(times.exposureSeconds, (bad.end - bad.firstTraffic) * interval);
        },
      ),
    );
  });
});

/** Flagger's loop, reduced to its ticks: the first finds the pods ready, checks run under traffic only, failures act one tick later. */
function loop({ steps, threshold, bad }: { steps: number; threshold: number; bad: boolean }): { end: number; firstTraffic: number } {
  let [weight, failed, firstTraffic] = [0, 0, 0];
  for (let tick = 1; ; tick++) {
    if (failed >= threshold) return { end: tick, firstTraffic };
    if (weight > 0 && bad) failed++;
    else if (weight < steps) weight++;
    // Promoting now, then Finalising, then Succeeded.
    else return { end: tick + 2, firstTraffic };
    if (weight === 1 && firstTraffic === 0) firstTraffic = tick;
  }
}

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
