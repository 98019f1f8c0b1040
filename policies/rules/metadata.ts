/** Names, labels, annotations, namespaces, and API versions. */
import { z } from "zod";
import { containersOf, POD_CARRIERS, podOf, podRule } from "../kubernetes/pods.ts";
import { annotation, labelsOf, stringMap } from "../resource.ts";
import { each, resourceRule, type Finding } from "../rule.ts";
import { get, list, text, within, type Obj } from "../value.ts";
import { deployment, manifest, pod } from "./examples.ts";

const CLUSTER_WIDE = new Set(["Namespace", "Node", "PersistentVolume", "ClusterRole", "ClusterRoleBinding", "StorageClass", "PriorityClass", "CustomResourceDefinition", "ValidatingWebhookConfiguration", "MutatingWebhookConfiguration", "IngressClass", "RuntimeClass", "GatewayClass", "APIService", "ClusterIssuer", "ClusterSecretStore", "ClusterExternalSecret"]);

export const notDefaultNamespace = resourceRule({
  id: "not-default-namespace", title: "Nothing stands in the namespace default.", severity: "low", kinds: [...POD_CARRIERS, "Service", "ConfigMap", "Secret", "ServiceAccount", "PersistentVolumeClaim", "Ingress", "Role", "RoleBinding", "NetworkPolicy"],
  why: "Quotas, network policies and rights are given by namespace; default has none and everybody's things.", fix: "Set metadata.namespace.",
  examples: { pass: [deployment()], fail: [deployment({}, {}, { metadata: { namespace: "default" } }), deployment({}, {}, { metadata: { namespace: undefined } })] },
  check: ({ kind, data }) => {
    const namespace = text(data, "metadata", "namespace") ?? "";
    return !CLUSTER_WIDE.has(kind) && (namespace === "" || namespace === "default") ? [{ path: "metadata.namespace", message: namespace === "" ? "no namespace is named" : "it stands in default" }] : [];
  },
});

const namespace = (labels: Obj) => manifest("v1", "Namespace", { metadata: { namespace: undefined, labels } }, "shop");
const ENFORCE = "pod-security.kubernetes.io/enforce";

export const namespacePodSecurity = resourceRule({
  id: "namespace-pod-security", title: "Every namespace enforces a Pod Security Standard.", severity: "medium", level: "mandatory", kinds: ["Namespace"],
  why: "The API server then refuses what slipped past this pack.", fix: `Label the namespace ${ENFORCE}: restricted.`,
  parameters: z.strictObject({ levels: z.array(z.string()).default(["restricted", "baseline"]).describe("levels that may be enforced") }),
  examples: { pass: [namespace({ [ENFORCE]: "restricted" })], fail: [namespace({}), namespace({ [ENFORCE]: "privileged" })] },
  check: ({ data }, { levels }) => {
    const level = labelsOf(get(data, "metadata"))[ENFORCE];
    return level !== undefined && levels.includes(level) ? [] : [{ path: `metadata.labels["${ENFORCE}"]`, message: level === undefined ? "no standard is enforced" : `the level ${level} is enforced` }];
  },
});

const keyed = z.record(z.string(), z.string().describe("regular expression")).default({});

export const requiredLabels = resourceRule({
  id: "required-labels", title: "Objects carry the labels that are required.", severity: "low", kinds: [...POD_CARRIERS, "Service", "Namespace", "Ingress"],
  why: "Without them nobody can tell whose it is, and what belongs together.", fix: "Add the labels.",
  parameters: z.strictObject({ labels: keyed.describe("label to regular expression on its value"), recommended: z.boolean().default(true).describe("ask for app, name or app.kubernetes.io/name when no labels are listed") }),
  examples: { pass: [deployment()], fail: [deployment({}, {}, { metadata: { labels: undefined }, spec: { template: { metadata: undefined } } })] },
  check: (resource, { labels, recommended }) => {
    const { kind, data } = resource;
    const own = { ...labelsOf(podOf(resource)?.metadata), ...labelsOf(get(data, "metadata")) };
    const missing = Object.entries(labels).filter(([key, pattern]) => !new RegExp(pattern).test(own[key] ?? "") || own[key] === undefined).map(([key]) => ({ path: `metadata.labels["${key}"]`, message: `label ${key} is ${own[key] === undefined ? "missing" : "not of the required form"}` }));
    const named = ["app", "name", "app.kubernetes.io/name", "app.kubernetes.io/instance", "k8s-app"].some((key) => own[key] !== undefined);
    if (Object.keys(labels).length === 0 && recommended && kind !== "Namespace" && !named) return [{ path: "metadata.labels", message: "no label says which application it belongs to" }];
    return missing;
  },
});

