/** Says other tools' rules in this pack's terms: which policies ask the same question, with which parameters, and whom the tool exempts. */
import { isObj, list, num, object, text, texts, type Obj } from "./value.ts";
import type { Case } from "./scorecard-case.ts";

/** Parameters by policy name. */
type ByPolicy = Readonly<Record<string, Obj>>;

/** A source's rule in this pack's terms. */
export interface Question {
  /** The policies that ask it; absent when those of its checks do, all together. */
  readonly policies?: readonly string[];
  readonly parameters: ByPolicy;
  /** Why the source itself lets this object be: what this pack says by a waiver. */
  readonly exempt?: string;
}

type Written = { readonly policies?: readonly string[]; readonly parameters?: ByPolicy; readonly exempt?: (subject: Obj) => boolean };
const only = (...policies: string[]): Written => ({ policies });
const withParameters = (policy: string, parameters: Obj): Written => ({ parameters: { [policy]: parameters } });
const onlyWith = (policy: string, parameters: Obj): Written => ({ policies: [policy], parameters: { [policy]: parameters } });

/** Rules whose parameters stand in the case. */
const FROM_CASE: Readonly<Record<string, (params: Obj) => Written>> = {
  K8sPSPCapabilities: (params) => withParameters("capabilities-baseline", { allowed: texts(params, "allowedCapabilities") }),
  K8sPSPForbiddenSysctls: (params) => withParameters("safe-sysctls", { allowed: texts(params, "forbiddenSysctls").includes("*") ? [] : [...texts(params, "allowedSysctls"), "net.*"] }),
  K8sPSPHostNetworkingPorts: (params) => withParameters("no-host-ports", { min: num(params, "min") ?? 1, max: num(params, "max") ?? 0 }),
  K8sPSPSeccompV2: (params) => withParameters("seccomp-profile", { required: !texts(params, "allowedProfiles").includes("not configured") }),
  K8sAllowedRepos: (params) => withParameters("image-registry-allowed", { allowed: texts(params, "repos").map(asPrefix) }),
  K8sAllowedReposv2: (params) => withParameters("image-registry-allowed", { allowed: texts(params, "allowedImages").map(asPrefix) }),
  K8sDisallowedRepos: (params) => withParameters("image-registry-denied", { denied: texts(params, "repos").map(asPrefix) }),
  K8sDisallowedTags: (params) => withParameters("image-tag", { forbidden: texts(params, "tags"), exemptImages: exempted(params) }),
  K8sPSPHostFilesystem: (params) => withParameters("no-host-path", { allowed: list(params, "allowedHostPaths").map((path) => text(path, "pathPrefix") ?? "") }),
  K8sPSPPrivilegedContainer: (params) => withParameters("no-privileged-containers", { exemptImages: exempted(params) }),
  K8sPSPReadOnlyRootFilesystem: (params) => withParameters("read-only-root-filesystem", { exemptImages: exempted(params) }),
  K8sPSPProcMount: (params) => withParameters("proc-mount-default", { exemptImages: exempted(params) }),
  K8sExternalIPs: (params) => withParameters("no-external-ips", { allowed: texts(params, "allowedIPs") }),
  K8sStorageClass: (params) => withParameters("storage-class-allowed", { allowed: texts(params, "allowedStorageClasses") }),
  K8sRequiredLabels: (params) => withParameters("required-labels", { labels: patterns(list(params, "labels")) }),
  K8sRequiredAnnotations: (params) => withParameters("required-annotations", { annotations: patterns(list(params, "annotations")) }),
  K8sContainerRequests: (params) => maxima("request", params),
  K8sContainerLimits: (params) => maxima("limit", params),
  K8sContainerEphemeralStorageLimit: (params) => withParameters("ephemeral-storage", { max: text(params, "ephemeral-storage") ?? "" }),
  K8sContainerRatios: (params) => withParameters("memory-request-equals-limit", { maxRatio: Number(text(params, "ratio") ?? 1), maxCpuRatio: Number(text(params, "cpuRatio") ?? Number.MAX_SAFE_INTEGER) }),
  K8sRequiredResources: (params) => only(...["requests", "limits"].flatMap((part) => texts(params, part).map((resource) => `${resource}-${part.slice(0, -1)}`))),
  K8sDisallowAnonymous: (params) => withParameters("no-system-group-binding", { allowedRoles: texts(params, "allowedRoles") }),
  K8sHorizontalPodAutoscaler: (params) => only("autoscaler-range", ...(params.enforceScaleTargetRef === true ? ["autoscaler-has-target"] : [])),
  "required-label-owner": (params) => withParameters("required-labels", { labels: { [text(params, "key") ?? ""]: "" } }),
  "required-annotation-email": (params) => withParameters("required-annotations", { annotations: { [text(params, "key") ?? ""]: text(params, "value") ?? "" } }),
  VerifyDeprecatedAPI: (params) => withParameters("no-removed-api", { kubernetesMinor: Number(String(num(params, "k8sVersion") ?? "").split(".")[1]) }),
  "minimum-three-replicas": (params) => withParameters("minimum-replicas", { min: num(params, "minReplicas") }),
  "priority-class-name": (params) => withParameters("priority-class", { allowed: texts(params, "acceptedPriorityClassNames"), required: false }),
};

