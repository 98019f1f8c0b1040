/** What points at something must point at something that is there. */
import { hasFixedReplicas, labelsOf, nameOf, namespaceOf, stringMap, type Resource, type Stack } from "../resource.ts";
import { containersOf, podOf } from "../kubernetes/pods.ts";
import { mapSelects, selects, selectsAll } from "../kubernetes/selector.ts";
import { ask, eachResource, stackRule } from "../rule.ts";
import { get, has, list, num, text, texts, type Obj } from "../value.ts";
import { ofKind } from "../stack-index.ts";
import { networkPolicies, workloads } from "./isolation-network.ts";
import { deployment, manifest, patched, pod, serviceFor } from "./examples.ts";

/** Whether the stack has any object of these kinds in a namespace: else what points there points out of the stack, and can't be judged. */
function holds(stack: Stack, namespace: string, ...kinds: string[]): boolean {
  return ofKind(stack, ...kinds).some((resource) => namespaceOf(resource) === namespace);
}

interface Labelled {
  readonly resource: Resource;
  readonly labels: Record<string, string>;
}

const labelled = new WeakMap<Stack, Map<string, readonly Labelled[]>>();

/** Labels of the pods of every workload (Jobs too) of a namespace, with where they are; read once for each stack. */
function podLabels(stack: Stack, namespace: string): readonly Labelled[] {
  const known = labelled.get(stack) ?? labelledByNamespace(stack);
  labelled.set(stack, known);
  return known.get(namespace) ?? [];
}

function labelledByNamespace(stack: Stack): Map<string, readonly Labelled[]> {
  const carriers = [...workloads(stack), ...ofKind(stack, "Job", "CronJob")];
  const found = new Map<string, Labelled[]>();
  for (const carrier of carriers.map(withLabels)) {
    const namespace = namespaceOf(carrier.resource);
    const others = found.get(namespace);
    if (others === undefined) found.set(namespace, [carrier]);
    else others.push(carrier);
  }
  return found;
}

function withLabels(resource: Resource): Labelled {
  const pod = podOf(resource);
  if (pod) return { resource, labels: labelsOf(pod.metadata) };
  // A template without spec is no pod, but its labels say what it would be.
  const labels = labelsOf(get(resource.data, "spec", "template", "metadata"));
  return { resource, labels: Object.keys(labels).length > 0 ? labels : stringMap(get(resource.data, "spec", "selector", "matchLabels")) };
}

/** Names of the Deployments that Flagger makes of a Canary's target, whose pods carry `-primary` labels. */
export function primaryLabels(stack: Stack, labels: Record<string, string>, name: string | undefined): Record<string, string>[] {
  const canaries = ofKind(stack, "Canary").filter((canary) => text(canary.data, "spec", "targetRef", "name") === name);
  if (canaries.length === 0 || name === undefined) return [labels];
  const key = ["app", "name", "app.kubernetes.io/name"].find((candidate) => labels[candidate] !== undefined);
  return key === undefined ? [labels] : [labels, { ...labels, [key]: `${labels[key] ?? ""}-primary` }];
}

const SERVICE = serviceFor({ app: "app" });
const elsewhere = (object: Obj, name = "app"): Obj => patched(object, { metadata: { name, namespace: "other" } });
const flagger = (name: string): Obj => manifest("flagger.app/v1beta1", "Canary", { spec: { targetRef: { kind: "Deployment", name } } });

