import { exampleImage, local, production, staging, type Written } from "./fixtures.ts";

const stacks = { local, staging, production } as const;

/** A configuration that must be refused; refusals.txt holds what people then read, under the title. */
export interface RefusedConfig {
  readonly title: string;
  readonly stack: keyof typeof stacks;
  /** Values put at dotted keys of the stack's valid configuration; undefined takes a key away. */
  readonly changes: Written;
}

/** The valid configuration that a case departs from. */
export const validConfig = (stack: keyof typeof stacks): Written => stacks[stack];

const elsewhere = exampleImage.replace("terragonlabs/", "terragonlabs-evil/");

const cases: readonly (readonly [title: string, stack: keyof typeof stacks, changes: Written])[] = [
  ["a required key that is missing", "local", { clusterName: undefined }],
  ["a word that is none of the choices", "local", { environment: "prod" }],
  ["a number that is no number", "local", { replicas: "three" }],
  ["a number out of its range", "local", { replicas: 0 }],
  ["a fraction of a pod", "local", { replicas: 1.5 }],
  ["a privileged port", "local", { port: 80 }],
  ["an unknown key by itself", "local", { replica: 4 }],
  ["another habit of spelling", "local", { "log-level": "DEBUG" }],
  ["an unknown member", "staging", { "canary.stepWieght": 20 }],
  ["a known member in the wrong place", "staging", { stepWeight: 20 }],
  ["an unknown key that is near nothing", "local", { "service.bananas": true }],
  ["a mistyped required key is told once", "local", { clusterName: undefined, clustername: "local" }],
  ["a slip in the namespace", "local", { "rlhf-audit-trial:port": "9000" }],
  ["text where an object belongs", "local", { canary: "fast" }],
  ["broken JSON", "local", { tls: "{" }],
  ["a list where an object belongs", "local", { service: ["ClusterIP"] }],
  ["a number where text belongs", "production", { "compliance.release": 2026.11 }],
  ["an image without a registry", "local", { "blueGreen.slots.blue.image": "nginx" }],
  ["a digest that is too short", "local", { "blueGreen.slots.blue.image": "ghcr.io/terragonlabs/x@sha256:abc" }],
  ["memory in thousandths of a byte", "local", { "resources.requests.memory": "512m" }],
  ["CPU finer than a thousandth", "local", { "resources.requests.cpu": "0.0001" }],
  ["a duration with a space", "local", { "tls.duration": "90 days" }],
  ["a refresh above a quarter of an hour", "production", { "secrets.refreshInterval": "1h" }],
  ["retention below six months", "production", { "compliance.retentionDays": 90 }],
  ["a metric's limit that is no percentage", "staging", { "canary.metrics.cpu.max": 120 }],
  ["a tick that Flagger can't read", "staging", { "canary.interval": "1m30s" }],
  ["a credential in an address", "production", { "secrets.store.address": "https://root:hunter2@vault.example.com" }],
  ["an e-mail address that is none", "production", { "tls.issuer.email": "nobody" }],
  ["a hostname with a scheme", "production", { "gateway.hostname": "https://audit.example.com" }],
  ["an empty list of registries", "local", { allowedRegistries: [] }],
  ["one bad registry of two", "local", { allowedRegistries: ["ghcr.io/terragonlabs", "not a registry"] }],
  ["a currency in lower case", "local", { "budgets.currency": "eur" }],
  ["another environment than the stack's name", "production", { environment: "staging" }],
  ["the namespace default", "local", { namespace: "default" }],
  ["a peer's namespace", "local", { namespace: "redis" }],
  [
    "a tag in production",
    "production",
    { "blueGreen.slots.green.image": "ghcr.io/terragonlabs/rlhf-audit-trail:latest" },
  ],
  ["a registry that is not allowed", "production", { image: elsewhere }],
  ["a request above its limit", "local", { "resources.requests.cpu": "3" }],
  ["one replica in production", "production", { replicas: 1 }],
  ["a disruption budget that protects nothing", "production", { "podDisruption.maxUnavailable": 3 }],
  ["an autoscaler that ends below its beginning", "local", { replicas: 4, "autoscaling.maxReplicas": 3 }],
  [
    "storage that one node keeps for itself",
    "production",
    { "auditStorage.type": "persistent", "auditStorage.accessMode": "ReadWriteOnce" },
  ],
  ["a Secret made by hand in production", "production", { "secrets.source": "existing" }],
  ["a vault without address", "production", { "secrets.store": undefined }],
  ["a Gateway without a name", "production", { "gateway.hostname": undefined }],
  ["two listeners on one port", "production", { "gateway.httpPort": 443 }],
  ["no Gateway in production", "production", { "gateway.enabled": false }],
  ["no TLS in staging", "staging", { "tls.enabled": false }],
  ["a certificate that nothing serves", "local", { "tls.enabled": true, "tls.issuer.type": "selfSigned" }],
  ["a load balancer beside the Gateway", "production", { "service.type": "LoadBalancer" }],
  ["a renewal before the certificate begins", "production", { "tls.renewBefore": "2160h" }],
  ["a key size of another algorithm", "production", { "tls.algorithm": "RSA" }],
  ["a CA without its Secret", "production", { "tls.issuer.type": "ca" }],
  ["ACME without an address", "production", { "tls.issuer.email": undefined }],
  ["a certificate that signs itself", "production", { "tls.issuer.type": "selfSigned" }],
  ["an active slot that is empty", "production", { "blueGreen.active": "green", "blueGreen.slots.green": undefined }],
  ["two empty slots", "local", { blueGreen: undefined }],
  ["a canary without an image", "staging", { image: undefined }],
  ["a step that does not meet the maximum", "staging", { "canary.stepWeight": 15 }],
  ["a step above the maximum", "staging", { "canary.maxWeight": 5 }],
  [
    "timeouts of 30 s, 60 s and 120 s",
    "staging",
    {
      "canary.gates": {
        compliance: { timeout: "30s" },
        performance: { timeout: "60s" },
        security: { timeout: "120s" },
      },
    },
  ],
  ["timeouts that fill the tick exactly", "staging", { "canary.gates.security.timeout": "18s" }],
  ["timeouts that an approval fills", "production", { strategy: "canary", "canary.gates.security.timeout": "13s" }],
  ["mirroring that the data plane would serve to nobody", "staging", { "canary.traffic.kind": "mirror" }],
  ["sticky sessions without a cookie", "staging", { "canary.traffic.sessionAffinity.enabled": true }],
  ["sticky sessions of an A/B test", "staging", { "gateway.className": "istio", "canary.traffic.kind": "abTest", "canary.traffic.sessionAffinity.enabled": true }],
  ["a header that HTTP refuses", "staging", { "canary.traffic.header.name": "x canary" }],
  ["a canary that nobody checks", "staging", { "canary.gates.enabled": false }],
  ["production without an approval", "production", { strategy: "canary", "canary.gates.approval.required": false }],
  ["a gates' token that can be guessed", "staging", { gateToken: "short" }],
  ["an API server's address without a length", "staging", { "network.apiServer.cidrs": ["10.0.0.1"] }],
  ["a window shorter than a tick", "staging", { "canary.metrics.latency.interval": "20s" }],
  ["a deadline of less than two ticks", "staging", { "canary.progressDeadline": "50s" }],
  ["a roll-back that takes too long", "staging", { "canary.threshold": 9 }],
  ["more errors than availability leaves", "local", { "slo.errorRate": 0.2 }],
  ["a quota for one version only", "production", { "quota.limits.cpu": "8" }],
  ["a quota of too few pods", "staging", { "quota.pods": 11 }],
];

/** One case for each way in which a key, and each rule over several keys, can be broken. */
export const refusedConfigs: readonly RefusedConfig[] = cases.map(([title, stack, changes]) => ({
  title,
  stack,
  changes,
}));
