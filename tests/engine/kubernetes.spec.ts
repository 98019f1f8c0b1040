import assert from "node:assert/strict";
import fc from "fast-check";
import { checkInputs, diffInputs, kubernetesPreview } from "../../engine/kubernetes.ts";
import { apiServerChanged } from "../../engine/kubernetesConfig.ts";
import { Secret, Unknown, type PropertyMap } from "../../engine/model.ts";
import { formatPath } from "../../engine/propertyPath.ts";
import type { CheckRequest, DiffRequest } from "../../engine/provider.ts";
import { replacingFields } from "../../engine/kubernetesReplace.ts";

const request = { urn: "urn:pulumi:dev::p::kubernetes:core/v1:Service::web", name: "web", configuration: {}, preview: true, signal: new AbortController().signal };
const check = (newInputs: PropertyMap, more: Partial<CheckRequest> = {}): PropertyMap => {
  const { inputs, failures } = checkInputs({ ...request, type: "kubernetes:core/v1:Service", newInputs, seed: "s", ...more });
  assert.deepEqual(failures, []);
  return inputs;
};
const refusal = (type: string, newInputs: PropertyMap): string => checkInputs({ ...request, type, newInputs, seed: "s" }).failures.map(({ reason }) => reason).join();
const diff = (oldInputs: PropertyMap, newInputs: PropertyMap, more: Partial<DiffRequest> = {}): ReturnType<typeof diffInputs> =>
  diffInputs({ ...request, type: "kubernetes:x:Y", id: "i", oldInputs, oldOutputs: oldInputs, newInputs, ignoreChanges: [], ...more });
const object = (kind: string, fields: PropertyMap, metadata: PropertyMap = { name: "n" }): PropertyMap => {
  const [apiVersion, name] = kind.split(" ");
  return { apiVersion: apiVersion!, kind: name!, metadata, ...fields };
};

describe("kubernetes names", () => {
  it("are generated from the resource's name, and marked", () => {
    const { metadata } = check({ apiVersion: "v1", kind: "Service" }) as { metadata: { name: string; annotations: PropertyMap } };
    assert.match(metadata.name, /^web-[0-9a-f]{8}$/);
    assert.deepEqual(metadata.annotations, { "pulumi.com/autonamed": "true" });
    assert.deepEqual(check({ apiVersion: "v1", kind: "Service" })["metadata"], metadata, "the same seed gives the same name");
    assert.notDeepEqual(check({ apiVersion: "v1", kind: "Service" }, { seed: "t" })["metadata"], metadata);
  });

  it("are kept: those given, those not known yet, those generated before", () => {
    assert.deepEqual(check({ metadata: { name: "mine" } })["metadata"], { name: "mine" });
    assert.deepEqual(check({ metadata: { name: new Unknown() } })["metadata"], { name: new Unknown() });
    assert.deepEqual(check({ metadata: new Unknown() })["metadata"], new Unknown());
    const first = check({ metadata: { labels: { a: "b" } } });
    assert.deepEqual(check({ metadata: { labels: { a: "b" } } }, { oldInputs: first, seed: "other" }), first);
  });

  it("keep the label of objects that were once applied from the client", () => {
    const old = { metadata: { name: "n", labels: { "app.kubernetes.io/managed-by": "pulumi" } } };
    assert.deepEqual(check({ metadata: { name: "n" } }, { oldInputs: old }), old);
  });

  it("get the provider's namespace where the kind has one", () => {
    const configuration = { namespace: "team" };
    assert.deepEqual(check(object("v1 Service", {}), { configuration })["metadata"], { name: "n", namespace: "team" });
    assert.deepEqual(check(object("v1 Namespace", {}), { configuration })["metadata"], { name: "n" });
    assert.deepEqual(check(object("v1 Service", {}, { name: "n", namespace: "own" }), { configuration })["metadata"], { name: "n", namespace: "own" });
  });

  it("make a Secret's data secret", () => {
    assert.deepEqual(check(object("v1 Secret", { stringData: { a: "b" } }))["stringData"], new Secret({ a: "b" }));
  });

  it("refuse what this engine or the API server does not do", () => {
    assert.match(refusal("kubernetes:helm.sh/v3:Release", {}), /Helm and Kustomize are not supported/);
    assert.match(refusal("kubernetes:core/v1:ServiceList", {}), /list cannot be created/);
    assert.match(refusal("kubernetes:core/v1:ServicePatch", {}), /needs the name/);
    assert.match(refusal("kubernetes:core/v1:Service", { metadata: { generateName: "a-" } }), /server-side apply/);
  });
});

