/** Names, labels, annotations, namespaces, and API versions. */
import { z } from "zod";
import { parseImage } from "../kubernetes/image.ts";
import { containersOf, POD_CARRIERS, podOf, podRule } from "../kubernetes/pods.ts";
import { annotation, labelsOf, stringMap } from "../resource.ts";
import { each, resourceRule, type Finding } from "../rule.ts";
import { get, text, within, type Obj } from "../value.ts";
import { deployment, manifest, pod } from "./examples.ts";

export const notDefaultNamespace = resourceRule({
  id: "not-default-namespace", title: "Nothing stands in the namespace default.", severity: "low", kinds: [...POD_CARRIERS, "Service", "ConfigMap", "Secret", "ServiceAccount", "PersistentVolumeClaim", "Ingress", "Role", "RoleBinding", "NetworkPolicy"],
  why: "Quotas, network policies and rights are given by namespace; default has none and everybody's things.", fix: "Set metadata.namespace.",
  examples: { pass: [deployment(), manifest("v1", "ServiceAccount", { metadata: { namespace: "default" } }, "default"), manifest("v1", "Service", { metadata: { namespace: undefined } }, "kubernetes")], fail: [manifest("v1", "Service", { metadata: { namespace: "default" } }), manifest("v1", "ServiceAccount", { metadata: { namespace: "" } }), deployment({}, {}, { metadata: { namespace: "default" } }), deployment({}, {}, { metadata: { namespace: undefined } })] },
  check: ({ kind, data }) => {
    const namespace = text(data, "metadata", "namespace") ?? "";
    // Kubernetes itself makes these two, and nobody can move them.
    if ((kind === "Service" && text(data, "metadata", "name") === "kubernetes") || (kind === "ServiceAccount" && text(data, "metadata", "name") === "default")) return [];
    return namespace === "" || namespace === "default" ? [{ path: "metadata.namespace", message: namespace === "" ? "no namespace is named" : "it stands in default" }] : [];
  },
});

const namespace = (labels: Obj) => manifest("v1", "Namespace", { metadata: { namespace: undefined, labels } }, "shop");
const ENFORCE = "pod-security.kubernetes.io/enforce";

export const namespacePodSecurity = resourceRule({
  id: "namespace-pod-security", title: "Every namespace enforces a Pod Security Standard.", severity: "medium", level: "mandatory", kinds: ["Namespace"],
  why: "The API server then refuses what slipped past this pack.", fix: `Label the namespace ${ENFORCE}: restricted.`,
  parameters: z.strictObject({ levels: z.array(z.string()).default(["restricted", "baseline"]).describe("levels that may be enforced") }),
  examples: { pass: [namespace({ [ENFORCE]: "restricted" }), namespace({ [ENFORCE]: "baseline" })], fail: [namespace({}), namespace({ [ENFORCE]: "privileged" })] },
  check: ({ data }, { levels }) => {
    const level = labelsOf(get(data, "metadata"))[ENFORCE];
    return level !== undefined && levels.includes(level) ? [] : [{ path: `metadata.labels["${ENFORCE}"]`, message: level === undefined ? "no standard is enforced" : `the level ${level} is enforced` }];
  },
});

const keyed = z.record(z.string(), z.string().describe("regular expression")).default({});

const NAMING = ["app", "name", "app.kubernetes.io/name", "app.kubernetes.io/instance", "k8s-app"];