export const serviceSelectsWorkload = stackRule({
  id: "service-selects-workload", title: "Every Service selects a workload of the stack.", severity: "medium",
  why: "A Service that selects nothing answers nobody.", fix: "Make spec.selector a part of the pods' labels.",
  examples: {
    pass: [
      [deployment(), SERVICE],
      [SERVICE],
      [deployment(), serviceFor({ app: "other" }, { type: "ExternalName" })],
      [deployment(), manifest("v1", "Service", { spec: { ports: [] } })],
      [deployment(), deployment({}, {}, { metadata: { name: "other" }, spec: { template: { metadata: { labels: { app: "other" } } } } }), SERVICE],
      [deployment(), serviceFor({ app: "other" }), elsewhere(SERVICE), { ...deployment(), kind: "Job", metadata: { name: "job", namespace: "shop" }, spec: { template: { metadata: { labels: { app: "other" } }, spec: {} } } }],
      [manifest("apps/v1", "Deployment", { spec: { template: { metadata: { labels: { app: "app" } } } } }), SERVICE],
      [manifest("apps/v1", "Deployment", { spec: { selector: { matchLabels: { app: "app" } } } }), SERVICE],
      ...["app", "name", "app.kubernetes.io/name"].map((key) => [flagger("other"), flagger("app"), deployment({}, {}, { spec: { template: { metadata: { labels: { app: undefined, [key]: "app" } } } } }), serviceFor({ [key]: "app-primary" }), serviceFor({ [key]: "app" }, {}, "second")]),
      [manifest("serving.knative.dev/v1", "Service", { spec: { selector: { app: "none" } } }), deployment()],
    ],
    fail: [
      [deployment(), serviceFor({ app: "other" })],
      [deployment(), serviceFor({ app: "app-primary" })],
      [deployment(), flagger("other"), serviceFor({ app: "app-primary" })],
      [elsewhere(deployment()), deployment(), serviceFor({ app: "other" })],
      [flagger("app"), deployment({}, {}, { spec: { template: { metadata: { labels: { app: undefined, tier: "web" } } } } }), serviceFor({ tier: "web-primary" })],
    ],
  },
  check: (stack) =>
    eachResource(ofKind(stack, "Service").filter((found) => found.group === ""), (found) => {
      if (!has(found.data, "spec", "selector") || text(found.data, "spec", "type") === "ExternalName") return undefined;
      const pods = podLabels(stack, namespaceOf(found)).flatMap(({ resource, labels }) => primaryLabels(stack, labels, nameOf(resource)));
      return pods.length === 0 || pods.some((labels) => mapSelects(get(found.data, "spec", "selector"), labels)) ? undefined : { path: "spec.selector", message: "the Service selects no pods of this stack" };
    }),
});

export const serviceSelectorUnique = stackRule({
  id: "service-selector-unique", title: "No two Services of a namespace have the same selector.", severity: "low",
  why: "It is often a copy whose selector was forgotten; traffic then reaches the wrong pods.", fix: "Give each Service a selector of its own.",
  examples: {
    pass: [[deployment(), SERVICE], [SERVICE, elsewhere(SERVICE, "copy")], [SERVICE, serviceFor({ app: "other" }, {}, "copy")], [manifest("v1", "Service", { spec: {} }), manifest("v1", "Service", { spec: {} }, "copy")], [SERVICE, manifest("serving.knative.dev/v1", "Service", { spec: { selector: { app: "app" } } })]],
    fail: [[SERVICE, { ...SERVICE, metadata: { name: "copy", namespace: "shop" } }], [serviceFor({ a: "1", b: "2" }), serviceFor({ b: "2", a: "1" }, {}, "copy")]],
  },
  check: (stack) => {
    const services = ofKind(stack, "Service").filter((found) => found.group === "");
    return eachResource(services, (found) => {
      const key = (other: Resource) => `${namespaceOf(other)} ${JSON.stringify(Object.entries(get(other.data, "spec", "selector") ?? {}).sort())}`;
      if (!has(found.data, "spec", "selector")) return undefined;
      const twin = services.find((other) => other !== found && has(other.data, "spec", "selector") && key(other) === key(found));
      return twin ? { path: "spec.selector", message: `Service ${nameOf(twin) ?? ""} has the same selector` } : undefined;
    });
  },
});

const budget = (spec: Obj) => manifest("policy/v1", "PodDisruptionBudget", { spec: { selector: { matchLabels: { app: "app" } }, maxUnavailable: 1, ...spec } });
const REPLICATED = ["Deployment", "StatefulSet", "Rollout"];
const BUDGET = (minAvailable: number) => budget({ maxUnavailable: undefined, minAvailable });
const autoscalerOf = (minReplicas: number) => manifest("autoscaling/v2", "HorizontalPodAutoscaler", { spec: { scaleTargetRef: { kind: "Deployment", name: "app" }, minReplicas, maxReplicas: 9 } });