/** Rules that are a part of a check, or whose parameters are written into them. By `rule/subrule`, or by `rule` for all of it. */
const OF_RULE: Readonly<Record<string, Written>> = {
  "disallow-capabilities-strict/adding-capabilities-strict": only("capabilities-restricted"),
  "disallow-capabilities-strict/require-drop-all": only("drop-all-capabilities"),
  "drop-all-capabilities": only("drop-all-capabilities"),
  "CKV_K8S_37 MinimizeCapabilities": only("drop-net-raw"),
  linuxHardening: only("linux-hardening"),
  "require-non-root-groups/check-fsgroup": only("non-root-groups"),
  "require-non-root-groups/check-supplementalgroups": only("non-root-groups"),
  "psp-check-supplemental-groups": only("non-root-groups"),
  K8sPSPFSGroup: only("non-root-groups"),
  "CKV_K8S_23 RootContainers": withParameters("run-as-non-root", { acceptUser: true }),
  "validate-userid-groupid-fsgroup": withParameters("high-user-id", { min: 1000, minGroup: 3000, minFsGroup: 2000 }),
  "disallow-host-ports-range": withParameters("no-host-ports", { min: 5000, max: 6000 }),
  "psp-restrict-adding-capabilities": withParameters("capabilities-baseline", { allowed: ["NET_BIND_SERVICE", "CAP_CHOWN"] }),
  "limit-hostpath-vols": withParameters("no-host-path", { allowed: ["/data"] }),
  "disallow-container-sock-mounts/validate-crio-sock-mount": withParameters("no-runtime-socket", { sockets: ["crio.sock"] }),
  "disallow-container-sock-mounts/validate-docker-sock-mount": withParameters("no-runtime-socket", { sockets: ["docker.sock"] }),
  "disallow-container-sock-mounts/validate-containerd-sock-mount": withParameters("no-runtime-socket", { sockets: ["containerd.sock"] }),
  "docker-socket-check": { exempt: (subject) => podLabel(subject, "allow-docker") === "true" },
  "restrict-automount-sa-token": { exempt: (subject) => text(subject, "metadata", "labels", "app.kubernetes.io/part-of") === "policy-reporter" },
  clusterrolePodExecAttach: { exempt: (subject) => ["admin", "cluster-admin", "edit"].includes(text(subject, "metadata", "name") ?? "") || (text(subject, "metadata", "name") ?? "").startsWith("system:") },
  "restrict-runtimeclass": withParameters("runtime-class-allowed", { allowed: ["prodclass", "expclass"] }),
  "require-annotations": withParameters("required-annotations", { annotations: { "corp.org/department": "." } }),
  "require-labels": withParameters("required-labels", { labels: { "app.kubernetes.io/name": "" } }),
  "imagepullpolicy-always": withParameters("image-pull-policy", { onlyLatest: true }),
  // This one is asked of the manifest as it is written, without the API server's defaults.
  "imagepullpolicy-always/imagepullpolicy-always": withParameters("image-pull-policy", { onlyLatest: true, explicit: true }),
  "require-imagepullsecrets": withParameters("image-pull-secrets", { publicRegistries: ["ghcr.io"] }),
  "restrict-image-registries": withParameters("image-registry-allowed", { allowed: ["eu.foo.io", "bar.io"] }),
  "allowed-image-repos": withParameters("image-registry-allowed", { allowed: ["docker.io/library/myknownimage", "docker.io/library/kyverno", "ghcr.io/images/myknownimage", "ghcr.io/kyverno/kyverno"] }),
  "require-pod-probes": { parameters: { "liveness-probe": { anyProbe: true }, "readiness-probe": { anyProbe: true } } },
  "restrict-secrets-by-name": onlyWith("secrets-as-files", { allowed: ["safe-*"] }),
  // The source reads the Secrets' labels; these are the ones of its test that it doesn't protect.
  "restrict-secrets-by-label": onlyWith("secrets-as-files", { allowed: ["bottom-secret", "not-so-secret", "not-secret"] }),
  "enforce-resources-as-ratio": withParameters("memory-request-equals-limit", { maxRatio: 2.5 }),
  "require-emptydir-requests-and-limits": only("empty-dir-size"),
  "require-reasonable-pdbs": onlyWith("budget-allows-disruption", { minPercent: 50 }),
  "topologyspreadconstraints-policy": withParameters("spread-across-nodes", { topologyKeys: ["kubernetes.io/hostname", "topology.kubernetes.io/zone"] }),
  hpaMaxAvailability: withParameters("autoscaler-range", { min: 1 }),
  "prevent-duplicate-hpa": only("autoscaler-alone"),
  "allowed-podpriorities": withParameters("priority-class", { required: false }),
  "restart-policy": only("restart-policy"),
  "job-ttl-seconds-after-finished": only("job-cleaned-up"),
  "restrict-jobs": only("no-bare-pods"),
  "non-isolated-pod": withParameters("workload-isolated", { directions: ["Ingress"] }),
  "enforce-sidecar-injection-namespace": onlyWith("mesh-injection-kept", { requireNamespaceLabel: true }),
  "disallow-empty-ingress-host": withParameters("ingress-host-named", { allowWildcard: true }),
  "require-ingress-https/has-annotation": withParameters("ingress-tls", { refuseHttp: true }),
  "encrypt-traffic-to-https-load-balancers-with-tls-certificates": only("ingress-tls"),
  "dangling-gateway-backend": only("route-has-backend"),
  "exposure-to-internet": only("exposure-intended"),
  "exposure-to-internet-via-gateway-api": only("exposure-intended"),
  "check-ingress-nginx-controller-version-and-annotation-policy": withParameters("no-ingress-nginx-controller", { allowedFrom: "1.11.2" }),
  "cert-manager-restrict-issuer": withParameters("certificate-issuer", { forNames: { "\\.corp\\.com$": ["our-corp-issuer"] } }),
  "restrict-storageclass": withParameters("storage-class-allowed", { reclaimPolicies: ["Delete"] }),
  "restrict-service-port-range": withParameters("service-port-range", { min: 32000, max: 33000 }),
  "deprecated-service-account-field": only("no-deprecated-service-account-field"),
  "non-existent-service-account": only("service-account-exists"),
  "add-psa-namespace-reporting": withParameters("namespace-pod-security", { levels: ["restricted", "baseline", "privileged"] }),
  "verify-flux-sources": {
    parameters: { "flux-source-allowed": { allowed: ["github\\.com/(myorg|fluxcd)/", "ghcr\\.io/myorg/", "\\.myorg\\.com$", "^https?://[^/]*\\.myorg\\.com"] } },
    exempt: (subject) => text(subject, "metadata", "namespace") === "flux-system",
  },
};