describe("kubernetes changes", () => {
  const replacing: [string, PropertyMap, PropertyMap, string[]][] = [
    ["apps/v1 Deployment", { spec: { selector: { matchLabels: { a: "1" } } } }, { spec: { selector: { matchLabels: { a: "2" } } } }, ["spec.selector.matchLabels.a"]],
    ["apps/v1 Deployment", { spec: { replicas: 1 } }, { spec: { replicas: 2 } }, []],
    ["apps/v1 Deployment", {}, { spec: { selector: { matchLabels: { a: "2" } } } }, ["spec"]],
    ["apps/v1 StatefulSet", { spec: { serviceName: "a" } }, { spec: { serviceName: "b" } }, ["spec.serviceName"]],
    ["batch/v1 Job", { spec: { template: { spec: { x: 1 } } } }, { spec: { template: { spec: { x: 2 } } } }, ["spec.template.spec.x"]],
    ["v1 Service", { spec: { clusterIP: "a" } }, { spec: { clusterIP: "b" } }, ["spec.clusterIP"]],
    ["v1 Service", { spec: { selector: { version: "blue" } } }, { spec: { selector: { version: "green" } } }, []],
    ["v1 ConfigMap", { data: { a: "1" } }, { data: { a: "2" } }, ["data.a"]],
    ["v1 Secret", { type: "a" }, { type: "b" }, ["type"]],
    ["v1 Pod", { spec: { containers: [{ image: "a", x: 1 }] } }, { spec: { containers: [{ image: "b", x: 2 }] } }, ["spec.containers[0].image"]],
    ["v1 PersistentVolumeClaim", { spec: { storageClassName: "a" } }, { spec: { storageClassName: "b" } }, ["spec.storageClassName"]],
    ["rbac.authorization.k8s.io/v1 RoleBinding", { roleRef: { name: "a" } }, { roleRef: { name: "b" } }, ["roleRef.name"]],
    ["flagger.app/v1beta1 Canary", { spec: { selector: "a" } }, { spec: { selector: "b" } }, []],
  ];
  for (const [kind, before, after, expected] of replacing) {
    it(`of a ${kind}, ${JSON.stringify(after)}: ${expected.length > 0 ? "a new object" : "in place"}`, () => {
      const { changes } = diff(object(kind, before), object(kind, after));
      assert.notEqual(changes.length, 0);
      assert.deepEqual(changes.filter(({ replaces }) => replaces).map(({ path }) => path), expected);
    });
  }

  it("of name or namespace are a new object, of any kind", () => {
    for (const key of ["name", "namespace"]) {
      const { changes } = diff(object("a/v1 B", {}, { name: "n", namespace: "m" }), object("a/v1 B", {}, { name: "n", namespace: "m", [key]: "other" }));
      assert.deepEqual(changes.map(({ path, replaces }) => [path, replaces]), [[`metadata.${key}`, true]]);
    }
  });

  it("are none between no namespace and the default one, nulls and nothing, secret and plain", () => {
    assert.deepEqual(diff(object("v1 Service", {}), object("v1 Service", {}, { name: "n", namespace: "default" })).changes, []);
    assert.deepEqual(diff(object("v1 Service", { spec: { a: 1 } }), object("v1 Service", { spec: { a: 1, b: null } })).changes, []);
    assert.deepEqual(diff(object("v1 Service", { spec: { a: 1 } }), object("v1 Service", { spec: new Secret({ a: 1 }) })).changes, []);
  });

  it("show no secret", () => {
    const { changes } = diff(object("v1 Secret", { data: new Secret({ a: "old" }) }), object("v1 Secret", { data: new Secret({ a: "new" }) }));
    assert.deepEqual(changes.map(({ before, after }) => [before, after]), [[new Secret("old"), new Secret("new")]]);
  });

  it("leave out what is ignored", () => {
    const change = diff(object("a/v1 B", { spec: { a: 1, b: 1 } }), object("a/v1 B", { spec: { a: 2, b: 2 } }), { ignoreChanges: ["spec.a"] });
    assert.deepEqual(change.changes.map(({ path }) => path), ["spec.b"]);
  });

  it("delete first when the new object must have the old one's name", () => {
    const job = (x: number, metadata: PropertyMap): PropertyMap => object("batch/v1 Job", { spec: { template: x } }, metadata);
    const named = { name: "n" };
    const generated = { name: "n-1", annotations: { "pulumi.com/autonamed": "true" } };
    assert.equal(diff(job(1, named), job(2, named)).deleteBeforeReplace, true);
    assert.equal(diff(job(1, generated), job(2, generated)).deleteBeforeReplace, false);
    assert.equal(diff(job(1, named), job(2, { name: "m" })).deleteBeforeReplace, false);
    assert.equal(diff(job(1, named), job(2, { name: "n", namespace: "other" })).deleteBeforeReplace, false);
    assert.equal(diff(job(1, named), job(1, named)).deleteBeforeReplace, false);
  });

  it("are none between an object and itself, whatever its shape", () => {
    fc.assert(fc.property(fc.dictionary(fc.string(), fc.jsonValue() as fc.Arbitrary<PropertyMap>), (spec) => {
      assert.deepEqual(diff(object("a/v1 B", { spec }), object("a/v1 B", { spec })).changes, []);
    }));
  });

  it("never depend on fields of other kinds", () => {
    assert.deepEqual(replacingFields(object("v1 Node", {})).map(formatPath), ["metadata.name", "metadata.namespace"]);
  });
});