export const workloadHasBudget = stackRule({
  id: "workload-has-budget", title: "Every replicated workload has a disruption budget.", severity: "low",
  why: "A node drain may otherwise take all replicas at once.", fix: "Add a PodDisruptionBudget that selects its pods.",
  examples: {
    pass: [[deployment(), budget({})], deployment({}, {}, { spec: { replicas: 1 } }), [flagger("app"), deployment(), budget({ selector: { matchLabels: { app: "app-primary" } } })], manifest("apps/v1", "Deployment", { spec: { replicas: 3 } })],
    fail: [deployment(), deployment({}, {}, { spec: { replicas: 2 } }), deployment({}, {}, { spec: { replicas: undefined } }), { ...deployment(), kind: "StatefulSet" }, { ...deployment(), kind: "Rollout", apiVersion: "argoproj.io/v1alpha1" }, [deployment(), elsewhere(budget({}))], [deployment(), budget({ selector: undefined })], [deployment(), budget({ selector: { matchLabels: { app: "other" } } })]],
  },
  check: (stack) =>
    eachResource(ofKind(stack, ...REPLICATED), (workload) => {
      const pod = podOf(workload);
      if (!pod || (num(workload.data, "spec", "replicas") ?? 2) < 2) return undefined;
      const labels = primaryLabels(stack, labelsOf(pod.metadata), nameOf(workload));
      const covered = ofKind(stack, "PodDisruptionBudget").some((found) => namespaceOf(found) === namespaceOf(workload) && has(found.data, "spec", "selector") && labels.some((each) => selects(get(found.data, "spec", "selector"), each)));
      return covered ? undefined : { path: pod.path, message: "no PodDisruptionBudget selects its pods" };
    }),
});

export const budgetHasTarget = stackRule({
  id: "budget-has-target", title: "Every disruption budget selects a workload.", severity: "medium",
  why: "A budget of nothing protects nothing.", fix: "Match the pods' labels.",
  examples: { pass: [[deployment(), budget({})], [flagger("app"), deployment(), budget({ selector: { matchLabels: { app: "app-primary" } } })]], fail: [budget({}), [elsewhere(deployment()), budget({})], [deployment(), budget({ selector: { matchLabels: { app: "other" } } })]] },
  check: (stack) => eachResource(ofKind(stack, "PodDisruptionBudget"), (found) => (targetsOf(stack, found).length === 0 ? { path: "spec.selector", message: "the budget selects no pods of this stack" } : undefined)),
});

function targetsOf(stack: Stack, budget: Resource): readonly Resource[] {
  return podLabels(stack, namespaceOf(budget))
    .filter(({ resource, labels }) => primaryLabels(stack, labels, nameOf(resource)).some((each) => selects(get(budget.data, "spec", "selector"), each)))
    .map(({ resource }) => resource);
}

export const budgetBelowReplicas = stackRule({
  id: "budget-below-replicas", title: "A disruption budget leaves its workload a pod to lose.", severity: "medium", level: "mandatory",
  why: "A budget as large as the replicas blocks every node drain.", fix: "Keep minAvailable below the replicas and the autoscaler's minimum.",
  examples: {
    pass: [
      [deployment(), budget({})], [deployment(), BUDGET(2)], [BUDGET(3)],
      [deployment({}, {}, { spec: { replicas: undefined } }), BUDGET(0)],
      [deployment({}, {}, { spec: { replicas: undefined } }), autoscalerOf(4), BUDGET(3)],
      [deployment({}, {}, { spec: { replicas: 1 } }), elsewhere(autoscalerOf(9)), { ...pod(), metadata: { name: "b", namespace: "shop", labels: { app: "app" } } }, BUDGET(1)],
    ],
    fail: [[deployment(), BUDGET(3)], [deployment(), autoscalerOf(2), BUDGET(2)], [pod(), BUDGET(1)], [deployment(), elsewhere(autoscalerOf(9)), BUDGET(3)]],
  },
  check: (stack) =>
    ofKind(stack, "PodDisruptionBudget").flatMap((found) => {
      const blocked = ask(() => {
        const available = get(found.data, "spec", "minAvailable");
        const targets = targetsOf(stack, found);
        const replicas = targets.reduce((sum, resource) => sum + replicasOf(stack, resource), 0);
        if (typeof available !== "number" || replicas === 0 || available < replicas) return undefined;
        const message = `${available} of ${replicas} pods must always stay, so none may ever go`;
        return [{ resource: found, path: "spec.minAvailable", message }, ...targets.map((resource) => ({ resource, path: "spec.replicas", message }))];
      }, found);
      return blocked;
    }),
});