/** A case's question in this pack's terms. */
export function questionOf(found: Case): Question {
  const fromCase = FROM_CASE[found.rule];
  const written = fromCase && isObj(found.params) ? fromCase(found.params) : (OF_RULE[found.rule] ?? OF_RULE[found.rule.replace(/\/.*$/, "")] ?? {});
  const exempt = written.exempt?.(found.resource) === true || skipped(found);
  return { parameters: written.parameters ?? {}, ...(written.policies && { policies: written.policies }), ...(exempt && { exempt: "the source exempts this object by name, label or annotation" }) };
}

/** Whether Checkov is told by an annotation to skip the case's check. */
function skipped(found: Case): boolean {
  const [check = ""] = found.rule.split(" ");
  const holders = [found.resource, object(found.resource, "spec", "template"), object(found.resource, "spec", "jobTemplate", "spec", "template")];
  return holders.some((holder) => Object.entries(object(holder, "metadata", "annotations")).some(([key, value]) => /^(checkov|bridgecrew)\.io\/skip/.test(key) && String(value).split("=")[0] === check));
}

function podLabel(subject: Obj, key: string): string | undefined {
  const spec = object(subject, "spec");
  return [subject, object(spec, "template"), object(spec, "jobTemplate", "spec", "template")].map((holder) => text(holder, "metadata", "labels", key)).find((value) => value !== undefined);
}

function maxima(part: "request" | "limit", params: Obj): Written {
  return { parameters: { [`cpu-${part}`]: { max: text(params, "cpu") ?? "" }, [`memory-${part}`]: { max: text(params, "memory") ?? "" } } };
}

function exempted(params: Obj): string[] {
  return texts(params, "exemptImages").map(asPrefix);
}

function asPrefix(pattern: string): string {
  if (pattern === "*") return pattern;
  const clean = pattern.replace(/:[^/]*$/, "").replace(/\*$/, "").replace(/\/$/, "");
  if (!clean.includes("/") && !clean.includes(".")) return pattern.includes("/") ? `docker.io/${clean}` : `docker.io/library/${clean}`;
  return /^[^/]*[.:]/.test(clean) ? clean : `docker.io/${clean}`;
}

function patterns(entries: readonly unknown[]): Obj {
  return Object.fromEntries(entries.map((entry) => [text(entry, "key") ?? "", text(entry, "allowedRegex") ?? ""]));
}
