import assert from "node:assert/strict";
import { conditionFor } from "../../../engine/kubernetes/conditions.ts";
import { objectOf, outputsOf, type JsonMap, type KubernetesObject } from "../../../engine/kubernetes/objects.ts";
import { diffLive } from "../../../engine/kubernetes/provider.ts";
import type { Surroundings } from "../../../engine/kubernetes/verdict.ts";
import { Secret, type PropertyMap } from "../../../engine/model.ts";

const kinds: { [kind: string]: string } = {
  Deployment: "apps/v1", StatefulSet: "apps/v1", DaemonSet: "apps/v1", Job: "batch/v1", Pod: "v1", Service: "v1", PersistentVolumeClaim: "v1", Namespace: "v1", ConfigMap: "v1",
  HorizontalPodAutoscaler: "autoscaling/v2", CustomResourceDefinition: "apiextensions.k8s.io/v1", Canary: "flagger.app/v1beta1", Application: "argoproj.io/v1alpha1", Certificate: "cert-manager.io/v1", Thing: "example.org/v1",
};
const make = (kind: string, rest: JsonMap = {}, annotations: JsonMap = {}): KubernetesObject => ({ apiVersion: kinds[kind] ?? "v1", kind, metadata: { name: "o", namespace: "x", generation: 2, annotations }, ...rest });
const none: Surroundings = { list: () => Promise.resolve([]), get: () => Promise.resolve(undefined) };

async function judge(object: KubernetesObject, around: Surroundings = none, update = false): Promise<string> {
  const verdict = await conditionFor(object)?.(object, around, update);
  if (verdict === undefined) return "nothing to wait for";
  return verdict.state === "ready" ? "ready" : `${verdict.state}: ${verdict.reason}`;
}
const cases = (rows: [object: KubernetesObject, wanted: RegExp][]) => {
  for (const [object, wanted] of rows) it(`${object.kind} ${JSON.stringify(object["status"] ?? {})}: ${wanted.source}`, async () => assert.match(await judge(object), wanted));
};

describe("readiness of what the server knows", () => {
  const seen = { observedGeneration: 2 };
  const rolled = { ...seen, replicas: 2, updatedReplicas: 2, availableReplicas: 2 };
  cases([
    [make("Deployment", { spec: { replicas: 2 }, status: { ...rolled, observedGeneration: 1 } }), /^waiting: .*not seen/],
    [make("Deployment", { spec: { replicas: 2 }, status: { ...rolled, updatedReplicas: 1 } }), /^waiting: 1 of 2 pods are of the new version/],
    [make("Deployment", { spec: { replicas: 2 }, status: { ...rolled, availableReplicas: 1 } }), /^waiting: 1 of 2 pods are available/],
    [make("Deployment", { spec: { replicas: 2 }, status: { ...rolled, replicas: 3 } }), /^waiting: 1 pod of the old version/],
    [make("Deployment", { spec: { replicas: 2 }, status: rolled }), /^ready$/],
    [make("Deployment", { spec: { replicas: 0 }, status: seen }), /^ready$/],
    [make("Deployment", { spec: { replicas: 2 }, status: { ...seen, conditions: [{ type: "Progressing", status: "False", reason: "ProgressDeadlineExceeded", message: "m" }] } }), /^failed: ProgressDeadlineExceeded: m/],
    [make("StatefulSet", { spec: { replicas: 1 }, status: { ...seen, replicas: 1, readyReplicas: 1, currentRevision: "a", updateRevision: "b" } }), /^waiting/],
    [make("StatefulSet", { spec: { replicas: 1 }, status: { ...seen, replicas: 1, readyReplicas: 1, currentRevision: "b", updateRevision: "b" } }), /^ready$/],
    [make("DaemonSet", { status: { ...seen, desiredNumberScheduled: 1, updatedNumberScheduled: 1 } }), /^waiting: 0 of 1/],
    [make("Job", { status: { conditions: [{ type: "Complete", status: "True" }] } }), /^ready$/],
    [make("Job", { status: { conditions: [{ type: "Failed", status: "True", reason: "DeadlineExceeded" }] } }), /^failed: DeadlineExceeded/],
    [make("Pod", { status: { phase: "Pending", containerStatuses: [{ name: "c", state: { waiting: { reason: "ErrImagePull", message: "no such image" } } }] } }), /^waiting: container c waits: ErrImagePull: no such image/],
    [make("Pod", { status: { phase: "Succeeded" } }), /^ready$/],
    [make("Namespace", { status: { phase: "Terminating" } }), /^failed/],
    [make("CustomResourceDefinition", { status: { conditions: [{ type: "Established", status: "True" }] } }), /^ready$/],
    [make("HorizontalPodAutoscaler"), /^nothing/],
    [make("ConfigMap"), /^nothing/],
    [make("Thing"), /^nothing/],
    [make("Deployment", {}, { "pulumi.com/skipAwait": "true" }), /^nothing/],
    [make("Canary", { status: { phase: "Progressing", canaryWeight: 20 } }), /^waiting: phase Progressing, weight 20/],
    [make("Canary", { status: { phase: "Succeeded" } }), /^ready$/],
    [make("Application", { status: { sync: { status: "Synced" }, health: { status: "Degraded" } } }), /^waiting: Synced, health Degraded/],
    [make("Certificate", { status: { conditions: [{ type: "Ready", status: "False", reason: "Pending" }] } }), /^waiting/],
  ]);
});

