import assert from "node:assert/strict";
import { AuditVolume, Namespace, Workload, type WorkloadArgs } from "../../components/index.ts";
import { transformed } from "../../components/transform.ts";
import { type Inputs, at, bothWays, objectAt, one, underMocks, valueOf, without } from "./mocks.ts";

const edit = { metadata: { labels: { edited: "yes" } } };
const quota = { requests: { cpu: "16", memory: "32Gi" }, limits: { cpu: "48", memory: "96Gi" }, pods: 50 };

for (const { title, preview } of bothWays) {
  describe(`Namespace ${title}`, () => {
    it("admits restricted pods only, and bounds what they take", async () => {
      const { registered, made } = await underMocks(() => new Namespace("ground", { namespace: "production", quota, labels: { team: "audit" } }), { preview });
      const restricted = Object.fromEntries(
        ["enforce", "audit", "warn"].flatMap((mode) => [
          [`pod-security.kubernetes.io/${mode}`, "restricted"],
          [`pod-security.kubernetes.io/${mode}-version`, "latest"],
        ]),
      ) as Inputs;
      assert.deepEqual(at(one(registered, "Namespace", "ground-namespace").inputs, "metadata"), {
        name: "production",
        labels: { team: "audit", ...restricted },
      });
      assert.deepEqual(at(one(registered, "ResourceQuota").inputs, "spec"), {
        hard: { "requests.cpu": "16", "requests.memory": "32Gi", "limits.cpu": "48", "limits.memory": "96Gi", pods: "50" },
      });
      assert.deepEqual(at(one(registered, "LimitRange").inputs, "spec"), {
        limits: [{ type: "Container", defaultRequest: { cpu: "100m", memory: "128Mi" }, default: { cpu: "500m", memory: "512Mi" } }],
      });
      assert.equal(await valueOf(made.name), "production");
    });

    it("can't be talked out of Pod Security by a label, and needs no quota", async () => {
      const labels = { "pod-security.kubernetes.io/enforce": "privileged" };
      const { registered, made } = await underMocks(() => new Namespace("ground", { namespace: "production", labels }), { preview });
      assert.equal(objectAt(one(registered, "Namespace", "ground-namespace").inputs, "metadata.labels")["pod-security.kubernetes.io/enforce"], "restricted");
      assert.equal(made.quota, undefined);
    });

    it("lets every child be edited", async () => {
      const { registered } = await underMocks(
        () => new Namespace("ground", { namespace: "production", quota, transform: { namespace: edit, quota: edit, limitRange: edit } }),
        { preview },
      );
      for (const { inputs } of registered.filter(({ type }) => type.startsWith("kubernetes:"))) assert.deepEqual(at(inputs, "metadata"), edit.metadata);
    });
  });

  describe(`AuditVolume ${title}`, () => {
    it("is a claim that all pods share and that outlives the stack", async () => {
      const { registered } = await underMocks(() => new AuditVolume("volume", { app: "audit", namespace: "production" }), { preview });
      const { inputs, retainOnDelete } = one(registered, "PersistentVolumeClaim");
      assert.deepEqual(at(inputs, "spec"), { accessModes: ["ReadWriteMany"], resources: { requests: { storage: "1Gi" } } });
      assert.equal(objectAt(inputs, "metadata.annotations")["pulumi.com/skipAwait"], "true");
      assert.equal(retainOnDelete, true);
      const other = await underMocks(
        () =>
          new AuditVolume("volume", {
            app: "audit",
            namespace: "p",
            size: "10Gi",
            storageClass: "files",
            accessMode: "ReadWriteOnce",
            transform: { claim: edit },
          }),
        { preview },
      );
      const claim = one(other.registered, "PersistentVolumeClaim").inputs;
      assert.deepEqual(claim["spec"], { accessModes: ["ReadWriteOnce"], resources: { requests: { storage: "10Gi" } }, storageClassName: "files" });
      assert.deepEqual(claim["metadata"], edit.metadata);
    });
  });
}

describe("Workload", () => {
  const args: WorkloadArgs = {
    app: "audit",
    namespace: "production",
    environment: "production",
    secretName: "rlhf-secrets",
    image: "audit@sha256:a",
    slot: "blue",
  };
  const build = (more: Partial<WorkloadArgs> = {}) => underMocks(() => new Workload("w", { ...args, ...more }), { preview: false });

  it("adds a pod before it takes one away, and gives up on pods that never get ready", async () => {
    const spec = without(objectAt(one((await build()).registered, "Deployment").inputs, "spec"), "template");
    assert.deepEqual(spec, {
      selector: { matchLabels: { app: "audit", version: "blue" } },
      strategy: { type: "RollingUpdate", rollingUpdate: { maxSurge: 1, maxUnavailable: 0 } },
      revisionHistoryLimit: 3,
      progressDeadlineSeconds: 300,
    });
  });

  it("gives a slot a disruption budget and an identity of its own", async () => {
    const { registered } = await build();
    assert.deepEqual(at(one(registered, "PodDisruptionBudget").inputs, "spec"), {
      maxUnavailable: 1,
      unhealthyPodEvictionPolicy: "AlwaysAllow",
      selector: { matchLabels: { app: "audit", version: "blue" } },
    });
    const { inputs } = one(registered, "ServiceAccount");
    assert.equal(at(inputs, "metadata.name"), "audit-blue");
    assert.equal(at(inputs, "automountServiceAccountToken"), false);
    assert.equal(at(one(registered, "Deployment").inputs, "spec.template.spec.serviceAccountName"), "audit-blue");
  });

  it("has a hash that changes with the template and with nothing else", async () => {
    const hash = async (more: Partial<WorkloadArgs> = {}) => valueOf((await build(more)).made.templateHash);
    const first = await hash();
    assert.equal(await hash({ replicas: 7, maxUnavailable: 2, slotRole: "live" }), first);
    for (const more of [{ image: "audit@sha256:b" }, { logLevel: "DEBUG" }, { port: 9000 }, { shutdown: { preStopSeconds: 6 } }])
      assert.notEqual(await hash(more), first);
  });
});

describe("A transform", () => {
  const base = () => [{ metadata: { name: "a" }, spec: 1 }, { protect: false }] as const;

  it("that is an object is merged one level deep", () => {
    const [args, opts] = base();
    assert.deepEqual(transformed<object>({ metadata: { name: "b" } }, "n", args, opts), ["n", { metadata: { name: "b" }, spec: 1 }, { protect: false }]);
  });

  it("that is a function edits copies, of arguments and options", () => {
    const [args, opts] = base();
    const [name, edited, editedOpts] = transformed<{ spec: number }>(
      (given, options, logicalName) => {
        given.spec = 2;
        options.protect = true;
        assert.equal(logicalName, "n");
      },
      "n",
      args,
      opts,
    );
    assert.deepEqual([name, edited, editedOpts], ["n", { metadata: { name: "a" }, spec: 2 }, { protect: true }]);
    assert.deepEqual([args.spec, opts.protect], [1, false]);
  });

  it("that is missing changes nothing", () => {
    const [args, opts] = base();
    assert.deepEqual(transformed(undefined, "n", args, opts), ["n", args, opts]);
  });
});
