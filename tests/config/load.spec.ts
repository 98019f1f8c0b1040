import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { parse } from "yaml";
import { loadStackConfig } from "../../config/load.ts";
import type { StackConfig } from "../../config/stackConfig.ts";
import { validConfiguration } from "./arbitraries.ts";
import { changed, load, local, production, raw, staging, type Written } from "./fixtures.ts";

function stackFile(stack: string): StackConfig {
  const { config } = parse(readFileSync(join(__dirname, "../..", `Pulumi.${stack}.yaml`), "utf8")) as {
    config: Written;
  };
  return load(stack, config);
}

function isDeeplyFrozen(value: unknown): boolean {
  return (
    typeof value !== "object" ||
    value === null ||
    (Object.isFrozen(value) && Object.values(value).every(isDeeplyFrozen))
  );
}

/** What a person would write to get this configuration. */
function written(config: StackConfig): Written {
  return Object.fromEntries(Object.entries(config).filter(([name]) => name !== "stack"));
}

describe("the stack configuration", () => {
  it("has the asked-for values where nothing is written", () => {
    const config = load("production", production);
    assert.deepEqual(
      {
        namespace: config.namespace,
        replicas: config.replicas,
        port: config.port,
        servicePort: config.service.port,
        resources: config.resources,
        logLevel: config.logLevel,
        secret: config.secrets.name,
        refresh: config.secrets.refreshInterval,
        keys: config.secrets.keys,
        database: config.network.database,
        redis: config.network.redis,
        dns: config.network.dns.port,
      },
      {
        namespace: "production",
        replicas: 3,
        port: 8000,
        servicePort: 80,
        resources: { requests: { cpu: "500m", memory: "1Gi" }, limits: { cpu: "2", memory: "4Gi" } },
        logLevel: "INFO",
        secret: "rlhf-secrets",
        refresh: "15m",
        keys: {
          "database-url": { key: "rlhf-audit-trail/database", property: "url" },
          "redis-url": { key: "rlhf-audit-trail/redis", property: "url" },
          "encryption-key": { key: "rlhf-audit-trail/crypto", property: "key" },
        },
        database: { namespace: "database", port: 5432 },
        redis: { namespace: "redis", port: 6379 },
        dns: 53,
      },
    );
    const { interval, threshold, maxWeight, stepWeight, progressDeadline, metrics } = config.canary;
    assert.deepEqual(
      { interval, threshold, maxWeight, stepWeight, progressDeadline },
      { interval: "30s", threshold: 5, maxWeight: 50, stepWeight: 10, progressDeadline: "60s" },
    );
    assert.deepEqual(metrics, {
      counters: "application",
      successRate: { min: 99, interval: "1m" },
      latency: { max: "500ms", interval: "30s" },
      cpu: { max: 80, interval: "1m" },
      memory: { max: 85, interval: "1m" },
      requests: { min: 20, interval: "1m" },
    });
    assert.deepEqual(config.slo, { availability: 99.9, errorRate: 0.1, latencyP95: "500ms" });
  });

  it("fills in what follows from other keys", () => {
    assert.equal(load("local", local).namespace, "local");
    assert.equal(load("local", local).network.gates.namespace, "local");
    const other = load("local", changed(local, { namespace: "audit", "network.gates.namespace": "gates" }));
    assert.deepEqual([other.namespace, other.network.gates.namespace], ["audit", "gates"]);
  });

  it("takes a quantity that the command line stored as a number", () => {
    assert.equal(load("local", changed(local, { "resources.limits.cpu": 3 })).resources.limits.cpu, "3");
  });

  it("leaves the keys of other namespaces alone", () => {
    const config = load("local", changed(local, { "kubernetes:context": "kind", "aws:region": "eu-west-1" }));
    assert.deepEqual(config, load("local", local));
  });

  it("reads the keys of the project that it runs in", () => {
    const { all, ...rest } = raw("local", local);
    const renamed = Object.fromEntries(
      Object.entries(all).map(([key, value]) => [key.replace("rlhf-audit-trail:", "acme:"), value]),
    );
    assert.deepEqual(loadStackConfig({ ...rest, project: "acme", all: renamed }), load("local", local));
  });

  it("is not strict about a stack of another name that is local", () => {
    assert.equal(load("laptop", local).stack, "laptop");
  });

  it("yields every valid configuration, frozen all through, and the same again when it is written down", () => {
    fc.assert(
      fc.property(validConfiguration, ({ stack, written: values }) => {
        const config = load(stack, values);
        assert.ok(isDeeplyFrozen(config));
        assert.deepEqual(load(stack, written(config)), config);
      }),
    );
  });

  it("keeps what was written", () => {
    fc.assert(
      fc.property(fc.integer({ min: 2, max: 5 }), fc.constantFrom("blue", "green"), (replicas, active) => {
        const config = load("production", changed(production, { replicas, "blueGreen.active": active }));
        assert.deepEqual([config.replicas, config.blueGreen.active], [replicas, active]);
      }),
    );
  });

  const limits: readonly (readonly [string, "local" | "staging" | "production", Written])[] = [
    ["a request that equals its limit", "production", { "resources.requests.memory": "4Gi" }],
    ["a quota that two versions fill", "production", { "quota.limits.cpu": "14", "quota.pods": 7 }],
    ["an autoscaler that never scales", "staging", { "autoscaling.maxReplicas": 3 }],
    ["a disruption budget that spares one pod", "production", { "podDisruption.maxUnavailable": 2 }],
    ["two replicas", "production", { replicas: 2 }],
    ["an RSA key of 2048 bits", "production", { "tls.algorithm": "RSA", "tls.keySize": 2048 }],
    ["a renewal just after the beginning", "production", { "tls.renewBefore": "2159h59m59s" }],
    ["gates that leave a second of the tick", "staging", { "canary.gates.security.timeout": "14s" }],
    ["a roll-back of exactly five minutes", "staging", { "canary.threshold": 8 }],
    ["a deadline of exactly two ticks", "staging", { "canary.progressDeadline": "1m" }],
    ["the shortest timeout of a gate", "staging", { "canary.gates.compliance.timeout": "1s" }],
    ["an A/B test on Traefik", "staging", { "canary.traffic.kind": "abTest", "canary.traffic.header.name": "X-Insider" }],
    ["mirroring where the data plane can", "staging", { "gateway.className": "istio", "canary.traffic.kind": "mirror" }],
    ["sticky sessions where the data plane can", "staging", { "gateway.className": "istio", "canary.traffic.sessionAffinity.enabled": true }],
    ["one step to the maximum", "staging", { "canary.stepWeight": 50 }],
    ["a refresh of a quarter of an hour and of a minute", "production", { "secrets.refreshInterval": "1m" }],
    ["retention of six months", "production", { "compliance.retentionDays": 183 }],
    ["a region name of one letter", "production", { "compliance.residency": ["x"] }],
    ["a namespace of 63 letters", "local", { namespace: "n".repeat(63) }],
  ];
  for (const [what, stack, changes] of limits)
    it(`accepts ${what}`, () =>
      assert.equal(load(stack, changed({ local, staging, production }[stack], changes)).stack, stack));

  it("becomes a canary by one key", () => {
    const config = load("production", changed(production, { strategy: "canary" }));
    assert.ok(config.strategy === "canary");
    assert.equal(config.image, staging.image);
  });

  it("loads from the three stack files", () => {
    const stacks = ["local", "staging", "production"].map(stackFile);
    assert.deepEqual(
      stacks.map(({ strategy, secrets, tls, service }) => [strategy, secrets.source, tls.enabled, service.type]),
      [
        ["blueGreen", "existing", false, "ClusterIP"],
        ["canary", "vault", true, "ClusterIP"],
        ["blueGreen", "vault", true, "ClusterIP"],
      ],
    );
    const images = stacks
      .flatMap(({ image, blueGreen: { slots } }) => [image, slots.blue.image, slots.green.image])
      .filter((image) => image !== undefined);
    assert.equal(new Set(images).size, 1, "the stack files name one example image");
  });

  it("lets the production file become a canary by one key", () => {
    const { config } = parse(readFileSync(join(__dirname, "../../Pulumi.production.yaml"), "utf8")) as {
      config: Written;
    };
    assert.equal(load("production", { ...config, "rlhf-audit-trail:strategy": "canary" }).strategy, "canary");
  });
});