/** Fewest replicas of a workload: its autoscaler's minimum, else its own; 0 when nothing says. */
function replicasOf(stack: Stack, workload: Resource): number {
  const scaler = ofKind(stack, "HorizontalPodAutoscaler").find((found) => text(found.data, "spec", "scaleTargetRef", "name") === nameOf(workload) && namespaceOf(found) === namespaceOf(workload));
  return scaler ? (num(scaler.data, "spec", "minReplicas") ?? 0) : (num(workload.data, "spec", "replicas") ?? (workload.kind === "Pod" ? 1 : 0));
}

const autoscaler = manifest("autoscaling/v2", "HorizontalPodAutoscaler", { spec: { scaleTargetRef: { apiVersion: "apps/v1", kind: "Deployment", name: "app" }, minReplicas: 2, maxReplicas: 5 } });

export const autoscalerHasTarget = stackRule({
  id: "autoscaler-has-target", title: "Every autoscaler has a workload of the stack.", severity: "medium",
  why: "An autoscaler without target scales nothing.", fix: "Name the workload in scaleTargetRef.",
  examples: { pass: [[autoscaler, deployment({}, {}, { spec: { replicas: undefined } })]], fail: [autoscaler, [autoscaler, deployment({}, {}, { metadata: { name: "other" } })], [autoscaler, deployment({}, {}, { metadata: { namespace: "other" } })], [autoscaler, { ...deployment(), kind: "StatefulSet" }]] },
  check: (stack) =>
    eachResource(ofKind(stack, "HorizontalPodAutoscaler"), (found) => {
      const [kind, name] = [text(found.data, "spec", "scaleTargetRef", "kind") ?? "", text(found.data, "spec", "scaleTargetRef", "name")];
      const target = ofKind(stack, kind).find((workload) => nameOf(workload) === name && namespaceOf(workload) === namespaceOf(found));
      return target ? undefined : { path: "spec.scaleTargetRef", message: `${kind} ${name ?? ""} is not in this stack` };
    }),
});

export const autoscalerAlone = stackRule({
  id: "autoscaler-alone", title: "No two autoscalers scale the same workload.", severity: "medium",
  why: "Each undoes what the other did.", fix: "Put the metrics of both into one.",
  examples: { pass: [[autoscaler, manifest("autoscaling/v2", "HorizontalPodAutoscaler", { spec: { scaleTargetRef: { kind: "Deployment", name: "other" } } }, "other")], [autoscaler, elsewhere(autoscaler, "twin")], [autoscaler, patched(autoscaler, { metadata: { name: "twin" }, spec: { scaleTargetRef: { kind: "StatefulSet" } } })]], fail: [[autoscaler, { ...autoscaler, metadata: { name: "twin", namespace: "shop" } }], [autoscaler, { ...autoscaler, metadata: { generateName: "twin-", namespace: "shop" } }]] },
  check: (stack) =>
    eachResource(ofKind(stack, "HorizontalPodAutoscaler"), (found) => {
      const key = (other: Resource) => `${namespaceOf(other)} ${text(other.data, "spec", "scaleTargetRef", "kind") ?? ""} ${text(other.data, "spec", "scaleTargetRef", "name") ?? ""}`;
      const twin = ofKind(stack, "HorizontalPodAutoscaler").find((other) => other !== found && key(other) === key(found));
      return twin ? { path: "spec.scaleTargetRef", message: `the workload is also scaled by ${nameOf(twin) ?? "another"}` } : undefined;
    }),
});