export const requiredLabels = resourceRule({
  id: "required-labels", title: "Objects carry the labels that are required.", severity: "low", kinds: [...POD_CARRIERS, "Service", "Namespace", "Ingress"],
  why: "Without them nobody can tell whose it is, and what belongs together.", fix: "Add the labels.",
  parameters: z.strictObject({ labels: keyed.describe("label to regular expression on its value"), recommended: z.boolean().default(true).describe("ask for app, name or app.kubernetes.io/name when no labels are listed") }),
  examples: {
    parameters: { labels: { team: "^[a-z]+$" } },
    pass: [deployment({}, {}, { metadata: { labels: { team: "shop" } } }), deployment({}, {}, { spec: { template: { metadata: { labels: { team: "shop" } } } } })],
    fail: [deployment(), deployment({}, {}, { metadata: { labels: { team: "Shop 2" } } }), namespace({})],
    more: [{ pass: [...NAMING.map((key) => deployment({}, {}, { metadata: { labels: { app: undefined, [key]: "shop" } }, spec: { template: { metadata: undefined } } })), namespace({})], fail: [deployment({}, {}, { metadata: { labels: undefined }, spec: { template: { metadata: undefined } } })] }],
  },
  check: (resource, { labels, recommended }) => {
    const { kind, data } = resource;
    const own = { ...labelsOf(podOf(resource)?.metadata), ...labelsOf(get(data, "metadata")) };
    const missing = Object.entries(labels).filter(([key, pattern]) => !new RegExp(pattern).test(own[key] ?? "") || own[key] === undefined).map(([key]) => ({ path: `metadata.labels["${key}"]`, message: `label ${key} is ${own[key] === undefined ? "missing" : "not of the required form"}` }));
    const named = NAMING.some((key) => own[key] !== undefined);
    if (Object.keys(labels).length === 0 && recommended && kind !== "Namespace" && !named) return [{ path: "metadata.labels", message: "no label says which application it belongs to" }];
    return missing;
  },
});

export const requiredAnnotations = resourceRule({
  id: "required-annotations", title: "Objects carry the annotations that are required.", severity: "low", kinds: [...POD_CARRIERS, "Service", "Namespace", "Ingress"],
  why: "They say whom to call.", fix: "Add the annotations.",
  parameters: z.strictObject({ annotations: keyed.describe("annotation to regular expression on its value") }),
  examples: { parameters: { annotations: { owner: "@example\\.org$" } }, pass: [pod({}, {}, { annotations: { owner: "ann@example.org" } }), deployment({}, {}, { spec: { template: { metadata: { annotations: { owner: "ann@example.org" } } } } }), deployment({}, {}, { metadata: { annotations: { owner: "ann@example.org" } } })], fail: [pod(), pod({}, {}, { annotations: { owner: "ann" } })] },
  check: (resource, { annotations }) => {
    const own = { ...stringMap(get(podOf(resource)?.metadata, "annotations")), ...stringMap(get(resource.data, "metadata", "annotations")) };
    return Object.entries(annotations).filter(([key, pattern]) => own[key] === undefined || !new RegExp(pattern).test(own[key])).map(([key]) => ({ path: `metadata.annotations["${key}"]`, message: `annotation ${key} is ${own[key] === undefined ? "missing" : "not of the required form"}` }));
  },
});

/** API versions with the Kubernetes version that took them away. */
const REMOVED: Readonly<Record<string, readonly [version: number, kinds: string]>> = {
  "extensions/v1beta1": [22, "*"],
  "apps/v1beta1": [16, "*"],
  "apps/v1beta2": [16, "*"],
  "batch/v1beta1": [25, "*"],
  "batch/v2alpha1": [21, "*"],
  "policy/v1beta1": [25, "*"],
  "networking.k8s.io/v1beta1": [22, "Ingress IngressClass"],
  "rbac.authorization.k8s.io/v1beta1": [22, "*"],
  "rbac.authorization.k8s.io/v1alpha1": [22, "*"],
  "apiextensions.k8s.io/v1beta1": [22, "*"],
  "admissionregistration.k8s.io/v1beta1": [22, "MutatingWebhookConfiguration ValidatingWebhookConfiguration"],
  "certificates.k8s.io/v1beta1": [22, "CertificateSigningRequest"],
  "coordination.k8s.io/v1beta1": [22, "Lease"],
  "scheduling.k8s.io/v1beta1": [22, "*"],
  "storage.k8s.io/v1beta1": [22, "CSIDriver CSINode StorageClass VolumeAttachment"],
  "discovery.k8s.io/v1beta1": [25, "*"],
  "events.k8s.io/v1beta1": [25, "*"],
  "node.k8s.io/v1beta1": [25, "*"],
  "autoscaling/v2beta1": [25, "*"],
  "autoscaling/v2beta2": [26, "*"],
  "flowcontrol.apiserver.k8s.io/v1beta1": [26, "*"],
  "flowcontrol.apiserver.k8s.io/v1beta2": [29, "*"],
  "flowcontrol.apiserver.k8s.io/v1beta3": [32, "*"],
};

