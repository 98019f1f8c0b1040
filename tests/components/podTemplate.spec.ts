import assert from "node:assert/strict";
import { type PodTemplateArgs, imageDigest, objectionsToPodTemplate, podTemplate } from "../../components/podTemplate.ts";
import { type Inputs, valueOf } from "./mocks.ts";

interface Container extends Inputs {
  env: { name: string; value?: string }[];
  ports: { containerPort: number }[];
  resources: { limits: Inputs };
}
interface Template {
  metadata: { labels: Record<string, string>; annotations: Record<string, string> };
  spec: Inputs & { containers: [Container]; volumes: Inputs[] };
}

const digest = `sha256:${"a".repeat(64)}`;
const args: PodTemplateArgs = { app: "audit", image: `ghcr.io/terragonlabs/rlhf-audit-trail@${digest}`, environment: "production", secretName: "rlhf-secrets" };
const made = async (more: Partial<PodTemplateArgs> = {}, slot?: "blue") =>
  (await valueOf(podTemplate({ ...args, ...more }, { slot, serviceAccountName: "audit-blue" }))) as unknown as Template;
const container = async (more: Partial<PodTemplateArgs> = {}, slot?: "blue") => (await made(more, slot)).spec.containers[0];

describe("The pod template", () => {
  it("is the seed's container with its environment, secrets and resources", async () => {
    const { name, image, imagePullPolicy, ports, env, resources } = await container({}, "blue");
    const secret = (variable: string, key: string) => ({ name: variable, valueFrom: { secretKeyRef: { name: "rlhf-secrets", key } } });
    assert.deepEqual(
      { name, image, imagePullPolicy, ports, env, resources },
      {
        name: "audit",
        image: args.image,
        imagePullPolicy: "IfNotPresent",
        ports: [{ name: "http", containerPort: 8000, protocol: "TCP" }],
        env: [
          { name: "ENVIRONMENT", value: "production" },
          { name: "LOG_LEVEL", value: "INFO" },
          { name: "PORT", value: "8000" },
          { name: "IMAGE_DIGEST", value: digest },
          { name: "SLOT", value: "blue" },
          secret("DATABASE_URL", "database-url"),
          secret("REDIS_URL", "redis-url"),
          secret("ENCRYPTION_KEY", "encryption-key"),
        ],
        resources: {
          requests: { cpu: "500m", memory: "1Gi", "ephemeral-storage": "256Mi" },
          limits: { cpu: "2", memory: "4Gi", "ephemeral-storage": "2Gi" },
        },
      },
    );
  });

  it("meets Pod Security's restricted profile, and can't write but to its volumes", async () => {
    const { spec } = await made();
    assert.deepEqual(spec["securityContext"], {
      runAsNonRoot: true,
      runAsUser: 10001,
      runAsGroup: 10001,
      fsGroup: 10001,
      fsGroupChangePolicy: "OnRootMismatch",
      seccompProfile: { type: "RuntimeDefault" },
    });
    assert.deepEqual(spec.containers[0]["securityContext"], {
      allowPrivilegeEscalation: false,
      capabilities: { drop: ["ALL"] },
      privileged: false,
      readOnlyRootFilesystem: true,
      runAsNonRoot: true,
      seccompProfile: { type: "RuntimeDefault" },
    });
    assert.equal(spec["automountServiceAccountToken"], false);
    assert.equal(spec["enableServiceLinks"], false);
    assert.deepEqual(spec["dnsConfig"], { options: [{ name: "ndots", value: "2" }] });
    assert.equal(spec["serviceAccountName"], "audit-blue");
    assert.deepEqual(spec.volumes, [
      { name: "tmp", emptyDir: { sizeLimit: "64Mi" } },
      { name: "audit-storage", emptyDir: { sizeLimit: "1Gi" } },
    ]);
    assert.deepEqual(spec.containers[0]["volumeMounts"], [
      { name: "tmp", mountPath: "/tmp" },
      { name: "audit-storage", mountPath: "/var/lib/audit-trail" },
    ]);
  });

  it("asks for health once at the start, and keeps a pod alive while its database is away", async () => {
    const { startupProbe, readinessProbe, livenessProbe } = await container();
    assert.deepEqual(startupProbe, { httpGet: { path: "/health", port: "http" }, periodSeconds: 2, timeoutSeconds: 5, failureThreshold: 60 });
    assert.deepEqual(readinessProbe, { httpGet: { path: "/ready", port: "http" }, periodSeconds: 5, timeoutSeconds: 5, failureThreshold: 3 });
    assert.deepEqual(livenessProbe, { httpGet: { path: "/live", port: "http" }, periodSeconds: 10, timeoutSeconds: 5, failureThreshold: 3 });
  });

  it("takes its leave in time: a pause, SIGTERM, and only then the end", async () => {
    const { spec } = await made({ shutdown: { preStopSeconds: 7, drainSeconds: 40, terminationGracePeriodSeconds: 60 } });
    assert.equal(spec["terminationGracePeriodSeconds"], 60);
    assert.deepEqual(spec.containers[0]["lifecycle"], { preStop: { sleep: { seconds: 7 } } });
    const standard = (await made()).spec;
    assert.equal(standard["terminationGracePeriodSeconds"], 30);
    assert.deepEqual(standard.containers[0]["lifecycle"], { preStop: { sleep: { seconds: 5 } } });
  });

  it("spreads the pods of one revision over nodes and zones", async () => {
    const { spec } = await made({}, "blue");
    const spread = (topologyKey: string) => ({
      maxSkew: 1,
      topologyKey,
      whenUnsatisfiable: "ScheduleAnyway",
      labelSelector: { matchLabels: { app: "audit", version: "blue" } },
      matchLabelKeys: ["pod-template-hash"],
    });
    assert.deepEqual(spec["topologySpreadConstraints"], [spread("kubernetes.io/hostname"), spread("topology.kubernetes.io/zone")]);
  });

  it("carries the slot as a label and in SLOT, and neither where there are no slots", async () => {
    assert.deepEqual((await made({}, "blue")).metadata.labels, {
      app: "audit",
      version: "blue",
      "app.kubernetes.io/name": "audit",
      "app.kubernetes.io/part-of": "audit",
      "app.kubernetes.io/component": "api",
    });
    const slotless = await made();
    assert.equal(slotless.metadata.labels["version"], undefined);
    assert(!slotless.spec.containers[0].env.some(({ name }) => name === "SLOT"));
  });

  it("takes what is asked for: port, level, claim, resources one by one, variables, registry credentials", async () => {
    const { metadata, spec } = await made({
      port: 9000,
      logLevel: "DEBUG",
      auditStorage: { kind: "claim", claimName: "audit-audit" },
      resources: { limits: { memory: "8Gi" } },
      env: { FEATURE: "on" },
      imagePullSecrets: ["registry"],
    });
    const [{ ports, env, resources }] = spec.containers;
    assert.equal(ports[0]?.containerPort, 9000);
    assert.equal(metadata.annotations["prometheus.io/port"], "9000");
    assert.deepEqual(Object.fromEntries(env.filter(({ value }) => value !== undefined).map(({ name, value }) => [name, value])), {
      ENVIRONMENT: "production",
      LOG_LEVEL: "DEBUG",
      PORT: "9000",
      IMAGE_DIGEST: digest,
      FEATURE: "on",
    });
    assert.deepEqual(resources.limits, { cpu: "2", memory: "8Gi", "ephemeral-storage": "2Gi" });
    assert.deepEqual(spec.volumes[1], { name: "audit-storage", persistentVolumeClaim: { claimName: "audit-audit" } });
    assert.deepEqual(spec["imagePullSecrets"], [{ name: "registry" }]);
  });

  it("knows an image without digest from one with", async () => {
    assert.equal(await valueOf(imageDigest("registry.local:5000/audit:1.2")), "");
    assert.equal(await valueOf(imageDigest(`registry.local:5000/audit@${digest}`)), digest);
  });

  it("refuses to end a pod without a pause, which would send requests to a closed port", () => {
    const [objection] = objectionsToPodTemplate({ ...args, shutdown: { preStopSeconds: 0 } });
    assert.equal(objection?.path, "shutdown.preStopSeconds");
  });
});