export const requiredAnnotations = resourceRule({
  id: "required-annotations", title: "Objects carry the annotations that are required.", severity: "low", kinds: [...POD_CARRIERS, "Service", "Namespace", "Ingress"],
  why: "They say whom to call.", fix: "Add the annotations.",
  parameters: z.strictObject({ annotations: keyed.describe("annotation to regular expression on its value") }),
  examples: { parameters: { annotations: { owner: "@example\\.org$" } }, pass: [pod({}, {}, { annotations: { owner: "ann@example.org" } })], fail: [pod(), pod({}, {}, { annotations: { owner: "ann" } })] },
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

export const noRemovedApi = resourceRule({
  id: "no-removed-api", title: "No object uses an API version that the cluster no longer serves.", severity: "high", kinds: ["*"],
  why: "The API server refuses it.", fix: "Use the version that took its place; kubectl explain KIND tells it.",
  parameters: z.strictObject({ kubernetesMinor: z.int().default(35).describe("minor version of the cluster, 35 for 1.35") }),
  examples: { pass: [deployment()], fail: [{ ...deployment(), apiVersion: "extensions/v1beta1" }] },
  check: ({ group, version, kind }, { kubernetesMinor }) => {
    const api = group === "" ? version : `${group}/${version}`;
    const removed = api === "storage.k8s.io/v1beta1" && kind === "CSIStorageCapacity" ? ([27, "*"] as const) : REMOVED[api];
    if (!removed || removed[0] > kubernetesMinor || (removed[1] !== "*" && !removed[1].split(" ").includes(kind))) return [];
    return [{ path: "apiVersion", message: `${api} ${kind} is gone since Kubernetes 1.${removed[0]}` }];
  },
});

const DANGEROUS = [["tiller", "Helm's Tiller"], ["kubernetes-dashboard", "the Kubernetes dashboard"], ["kubernetesui/dashboard", "the Kubernetes dashboard"]] as const;

export const noDangerousImages = podRule({
  id: "no-dangerous-software", title: "No Tiller and no Kubernetes dashboard.", severity: "high",
  why: "Both were the way into many clusters: they hold wide rights and ask for little.", fix: "Use Helm 3, and kubectl or a dashboard outside the cluster.",
  examples: { pass: [pod()], fail: [pod({ image: "docker.io/tiller:v2" }), deployment({}, {}, { metadata: { labels: { app: "kubernetes-dashboard" } } })] },
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
  const hit = metadata.some((part) => ["app", "k8s-app", "app.kubernetes.io/name"].some((key) => labelsOf(part)[key] === "kubernetes-dashboard"));
  return hit ? ["its labels are the Kubernetes dashboard's"] : [];
}

const NGINX = /(^|\/)(ingress-nginx\/(controller|controller-chroot)|nginx-ingress-controller|ingress-nginx-controller)(:|@|$)/;

export const noIngressNginx = podRule({
  id: "no-ingress-nginx-controller", title: "The retired ingress-nginx controller doesn't run.", severity: "medium",
  why: "The project was retired in 2026: its next hole stays open.", fix: "Move to a Gateway API implementation.",
  examples: { pass: [pod()], fail: [pod({ image: "registry.k8s.io/ingress-nginx/controller:v1.9.4" })] },
  check: (pod) => each(containersOf(pod), (container) => (NGINX.test(text(container.spec, "image") ?? "") ? { path: within(container.path, "image"), message: `${container.label} is the ingress-nginx controller` } : undefined)),
});

const INJECT = "sidecar.istio.io/inject";

export const meshInjection = resourceRule({
  id: "mesh-injection-kept", title: "No pod steps out of the mesh.", severity: "medium", level: "mandatory", kinds: POD_CARRIERS,
  why: "It then talks in clear and is talked to by anyone.", fix: `Remove ${INJECT}: "false".`,
  examples: { pass: [pod()], fail: [pod({}, {}, { annotations: { [INJECT]: "false" } }), pod({}, {}, { labels: { [INJECT]: "false" } })] },
  check: (resource) => {
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

const certificate = (spec: Obj) => manifest("cert-manager.io/v1", "Certificate", { spec: { secretName: "tls", dnsNames: ["shop.example.com"], issuerRef: { name: "internal", kind: "Issuer" }, privateKey: { algorithm: "ECDSA", size: 256, rotationPolicy: "Always" }, ...spec } });
const CERTIFICATE = ["cert-manager.io/Certificate"];

export const certificateKey = resourceRule({
  id: "certificate-key", title: "Certificates have strong keys that change at each renewal.", severity: "medium", level: "mandatory", kinds: CERTIFICATE,
  why: "A key that is kept for ever makes short certificates worthless.", fix: "Set privateKey.rotationPolicy: Always and ECDSA 256, Ed25519 or RSA 3072.",
  parameters: z.strictObject({ minRsa: z.int().default(2048).describe("fewest bits of an RSA key"), requireRotation: z.boolean().default(true).describe("whether rotationPolicy must be Always") }),
  examples: { pass: [certificate({})], fail: [certificate({ privateKey: { algorithm: "RSA", size: 1024, rotationPolicy: "Always" } }), certificate({ privateKey: { algorithm: "ECDSA" } })] },
  check: ({ data }, { minRsa, requireRotation }) => {
    const key = get(data, "spec", "privateKey");
    const found: Finding[] = requireRotation && text(key, "rotationPolicy") !== "Always" ? [{ path: "spec.privateKey.rotationPolicy", message: "the key is kept at renewal" }] : [];
    const size = get(key, "size");
    if ((text(key, "algorithm") ?? "RSA") === "RSA" && typeof size === "number" && size < minRsa) found.push({ path: "spec.privateKey.size", message: `RSA of ${size} bits is weak` });
    return found;
  },
});

export const certificateNames = resourceRule({
  id: "certificate-names", title: "A certificate is for few names, none of them a wildcard.", severity: "low", kinds: CERTIFICATE,
  why: "Each further name shares the key, and is told to the world in the transparency logs.", fix: "One Certificate for each name.",
  parameters: z.strictObject({ max: z.int().positive().default(1).describe("most names"), allowWildcard: z.boolean().default(false).describe("allow *. names") }),
  examples: { pass: [certificate({})], fail: [certificate({ dnsNames: ["a.example.com", "b.example.com"] }), certificate({ dnsNames: ["*.example.com"] })] },
  check: ({ data }, { max, allowWildcard }) => {
    const names = list(data, "spec", "dnsNames");
    const found: Finding[] = names.length > max ? [{ path: "spec.dnsNames", message: `${names.length} names, more than ${max}` }] : [];
    if (!allowWildcard && names.some((name) => typeof name === "string" && name.includes("*"))) found.push({ path: "spec.dnsNames", message: "a wildcard name" });
    return found;
  },
});

export const certificateIssuer = resourceRule({
  id: "certificate-issuer", title: "Certificates come from an allowed issuer.", severity: "medium", kinds: CERTIFICATE,
  why: "Another issuer's certificates aren't trusted where they are needed, or are where they shouldn't be.", fix: "Use an allowed issuer for these names.",
  parameters: z.strictObject({ allowed: z.array(z.string()).default([]).describe("issuers that may be named; an empty list allows all") }),
  examples: { parameters: { allowed: ["internal"] }, pass: [certificate({})], fail: [certificate({ issuerRef: { name: "other" } })] },
  check: ({ data }, { allowed }) => {
    const name = text(data, "spec", "issuerRef", "name") ?? "";
    return allowed.length === 0 || allowed.includes(name) ? [] : [{ path: "spec.issuerRef.name", message: `issuer ${name} is not allowed` }];
  },
});
