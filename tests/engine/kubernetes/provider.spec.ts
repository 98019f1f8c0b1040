import assert from "node:assert/strict";
import { recordedClusters, recordingClusters, readClusterUid, refuseOtherCluster } from "../../../engine/kubernetes/clusterIdentity.ts";
import { kubernetesProvider } from "../../../engine/kubernetes/provider.ts";
import { findInterrupted, refresh } from "../../../engine/kubernetes/recovery.ts";
import type { Journal, PropertyMap, ResourceState, Step } from "../../../engine/model.ts";
import type { Provider } from "../../../engine/provider.ts";
import type { Json, JsonMap } from "../../../engine/kubernetes/objects.ts";
import { FakeApiServer } from "./fakeApiServer.ts";

const configMap = (data: PropertyMap, metadata: PropertyMap = {}): PropertyMap => ({ apiVersion: "v1", kind: "ConfigMap", metadata: { name: "a", namespace: "x", ...metadata }, data });
const KEY = "/api/v1/namespaces/x/configmaps/a";
const urn = "urn:pulumi:s::p::kubernetes:core/v1:ConfigMap::a";
const state = (inputs: PropertyMap, more: Partial<ResourceState> = {}): ResourceState => ({
  urn, custom: true, type: "kubernetes:core/v1:ConfigMap", inputs, outputs: {}, dependencies: [], propertyDependencies: {}, additionalSecretOutputs: [], aliases: [], ...more,
});