describe("the annotation pulumi.com/waitFor", () => {
  const accepted = "jsonpath={.status.parents[0].conditions[?(@.type=='Accepted')].status}=True";
  const waitFor = (text: string, status: JsonMap) => make("Thing", { status }, { "pulumi.com/waitFor": text });
  cases([
    [waitFor("condition=Ready", { conditions: [{ type: "Ready", status: "True" }] }), /^ready$/],
    [waitFor("condition=Ready", { conditions: [{ type: "Ready", status: "True", observedGeneration: 1 }] }), /^waiting: .*not seen/],
    [waitFor("condition=Ready=False", { conditions: [{ type: "Ready", status: "False" }] }), /^ready$/],
    [waitFor(accepted, { parents: [{ conditions: [{ type: "Other", status: "False" }, { type: "Accepted", status: "True" }] }] }), /^ready$/],
    [waitFor(accepted, { parents: [{ conditions: [{ type: "Accepted", status: "False" }] }] }), /^waiting: .*is False, not True/],
    [waitFor("jsonpath={.status.phase}", {}), /^waiting: .*not there yet/],
    [waitFor('["condition=A", "jsonpath={.status.n}=3"]', { conditions: [{ type: "A", status: "True" }], n: 3 }), /^ready$/],
  ]);
  it("is refused when it makes no sense", () => {
    for (const text of ["Ready", "condition=", "jsonpath=.status", "[]"]) assert.throws(() => conditionFor(waitFor(text, {})), /pulumi\.com\/waitFor/);
  });
});

describe("readiness of a Service", () => {
  const service = make("Service", { spec: { selector: { version: "green" } } });
  const pod = (uid: string, ready: boolean): JsonMap => ({ metadata: { uid }, status: { conditions: [{ type: "Ready", status: ready ? "True" : "False" }] } });
  const around = (pods: JsonMap[], endpoints: string[]): Surroundings => ({
    ...none,
    list: (_, plural) => Promise.resolve(plural === "pods" ? pods : [{ endpoints: endpoints.map((uid) => ({ conditions: { ready: true }, targetRef: { uid } })) }]),
  });
  it("needs the selected pods, and no others, as endpoints", async () => {
    assert.match(await judge(service, around([], [])), /^waiting: no pod has the labels/);
    assert.match(await judge(service, around([pod("g", false)], [])), /^waiting: none of the 1 selected/);
    assert.match(await judge(service, around([pod("g", true)], ["b"])), /^waiting: 0 of 1 ready pods are endpoints/);
    assert.match(await judge(service, around([pod("g", true)], ["b", "g"])), /^waiting: 1 endpoint of the former selector/);
    assert.equal(await judge(service, around([pod("g", true)], ["g"])), "ready");
  });
  it("has nothing to wait for without pods of its own", async () => {
    assert.equal(await judge(make("Service", { spec: {} })), "ready");
    assert.equal(await judge(make("Service", { spec: { clusterIP: "None", selector: { a: "b" } } })), "ready");
  });
});

describe("readiness of a claim", () => {
  const claim = make("PersistentVolumeClaim", { spec: { storageClassName: "s" }, status: { phase: "Pending" } });
  const mode = (volumeBindingMode: string): Surroundings => ({ ...none, get: () => Promise.resolve({ volumeBindingMode }) });
  it("does not wait for a pod that comes later", async () => {
    assert.equal(await judge(claim, mode("WaitForFirstConsumer")), "ready");
    assert.match(await judge(claim, mode("Immediate")), /^waiting/);
  });
});

describe("objects and property values", () => {
  it("keep secrets secret in outputs, and lay them open for the server", () => {
    const inputs: PropertyMap = { apiVersion: "v1", kind: "Secret", metadata: { name: "s" }, stringData: new Secret({ key: "value" }), __internal: 1 };
    const object = objectOf(inputs, "s");
    assert.deepEqual(object["stringData"], { key: "value" });
    assert.equal(Object.hasOwn(object, "__internal"), false);
    const outputs = outputsOf({ ...object, data: { key: "dmFsdWU=" } }, inputs);
    assert.ok(outputs["data"] instanceof Secret && outputs["stringData"] instanceof Secret);
  });
  it("make a Job anew that asks for it and did not end well", () => {
    const inputs: PropertyMap = { apiVersion: "batch/v1", kind: "Job", metadata: { name: "j", namespace: "x", annotations: { "pulumi.com/replaceUnready": "true" } }, spec: {} };
    const request = (status: PropertyMap) =>
      diffLive({ urn: "u", type: "kubernetes:batch/v1:Job", name: "j", configuration: {}, preview: false, signal: new AbortController().signal, id: "x/j", oldInputs: inputs, newInputs: inputs, oldOutputs: { ...inputs, status }, ignoreChanges: [] });
    const failed = request({ conditions: [{ type: "Failed", status: "True" }] });
    assert.deepEqual([failed.changes.map(({ replaces }) => replaces), failed.deleteBeforeReplace], [[true], true]);
    assert.deepEqual(request({ conditions: [{ type: "Complete", status: "True" }] }).changes, []);
  });
});