const gone = (apiVersion: string, kind: string) => manifest(apiVersion, kind, {});

export const noRemovedApi = resourceRule({
  id: "no-removed-api", title: "No object uses an API version that the cluster no longer serves.", severity: "high", kinds: ["*"],
  why: "The API server refuses it.", fix: "Use the version that took its place; kubectl explain KIND tells it.",
  parameters: z.strictObject({ kubernetesMinor: z.int().default(35).describe("minor version of the cluster, 35 for 1.35") }),
  examples: {
    pass: [deployment(), { ...deployment(), apiVersion: "batch/v1" }, gone("storage.k8s.io/v1beta1", "VolumeAttributesClass"), gone("networking.k8s.io/v1beta1", "IPAddress"), gone("v1beta1", "Deployment")],
    fail: [{ ...deployment(), apiVersion: "extensions/v1beta1" }, ...Object.entries(REMOVED).map(([api, [, kinds]]) => gone(api, kinds === "*" ? "Any" : (kinds.split(" ").at(-1) ?? ""))), gone("storage.k8s.io/v1beta1", "CSIStorageCapacity"), gone("storage.k8s.io/v1beta1", "CSIDriver")],
  },
  check: ({ group, version, kind }, { kubernetesMinor }) => {
    const api = group === "" ? version : `${group}/${version}`;
    const removed = api === "storage.k8s.io/v1beta1" && kind === "CSIStorageCapacity" ? ([27, "*"] as const) : REMOVED[api];
    if (!removed || removed[0] > kubernetesMinor || (removed[1] !== "*" && !removed[1].split(" ").includes(kind))) return [];
    return [{ path: "apiVersion", message: `${api} ${kind} is gone since Kubernetes 1.${removed[0]}` }];
  },
});

const DANGEROUS = [["tiller", "Helm's Tiller"], ["kubernetes-dashboard", "the Kubernetes dashboard"], ["kubernetesui/dashboard", "the Kubernetes dashboard"]] as const;

const DASHBOARD_LABELS = ["app", "k8s-app", "app.kubernetes.io/name"];

export const noDangerousImages = podRule({
  id: "no-dangerous-software", title: "No Tiller and no Kubernetes dashboard.", severity: "high",
  why: "Both were the way into many clusters: they hold wide rights and ask for little.", fix: "Use Helm 3, and kubectl or a dashboard outside the cluster.",
  examples: {
    pass: [pod(), pod({ image: undefined })],
    fail: [pod({ image: "docker.io/tiller:v2" }), ...DANGEROUS.map(([name]) => pod({ image: `registry.example.com/${name}:1` })), ...DASHBOARD_LABELS.map((key) => deployment({}, {}, { metadata: { labels: { [key]: "kubernetes-dashboard" } } })), deployment({}, {}, { spec: { template: { metadata: { labels: { app: "kubernetes-dashboard" } } } } })],
  },
  check: (pod) => [
    ...each(containersOf(pod), (container) => {
      const image = text(container.spec, "image") ?? "";
      const hit = DANGEROUS.find(([name]) => image.includes(name));
      return hit ? { path: within(container.path, "image"), message: `${container.label} is ${hit[1]}` } : undefined;
    }),
    ...dashboardLabels(pod.metadata, get(pod.resource.data, "metadata")).map((message) => ({ path: "metadata.labels", message })),
  ],
});

function dashboardLabels(...metadata: unknown[]): string[] {
  const hit = metadata.some((part) => DASHBOARD_LABELS.some((key) => labelsOf(part)[key] === "kubernetes-dashboard"));
  return hit ? ["its labels are the Kubernetes dashboard's"] : [];
}

const NGINX = /(^|\/)(ingress-nginx\/(controller|controller-chroot)|nginx-ingress-controller|ingress-nginx-controller)(:|@|$)/;