describe("objects on a cluster", () => {
  let server: FakeApiServer;
  let provider: Provider;
  let stop: AbortController;
  const said: string[] = [];
  const common = () => ({ urn, type: "kubernetes:core/v1:ConfigMap", name: "a", configuration: {}, preview: false, signal: stop.signal, report: (message: string) => void said.push(message) });
  beforeEach(async () => {
    server = new FakeApiServer();
    await server.start();
    provider = kubernetesProvider(server.clusters());
    stop = new AbortController();
    said.length = 0;
  });
  afterEach(() => server.stop());
  const create = (inputs: PropertyMap) => provider.create({ ...common(), inputs });

  it("are created under our name, with Pulumi's ids and outputs", async () => {
    const { id, outputs } = await create(configMap({ k: "v" }));
    assert.equal(id, "x/a");
    assert.equal(outputs["__fieldManager"], "rlhf-audit-trail-delivery");
    assert.equal(outputs["__initialApiVersion"], "v1");
    assert.deepEqual(outputs["__inputs"], configMap({ k: "v" }));
    assert.deepEqual(outputs["data"], { k: "v" });
    assert.equal(Object.hasOwn(outputs["metadata"] as object, "managedFields"), false);
    assert.equal(server.asked.find(({ method }) => method === "POST")?.query["fieldManager"], "rlhf-audit-trail-delivery");
  });

  it("that exist already are refused and left as they are", async () => {
    server.objects.set(KEY, { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "a" }, data: { k: "theirs" } });
    await assert.rejects(create(configMap({ k: "ours" })), /ConfigMap x\/a exists already/);
    assert.deepEqual(server.objects.get(KEY)?.["data"], { k: "theirs" });
  });

  it("that exist are taken over where the provider is configured so", async () => {
    server.objects.set(KEY, { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "a", uid: "u" }, data: {} });
    await provider.create({ ...common(), configuration: { upsertExistingObjects: "true" }, inputs: configMap({ k: "ours" }) });
    assert.deepEqual(server.objects.get(KEY)?.["data"], { k: "ours" });
  });

  it("are found when the answer to their creation was lost", async () => {
    let lost = false;
    server.intercept = ({ method, body }) => {
      if (method !== "POST" || lost) return undefined;
      lost = true;
      server.objects.set(KEY, { ...body, metadata: { name: "a", namespace: "x", uid: "u", creationTimestamp: new Date().toISOString(), managedFields: [{ manager: "rlhf-audit-trail-delivery", operation: "Update" }] } });
      return "cut";
    };
    assert.equal((await create(configMap({ k: "v" }))).id, "x/a");
    assert.equal(server.paths("POST").length, 1);
  });

  it("change by server-side apply, after our creation's fields became our apply's", async () => {
    const old = configMap({ k: "v" });
    const { outputs } = await create(old);
    await provider.update({ ...common(), id: "x/a", oldInputs: old, oldOutputs: outputs, newInputs: configMap({ k: "w" }), ignoreChanges: [] });
    const patches = server.asked.filter(({ method }) => method === "PATCH");
    assert.equal(patches.length, 2);
    assert.equal((patches[0]?.body as unknown as { value: string }[])[1]?.value, "Apply");
    assert.equal(patches[1]?.query["force"], "false");
    assert.deepEqual(server.objects.get(KEY)?.["data"], { k: "w" });
  });

  it("name the manager and the field of a conflict, and force when told to", async () => {
    server.objects.set(KEY, { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "a", uid: "u", managedFields: [{ manager: "kubectl-edit", operation: "Update" }] }, data: { owner: "kubectl-edit" } });
    const update = (inputs: PropertyMap) => provider.update({ ...common(), id: "x/a", oldInputs: inputs, oldOutputs: {}, newInputs: inputs, ignoreChanges: [] });
    await assert.rejects(update(configMap({ owner: "us" })), /data\.owner belongs to "kubectl-edit"/);
    await update(configMap({ owner: "us" }, { annotations: { "pulumi.com/patchForce": "true" } }));
    assert.deepEqual(server.objects.get(KEY)?.["data"], { owner: "us" });
  });

  it("leave out ignored fields that others own, and keep their own as they are on the cluster", async () => {
    const managedFields: Json[] = [
      { manager: "rlhf-audit-trail-delivery", operation: "Apply", fieldsV1: { "f:data": { "f:ours": {} } } },
      { manager: "scaler", operation: "Update", fieldsV1: { "f:data": { "f:theirs": {} } } },
    ];
    server.objects.set(KEY, { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "a", uid: "u", managedFields }, data: { ours: "live", theirs: "7" } });
    const inputs = configMap({ ours: "1", theirs: "2", plain: "3" });
    await provider.update({ ...common(), id: "x/a", oldInputs: inputs, oldOutputs: {}, newInputs: inputs, ignoreChanges: ["data.theirs", "data.ours"] });
    assert.deepEqual(server.asked.filter(({ method }) => method === "PATCH").at(-1)?.body["data"], { ours: "live", plain: "3" });
  });

  it("go in the foreground and are waited for; one of the same name that is not ours stays", async () => {
    const inputs = configMap({});
    const { outputs } = await create(inputs);
    await provider.delete({ ...common(), id: "x/a", inputs, outputs });
    assert.equal(server.objects.has(KEY), false);
    assert.equal(server.asked.find(({ method }) => method === "DELETE")?.body["propagationPolicy"], "Foreground");
    await create(inputs);
    await provider.delete({ ...common(), id: "x/a", inputs, outputs });
    assert.equal(server.objects.has(KEY), true);
  });

  it("are recorded with what went wrong when they do not get ready, their pods' words included", async () => {
    const name = "/apis/batch/v1/namespaces/x/jobs/check";
    server.objects.set("/api/v1/namespaces/x/pods/check-1", {
      metadata: { name: "check-1", namespace: "x", uid: "p", labels: { job: "check" } },
      status: { phase: "Failed", containerStatuses: [{ name: "main", ready: false, state: { terminated: { exitCode: 3, reason: "Error" } } }] },
    });
    server.intercept = ({ path }) => (path.endsWith("/log") ? { status: 200, body: "asked /health: 503" } : undefined);
    server.control = (object, reads) => {
      if (object["kind"] !== "Job") return;
      object["status"] = reads < 2 ? { active: 1 } : { conditions: [{ type: "Failed", status: "True", reason: "BackoffLimitExceeded", message: "too often" }] };
    };
    const inputs = { apiVersion: "batch/v1", kind: "Job", metadata: { name: "check", namespace: "x" }, spec: { selector: { matchLabels: { job: "check" } } } };
    const { initErrors = [], id } = await provider.create({ ...common(), type: "kubernetes:batch/v1:Job", inputs });
    assert.equal(id, "x/check");
    assert.match(initErrors.join("\n"), /Job x\/check: BackoffLimitExceeded: too often[^]*exit code 3[^]*asked \/health: 503/);
    assert.ok(server.objects.has(name));
    assert.ok(said.some((line) => line.includes("1 active")));
  });

  it("stay recorded when the operation stops while they are awaited", async () => {
    server.control = () => stop.abort(new Error("stop"));
    const inputs = { apiVersion: "apps/v1", kind: "Deployment", metadata: { name: "d", namespace: "x" }, spec: { replicas: 1 } };
    const { id, initErrors } = await provider.create({ ...common(), type: "kubernetes:apps/v1:Deployment", inputs });
    assert.equal(id, "x/d");
    assert.match((initErrors ?? []).join(), /the operation was stopped/);
  });

  it("time out with the reason that was last seen", async () => {
    const inputs = { apiVersion: "apps/v1", kind: "Deployment", metadata: { name: "d", namespace: "x" }, spec: { replicas: 2 } };
    server.control = (object) => (object["status"] = { observedGeneration: 1, updatedReplicas: 2, availableReplicas: 1 });
    const { initErrors } = await provider.create({ ...common(), type: "kubernetes:apps/v1:Deployment", inputs, timeoutSeconds: 0.2 });
    assert.match((initErrors ?? []).join(), /did not get ready within 0\.2 s: 1 of 2 pods are available/);
  });

  it("drift: what others changed or deleted is found, by comparison with what was recorded", async () => {
    const inputs = configMap({ a: "1", b: "2" });
    const { id, outputs } = await create(inputs);
    const recorded = state(inputs, { id, outputs });
    assert.deepEqual(await refresh([recorded], server.clusters(), stop.signal), { resources: [recorded], gone: [], changed: [] });
    Object.assign(server.objects.get(KEY)?.["data"] as object, { b: "3" });
    const { changed } = await refresh([recorded], server.clusters(), stop.signal);
    assert.deepEqual(changed[0]?.inputs["data"], { a: "1", b: "3" });
    server.objects.delete(KEY);
    assert.deepEqual((await refresh([recorded], server.clusters(), stop.signal)).gone, [recorded]);
  });

  it("whose creation a killed run left open are found again, if we made them", async () => {
    const pending = state(configMap({ k: "v" }));
    assert.deepEqual(await findInterrupted([pending], [], server.clusters(), stop.signal), []);
    await create(pending.inputs);
    const [found] = await findInterrupted([pending], [], server.clusters(), stop.signal);
    assert.equal(found?.id, "x/a");
    assert.deepEqual(found.initErrors, ["its creation was interrupted"]);
    (server.objects.get(KEY)?.["metadata"] as JsonMap)["managedFields"] = [{ manager: "somebody", operation: "Update" }];
    assert.deepEqual(await findInterrupted([pending], [], server.clusters(), stop.signal), []);
  });

  it("belong to one cluster: its identity is recorded with the provider, and another is refused", async () => {
    const client = server.client();
    const uid = await readClusterUid(client, stop.signal);
    assert.equal(uid, "cluster-a");
    const resource = state({}, { type: "pulumi:providers:kubernetes", outputs: { version: "4" } });
    const nothing: Journal = { began: () => Promise.resolve(), ended: () => Promise.resolve(), outputs: () => Promise.resolve() };
    await recordingClusters(nothing, () => Promise.resolve(uid)).ended({} as Step, resource, { recorded: resource });
    assert.deepEqual(recordedClusters([resource]).map((entry) => entry.uid), ["cluster-a"]);
    assert.throws(() => refuseOtherCluster("cluster-b", uid, client, { stack: "local", statePath: "/states/local.json" }), /local lives in another cluster.* \/states\/local\.json records the cluster cluster-b, .* is the cluster cluster-a\. Nothing was changed/);
  });
});