export const fixedReplicasUnderAutoscaler = stackRule({
  id: "no-fixed-replicas-under-autoscaler", title: "A workload with an autoscaler has no replicas of its own.", severity: "medium",
  why: "Every update sets the replicas back, in the middle of the load.", fix: "Remove spec.replicas.",
  examples: { pass: [[autoscaler, deployment({}, {}, { spec: { replicas: undefined } })], [autoscaler, patched(deployment(), { status: { replicas: 3 } })], [elsewhere(autoscaler), deployment()], [patched(autoscaler, { spec: { scaleTargetRef: { kind: "StatefulSet" } } }), deployment()]], fail: [[autoscaler, deployment()], [patched(autoscaler, { metadata: { name: "a" }, spec: { scaleTargetRef: { name: "other" } } }), autoscaler, deployment()]] },
  check: (stack) =>
    eachResource(ofKind(stack, ...REPLICATED), (workload) => {
      const scaled = ofKind(stack, "HorizontalPodAutoscaler").some((found) => text(found.data, "spec", "scaleTargetRef", "name") === nameOf(workload) && text(found.data, "spec", "scaleTargetRef", "kind") === workload.kind && namespaceOf(found) === namespaceOf(workload));
      return scaled && hasFixedReplicas(workload) ? { path: "spec.replicas", message: "an autoscaler sets the replicas of this workload" } : undefined;
    }),
});

const policy = (podSelector: Obj) => manifest("networking.k8s.io/v1", "NetworkPolicy", { spec: { podSelector, policyTypes: ["Ingress"] } });

export const networkPolicyHasTarget = stackRule({
  id: "network-policy-has-target", title: "Every NetworkPolicy selects pods of the stack.", severity: "medium",
  why: "A policy whose selector is mistaken protects nothing, and nobody notices.", fix: "Match the pods' labels.",
  examples: { pass: [[deployment(), policy({ matchLabels: { app: "app" } })], policy({}), [flagger("app"), deployment(), policy({ matchLabels: { app: "app-primary" } })]], fail: [[deployment(), policy({ matchLabels: { app: "other" } })], [elsewhere(deployment()), policy({ matchLabels: { app: "app" } })]] },
  check: (stack) =>
    eachResource(networkPolicies(stack), (found) => {
      const selector = get(found.data, "spec", "podSelector");
      if (selectsAll(selector)) return undefined;
      const pods = podLabels(stack, namespaceOf(found)).flatMap(({ resource, labels }) => primaryLabels(stack, labels, nameOf(resource)));
      return pods.some((labels) => selects(selector, labels)) ? undefined : { path: "spec.podSelector", message: "the policy selects no pods of this stack" };
    }),
});

const monitor = (selector: Obj, spec: Obj = {}) => manifest("monitoring.coreos.com/v1", "ServiceMonitor", { spec: { selector, endpoints: [{ port: "http" }], ...spec } });

export const monitorHasTarget = stackRule({
  id: "monitor-has-target", title: "Every ServiceMonitor and PodMonitor selects something of the stack.", severity: "medium",
  why: "A monitor that selects nothing leaves the dashboards empty and the alerts silent.", fix: "Match the labels of the Service, or of the pods.",
  examples: {
    pass: [
      [SERVICE, monitor({ matchLabels: { app: "app" } })],
      [elsewhere(SERVICE), monitor({ matchLabels: { app: "app" } }, { namespaceSelector: { any: true } })],
      [elsewhere(SERVICE), monitor({ matchLabels: { app: "app" } }, { namespaceSelector: { matchNames: ["other"] } })],
      [deployment(), { ...monitor({ matchLabels: { app: "app" } }), kind: "PodMonitor" }],
    ],
    fail: [
      [SERVICE, monitor({ matchLabels: { app: "other" } })],
      [elsewhere(SERVICE), monitor({ matchLabels: { app: "app" } }, { namespaceSelector: { any: false } })],
      [SERVICE, monitor({ matchLabels: { app: "app" } }, { namespaceSelector: { matchNames: ["other"] } })],
      [SERVICE, elsewhere(deployment()), { ...monitor({ matchLabels: { app: "app" } }), kind: "PodMonitor" }],
      [deployment(), monitor({ matchLabels: { app: "app" } })],
    ],
  },
  check: (stack) =>
    eachResource(ofKind(stack, "ServiceMonitor", "PodMonitor"), (found) => {
      const selector = get(found.data, "spec", "selector");
      const names = texts(found.data, "spec", "namespaceSelector", "matchNames");
      const anywhere = get(found.data, "spec", "namespaceSelector", "any") === true;
      const near = (other: Resource) => anywhere || (names.length > 0 ? names.includes(namespaceOf(other)) : namespaceOf(other) === namespaceOf(found));
      const labels = found.kind === "ServiceMonitor"
        ? ofKind(stack, "Service").filter(near).map((other) => labelsOf(get(other.data, "metadata")))
        : workloads(stack).filter(near).map((other) => labelsOf(podOf(other)?.metadata));
      return labels.some((each) => selects(selector, each)) ? undefined : { path: "spec.selector", message: "the monitor selects nothing of this stack" };
    }),
});