export const noIngressNginx = podRule({
  id: "no-ingress-nginx-controller", title: "The retired ingress-nginx controller doesn't run.", severity: "medium",
  why: "The project was retired in 2026: its next hole stays open.", fix: "Move to a Gateway API implementation.",
  parameters: z.strictObject({ allowedFrom: z.string().regex(/^(\d+(\.\d+)*)?$/).default("").describe("version from which it may run all the same, as in 1.11.2; empty allows none") }),
  examples: {
    parameters: { allowedFrom: "1.11.2" },
    pass: [pod(), pod({ image: "registry.k8s.io/ingress-nginx/controller:v1.11.2" }), pod({ image: "registry.k8s.io/ingress-nginx/controller-chroot:v1.12" }), pod({ image: "nginx-ingress-controller:v2-3.9" }), pod({ image: undefined })],
    fail: [pod({ image: "registry.k8s.io/ingress-nginx/controller:v1.11" }), pod({ image: "registry.k8s.io/ingress-nginx/controller:main-v9" }), pod({ image: "registry.k8s.io/ingress-nginx/controller:v1.9.4" }), pod({ image: "registry.k8s.io/ingress-nginx/controller" }), pod({ image: "registry.example.com/nginx-ingress-controller:1.11.1" })],
  },
  check: (pod, { allowedFrom }) =>
    each(containersOf(pod), (container) => {
      const image = text(container.spec, "image") ?? "";
      if (!NGINX.test(image) || (allowedFrom !== "" && notBefore(parseImage(image)?.tag ?? "", allowedFrom))) return undefined;
      return { path: within(container.path, "image"), message: `${container.label} is the ingress-nginx controller` };
    }),
});

/** Whether a version (`v1.12.0-rc1`: the numbers count) is the other one or a later one. */
function notBefore(version: string, other: string): boolean {
  const [own, least] = [version, other].map((written) => (/^v?(\d+(?:\.\d+)*)/.exec(written)?.[1] ?? "0").split(".").map(Number));
  const difference = least?.map((part, index) => (own?.[index] ?? 0) - part).find((step) => step !== 0) ?? 0;
  return difference >= 0;
}

const INJECT = "sidecar.istio.io/inject";

export const meshInjection = resourceRule({
  id: "mesh-injection-kept", title: "No pod or namespace steps out of the mesh.", severity: "medium", level: "mandatory", kinds: [...POD_CARRIERS, "Namespace"],
  why: "It then talks in clear and is talked to by anyone.", fix: `Remove ${INJECT}: "false".`,
  parameters: z.strictObject({ requireNamespaceLabel: z.boolean().default(false).describe("whether every namespace must be labelled istio-injection: enabled") }),
  examples: {
    parameters: { requireNamespaceLabel: true },
    pass: [pod(), namespace({ "istio-injection": "enabled" })],
    fail: [pod({}, {}, { annotations: { [INJECT]: "false" } }), pod({}, {}, { labels: { [INJECT]: "false" } }), namespace({}), namespace({ "istio-injection": "disabled" })],
  },
  check: (resource, { requireNamespaceLabel }) => {
    if (resource.kind === "Namespace") {
      const label = labelsOf(get(resource.data, "metadata"))["istio-injection"];
      return label === "disabled" || (requireNamespaceLabel && label !== "enabled") ? [{ path: 'metadata.labels["istio-injection"]', message: label === undefined ? "the namespace is not in the mesh" : `istio-injection is ${label}` }] : [];
    }
    const found = podOf(resource);
    if (!found) return [];
    const places: Finding[] = [];
    if (annotation({ metadata: found.metadata }, INJECT) === "false") places.push({ path: `metadata.annotations["${INJECT}"]`, message: "the sidecar is switched off" });
    if (labelsOf(found.metadata)[INJECT] === "false") places.push({ path: `metadata.labels["${INJECT}"]`, message: "the sidecar is switched off" });
    return places;
  },
});

const release = manifest("helm.sh/v3", "Release", { chart: "redis" });

export const helmReleaseUnseen = resourceRule({
  id: "no-helm-release", title: "Charts are rendered where policies see them.", severity: "medium", kinds: ["helm.sh/Release"],
  why: "The objects of a Release are made inside the provider: no policy ever sees them.", fix: "Use helm.sh/v4 Chart, whose objects are resources of the stack.",
  examples: { pass: [deployment()], fail: [release] },
  check: ({ data }) => [{ path: "chart", message: `the objects of chart ${text(data, "chart") ?? ""} are seen by no policy` }],
});
