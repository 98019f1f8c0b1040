/** Who may talk to whom. */
import { labelsOf, nameOf, namespaceOf, type Resource, type Stack } from "../resource.ts";
import { LONG_RUNNING, podOf } from "../kubernetes/pods.ts";
import { ofKind } from "../stack-index.ts";
import { selects, selectsAll } from "../kubernetes/selector.ts";
import { eachResource, stackRule } from "../rule.ts";
import { get, has, list, texts, type Obj } from "../value.ts";
import { z } from "zod";
import { deployment, manifest } from "./examples.ts";

const DENY_ALL = manifest("networking.k8s.io/v1", "NetworkPolicy", { spec: { podSelector: {}, policyTypes: ["Ingress", "Egress"] } }, "default-deny");

const denying = (spec: Obj, name = "deny") => manifest("networking.k8s.io/v1", "NetworkPolicy", { spec: { podSelector: {}, ...spec } }, name);
const own = (spec: Obj) => manifest("networking.k8s.io/v1", "NetworkPolicy", { spec: { podSelector: { matchLabels: { app: "app" } }, ...spec } });

/** NetworkPolicies of a stack. */
export function networkPolicies(stack: Stack): readonly Resource[] {
  return ofKind(stack, "NetworkPolicy").filter((resource) => resource.group === "networking.k8s.io");
}

/** Whether a NetworkPolicy isolates a direction, as Kubernetes derives it when policyTypes is absent. @throws {UnknownRead} */
export function isolates(policy: Resource, direction: "Ingress" | "Egress"): boolean {
  const types = texts(policy.data, "spec", "policyTypes");
  if (types.length > 0) return types.includes(direction);
  return direction === "Ingress" || has(policy.data, "spec", "egress");
}

function deniesAll(policy: Resource, direction: "Ingress" | "Egress"): boolean {
  const rules = list(policy.data, "spec", direction === "Ingress" ? "ingress" : "egress");
  return selectsAll(get(policy.data, "spec", "podSelector")) && isolates(policy, direction) && rules.length === 0;
}

/** Long-running workloads and bare pods of a stack. */
export function workloads(stack: Stack): readonly Resource[] {
  return ofKind(stack, "Pod", ...LONG_RUNNING.map((kind) => kind.replace(/^.*\//, "")));
}

export const namespaceDefaultDeny = stackRule({
  id: "namespace-default-deny",
  title: "Every namespace with workloads denies all traffic by default, both ways.",
  severity: "high",
  why: "Without it every pod of the cluster can reach every other: one broken service reads all databases.",
  fix: "Add a NetworkPolicy with an empty podSelector, policyTypes Ingress and Egress, and no rules; then allow what is needed, one policy each.",
  examples: {
    pass: [[deployment(), DENY_ALL], [manifest("v1", "Namespace", { metadata: { namespace: undefined } }, "shop"), DENY_ALL], manifest("apps/v1", "Deployment", { spec: {} }), [deployment(), denying({ policyTypes: ["Ingress"] }, "in"), denying({ policyTypes: ["Egress"] }, "out")]],
    fail: [
      deployment(), { ...deployment(), kind: "DaemonSet" }, { ...deployment(), apiVersion: "argoproj.io/v1alpha1", kind: "Rollout" }, manifest("v1", "Pod", { spec: {} }),
      manifest("v1", "Namespace", { metadata: { namespace: undefined } }, "shop"), { apiVersion: "v1", kind: "Namespace", metadata: { generateName: "a-" } },
      [deployment(), denying({})], [deployment(), denying({ policyTypes: ["Egress"] })], [deployment(), denying({ policyTypes: ["Ingress", "Egress"], ingress: [{}] })], [deployment(), denying({ egress: [{}] })],
      [deployment(), own({ policyTypes: ["Ingress", "Egress"] })], [deployment(), { ...DENY_ALL, metadata: { name: "far", namespace: "other" } }], [deployment(), { ...DENY_ALL, apiVersion: "example.org/v1" }],
    ],
  },
  check: (stack) =>
    eachResource([...workloads(stack), ...ofKind(stack, "Namespace")], (workload) => {
      const whole = workload.kind === "Namespace";
      if (!whole && !podOf(workload)) return undefined;
      const namespace = whole ? (nameOf(workload) ?? "") : namespaceOf(workload);
      const policies = networkPolicies(stack).filter((policy) => namespaceOf(policy) === namespace);
      const open = (["Ingress", "Egress"] as const).filter((direction) => !policies.some((policy) => deniesAll(policy, direction)));
      return open.length === 0 ? undefined : { path: whole ? "metadata.name" : "metadata.namespace", message: `namespace ${namespace} has no default deny for ${open.join(" and ").toLowerCase()}` };
    }),
});

/** Everything that brings pods, Jobs among them. */
function podBearers(stack: Stack): readonly Resource[] {
  return [...workloads(stack), ...ofKind(stack, "Job", "CronJob")];
}

export const workloadIsolated = stackRule({
  id: "workload-isolated",
  title: "Every workload is selected by NetworkPolicies for ingress and for egress.",
  severity: "medium",
  level: "mandatory",
  why: "A pod that no policy selects accepts and opens any connection.",
  fix: "Add a NetworkPolicy whose podSelector matches the pod's labels, or a default deny for the namespace.",
  parameters: z.strictObject({ directions: z.array(z.enum(["Ingress", "Egress"])).default(["Ingress", "Egress"]).describe("directions in which a workload must be isolated") }),
  examples: { pass: [[deployment(), DENY_ALL], [deployment(), own({ policyTypes: ["Ingress", "Egress"] })], [deployment(), own({ egress: [{}] })]], fail: [deployment(), [deployment(), own({})], [deployment(), own({ policyTypes: ["Egress"] })], [deployment(), { ...DENY_ALL, metadata: { name: "far", namespace: "other" } }], ...["Job", "ReplicaSet"].map((kind) => ({ ...deployment(), kind })), manifest("batch/v1", "CronJob", { spec: { jobTemplate: { spec: { template: { spec: {} } } } } }), [deployment(), own({ podSelector: { matchLabels: { app: "other" } } })]] },
  check: (stack, { directions }) =>
    eachResource(podBearers(stack), (workload) => {
      const pod = podOf(workload);
      if (!pod) return undefined;
      const namespace = namespaceOf(workload);
      const labels = labelsOf(pod.metadata);
      const selecting = networkPolicies(stack).filter((policy) => namespaceOf(policy) === namespace && selects(get(policy.data, "spec", "podSelector"), labels));
      const open = directions.filter((direction) => !selecting.some((policy) => isolates(policy, direction)));
      return open.length === 0 ? undefined : { path: pod.path, message: `no NetworkPolicy of namespace ${namespace} selects its pods for ${open.join(" and ").toLowerCase()}` };
    }),
});