export const serviceAccountExists = stackRule({
  id: "service-account-exists", title: "The service account of every pod is declared.", severity: "medium",
  why: "Pods of an account that doesn't exist are never created.", fix: "Declare the ServiceAccount in the same stack.",
  examples: {
    pass: [[deployment(), manifest("v1", "ServiceAccount", { automountServiceAccountToken: false })], ...["", "default", undefined].map((serviceAccountName) => deployment({}, { serviceAccountName })), manifest("apps/v1", "Deployment", { spec: {} })],
    fail: [[deployment(), manifest("v1", "ServiceAccount", {}, "other")], [deployment(), elsewhere(manifest("v1", "ServiceAccount", {}))], deployment({}, { serviceAccountName: undefined, serviceAccount: "old" }), manifest("batch/v1", "Job", { spec: { template: { spec: { serviceAccountName: "job" } } } }), manifest("batch/v1", "CronJob", { spec: { jobTemplate: { spec: { template: { spec: { serviceAccountName: "job" } } } } } })],
  },
  check: (stack) =>
    eachResource([...workloads(stack), ...ofKind(stack, "Job", "CronJob")], (workload) => {
      const pod = podOf(workload);
      const name = pod && (text(pod.spec, "serviceAccountName") ?? text(pod.spec, "serviceAccount"));
      if (!pod || name === undefined || name === "" || name === "default") return undefined;
      return ofKind(stack, "ServiceAccount").some((found) => nameOf(found) === name && namespaceOf(found) === namespaceOf(workload)) ? undefined : { path: `${pod.specPath}.serviceAccountName`, message: `ServiceAccount ${name} is not in this stack` };
    }),
});

const FILLED = [{ name: "LEVEL", valueFrom: { configMapKeyRef: { name: "app", key: "level" } } }];
const FROM_SECRET = [{ name: "URL", valueFrom: { secretKeyRef: { name: "app", key: "url" } } }];
const fetching = (spec: Obj) => manifest("external-secrets.io/v1", "ExternalSecret", { spec });
const configMap = (data: Obj) => manifest("v1", "ConfigMap", { data });

export const envSourceExists = stackRule({
  id: "env-source-exists", title: "Keys that environment variables refer to are declared.", severity: "medium",
  why: "The pod doesn't start until the key is there.", fix: "Declare the key, or mark the reference optional.",
  examples: {
    pass: [
      [deployment({ env: FILLED }), configMap({ level: "INFO" })],
      deployment({ env: [{ name: "A", value: "1" }, { name: "B", valueFrom: { configMapKeyRef: { name: "gone", key: "x", optional: true } } }] }),
      manifest("apps/v1", "Deployment", { spec: {} }),
      ...["data", "stringData"].map((part) => [deployment({ env: FROM_SECRET }), manifest("v1", "Secret", { [part]: { url: "x" } })]),
      [deployment({ env: FILLED }), manifest("v1", "ConfigMap", { binaryData: { level: "x" } })],
      [deployment({ env: FROM_SECRET }), fetching({ data: [{ secretKey: "other" }, { secretKey: "url" }] })],
      [deployment({ env: FROM_SECRET }), fetching({ dataFrom: [{ extract: { key: "a" } }] })],
      [deployment({ env: FROM_SECRET }), patched(fetching({ target: { name: "app", template: { data: { url: "{{ .url }}" } } } }), { metadata: { name: "fetcher" } })],
    ],
    fail: [
      [deployment({ env: FILLED }), configMap({ other: "INFO" })], deployment({ env: FILLED }),
      [deployment({ env: FILLED }), elsewhere(configMap({ level: "INFO" }))],
      [deployment({ env: FROM_SECRET }), configMap({ url: "x" })],
      [deployment({ env: FILLED }), fetching({ data: [{ secretKey: "level" }] })],
      [deployment({ env: FROM_SECRET }), elsewhere(fetching({ dataFrom: [] }))],
      [deployment({ env: FROM_SECRET }), fetching({ target: { name: "other" }, dataFrom: [] })],
      [deployment({ env: FROM_SECRET }), fetching({ data: [{ secretKey: "other" }] })],
      deployment({ env: [{ name: "A", valueFrom: { secretKeyRef: {} } }] }),
      manifest("batch/v1", "Job", { spec: { template: { spec: { containers: [{ name: "a", env: FILLED }] } } } }),
      manifest("batch/v1", "CronJob", { spec: { jobTemplate: { spec: { template: { spec: { containers: [{ name: "a", env: FILLED }] } } } } } }),
    ],
  },
  check: (stack) =>
    eachResource([...workloads(stack), ...ofKind(stack, "Job", "CronJob")], (workload) => {
      const pod = podOf(workload);
      if (!pod) return undefined;
      return containersOf(pod).flatMap((container) =>
        list(container.spec, "env").flatMap((entry, index) =>
          (["configMapKeyRef", "secretKeyRef"] as const).flatMap((source) => {
            const ref = get(entry, "valueFrom", source);
            if (ref === undefined || get(ref, "optional") === true) return [];
            const kind = source === "configMapKeyRef" ? "ConfigMap" : "Secret";
            return keyDeclared(stack, namespaceOf(workload), kind, text(ref, "name") ?? "", text(ref, "key") ?? "") ? [] : [{ path: `${container.path}.env[${index}].valueFrom.${source}`, message: `key ${text(ref, "key") ?? ""} of ${kind} ${text(ref, "name") ?? ""} is not in this stack` }];
          }),
        ),
      );
    }),
});