describe("kubernetes provider configuration", () => {
  const kubeconfig = (server: string, token = "t"): string =>
    JSON.stringify({
      "current-context": "c",
      contexts: [{ name: "c", context: { cluster: "k", user: "u" } }, { name: "d", context: { cluster: "l", user: "u" } }],
      clusters: [{ name: "k", cluster: { server } }, { name: "l", cluster: { server: "https://l" } }],
      users: [{ name: "u", user: { token } }],
    });
  const table: [string, PropertyMap, PropertyMap, boolean][] = [
    ["new credentials", { kubeconfig: kubeconfig("https://a", "1") }, { kubeconfig: new Secret(kubeconfig("https://a", "2")) }, false],
    ["another server", { kubeconfig: kubeconfig("https://a") }, { kubeconfig: kubeconfig("https://b") }, true],
    ["another context", { kubeconfig: kubeconfig("https://a") }, { kubeconfig: kubeconfig("https://a"), context: "d" }, true],
    ["an unknown kubeconfig", { kubeconfig: kubeconfig("https://a") }, { kubeconfig: new Unknown() }, true],
    ["another server under the same identifier", { clusterIdentifier: "x", kubeconfig: kubeconfig("https://a") }, { clusterIdentifier: "x", kubeconfig: kubeconfig("https://b") }, false],
    ["another identifier", { clusterIdentifier: "x" }, { clusterIdentifier: "y" }, true],
    ["an identifier for the first time", {}, { clusterIdentifier: "y" }, false],
    ["another version", { version: "1" }, { version: "2" }, false],
    ["an unreadable kubeconfig", { kubeconfig: kubeconfig("https://a") }, { kubeconfig: "{" }, false],
  ];
  for (const [name, before, after, expected] of table) {
    it(`with ${name}: ${expected ? "all resources anew" : "the same resources"}`, () => assert.equal(apiServerChanged(before, after), expected));
  }

  it("cannot read objects without a cluster, and says so", async () => {
    await assert.rejects(kubernetesPreview.read({ ...request, type: "t", id: "i", inputs: {}, outputs: {}, report: () => undefined }), /cannot be read without its cluster/);
  });
});