function keyDeclared(stack: Stack, namespace: string, kind: string, name: string, key: string): boolean {
  const near = (found: Resource) => namespaceOf(found) === namespace;
  const written = ofKind(stack, kind).some((found) => near(found) && nameOf(found) === name && ["data", "stringData", "binaryData"].some((part) => has(found.data, part, key)));
  // An ExternalSecret makes the Secret; dataFrom and templates bring keys that only the store knows.
  const fetched = kind === "Secret" && ofKind(stack, "ExternalSecret").some((found) => near(found) && (text(found.data, "spec", "target", "name") ?? nameOf(found)) === name && (has(found.data, "spec", "dataFrom") || has(found.data, "spec", "target", "template", "data") || list(found.data, "spec", "data").some((entry) => text(entry, "secretKey") === key)));
  return written || fetched;
}

export const statefulSetHeadless = stackRule({
  id: "stateful-set-headless", title: "A StatefulSet's Service is headless and selects its pods.", severity: "low",
  why: "Only a headless Service gives each pod a name of its own.", fix: "Set clusterIP: None on the Service named in serviceName.",
  examples: {
    pass: [[stateful(), manifest("v1", "Service", { spec: { clusterIP: "None", selector: { app: "app" } } })], stateful(), [patched(stateful(), { spec: { serviceName: undefined } }), SERVICE]],
    fail: [[stateful(), SERVICE], [stateful(), manifest("v1", "Service", { spec: { clusterIP: "None" } }, "other")], [stateful(), manifest("v1", "Service", { spec: { clusterIP: "None", selector: { app: "other" } } })], [stateful(), serviceFor({ app: "other" }, {}, "second"), elsewhere(manifest("v1", "Service", { spec: { clusterIP: "None", selector: { app: "app" } } }))]],
  },
  check: (stack) =>
    eachResource(ofKind(stack, "StatefulSet"), (found) => {
      const name = text(found.data, "spec", "serviceName");
      if (name === undefined || !holds(stack, namespaceOf(found), "Service")) return undefined;
      const there = ofKind(stack, "Service").find((other) => nameOf(other) === name && namespaceOf(other) === namespaceOf(found));
      if (!there) return { path: "spec.serviceName", message: `Service ${name} is not in this stack` };
      const headless = text(there.data, "spec", "clusterIP") === "None" && mapSelects(get(there.data, "spec", "selector"), labelsOf(podOf(found)?.metadata));
      return headless ? undefined : { path: "spec.serviceName", message: `Service ${name} is not headless, or selects other pods` };
    }),
});

function stateful(): Obj {
  return { ...deployment({}, {}, { spec: { serviceName: "app" } }), kind: "StatefulSet" };
}
