/** Says the parameters of other tools' rules in this pack's terms, as far as that is possible. */
import { isObj, list, num, text, texts, type Obj } from "./value.ts";
import type { Case } from "./scorecard-case.ts";

/** Parameters by policy name. */
type ByPolicy = Readonly<Record<string, Obj>>;

/** Rules whose parameters stand in the case. */
const FROM_CASE: Readonly<Record<string, (params: Obj) => ByPolicy>> = {
  K8sPSPCapabilities: (params) => ({ "capabilities-baseline": { allowed: texts(params, "allowedCapabilities") } }),
  K8sPSPForbiddenSysctls: (params) => ({ "safe-sysctls": { allowed: texts(params, "forbiddenSysctls").includes("*") ? [] : [...texts(params, "allowedSysctls"), "net.*"] } }),
  K8sPSPHostNetworkingPorts: (params) => ({ "no-host-ports": { min: num(params, "min") ?? 1, max: num(params, "max") ?? 0 } }),
  K8sAllowedRepos: (params) => ({ "image-registry-allowed": { allowed: texts(params, "repos").map(asPrefix) } }),
  K8sAllowedReposv2: (params) => ({ "image-registry-allowed": { allowed: texts(params, "allowedImages").map(asPrefix) } }),
  K8sDisallowedRepos: (params) => ({ "image-registry-denied": { denied: texts(params, "repos").map(asPrefix) } }),
  K8sPSPHostFilesystem: (params) => ({ "no-host-path": { allowed: list(params, "allowedHostPaths").map((path) => text(path, "pathPrefix") ?? "") } }),
  K8sExternalIPs: (params) => ({ "no-external-ips": { allowed: texts(params, "allowedIPs") } }),
  K8sStorageClass: (params) => ({ "storage-class-allowed": { allowed: texts(params, "allowedStorageClasses") } }),
  K8sRequiredLabels: (params) => ({ "required-labels": { labels: patterns(list(params, "labels")) } }),
  K8sRequiredAnnotations: (params) => ({ "required-annotations": { annotations: patterns(list(params, "annotations")) } }),
  "required-label-owner": (params) => ({ "required-labels": { labels: { [text(params, "key") ?? ""]: "" } } }),
  "required-annotation-email": (params) => ({ "required-annotations": { annotations: { [text(params, "key") ?? ""]: text(params, "value") ?? "" } } }),
  VerifyDeprecatedAPI: (params) => ({ "no-removed-api": { kubernetesMinor: Number(String(num(params, "k8sVersion") ?? "").split(".")[1]) } }),
  "minimum-three-replicas": (params) => ({ "minimum-replicas": { min: num(params, "minReplicas") } }),
  "priority-class-name": (params) => ({ "priority-class": { allowed: texts(params, "acceptedPriorityClassNames"), required: false } }),
};

/** Rules whose parameters are part of the rule itself. */
const OF_RULE: Readonly<Record<string, ByPolicy>> = {
  "disallow-host-ports-range": { "no-host-ports": { min: 5000, max: 6000 } },
  "psp-restrict-adding-capabilities": { "capabilities-baseline": { allowed: ["NET_BIND_SERVICE", "CAP_CHOWN"] } },
  "limit-hostpath-vols": { "no-host-path": { allowed: ["/data"] } },
  "enforce-resources-as-ratio": { "memory-request-equals-limit": { maxRatio: 2.5 } },
  "validate-userid-groupid-fsgroup": { "high-user-id": { min: 1000 } },
  "restrict-runtimeclass": { "runtime-class-allowed": { allowed: ["prodclass", "expclass"] } },
  "require-annotations": { "required-annotations": { annotations: { "corp.org/department": "." } } },
  "require-labels": { "required-labels": { labels: { "app.kubernetes.io/name": "" } } },
  "restrict-image-registries": { "image-registry-allowed": { allowed: ["eu.foo.io", "bar.io"] } },
  "allowed-image-repos": { "image-registry-allowed": { allowed: ["docker.io/library/myknownimage", "docker.io/library/kyverno", "ghcr.io/images/myknownimage", "ghcr.io/kyverno/kyverno"] } },
  "verify-flux-sources": { "flux-source-allowed": { allowed: ["github\\.com/(myorg|fluxcd)/", "ghcr\\.io/myorg/", "\\.myorg\\.com$", "^https?://[^/]*\\.myorg\\.com", "^minio\\.(?!notmyorg$)"] } },
  "restrict-service-port-range": { "service-port-range": { min: 32000, max: 33000 } },
  "allowed-podpriorities": { "priority-class": { required: false } },
};

/** Our parameters for a case that has some of its source's. */
export function caseParameters(found: Case): ByPolicy {
  const rule = FROM_CASE[found.rule];
  if (rule && isObj(found.params)) return rule(found.params);
  return OF_RULE[found.rule.replace(/\/.*$/, "")] ?? {};
}

function asPrefix(pattern: string): string {
  const clean = pattern.replace(/:[^/]*$/, "").replace(/\*$/, "").replace(/\/$/, "");
  if (!clean.includes("/") && !clean.includes(".")) return pattern.includes("/") ? `docker.io/${clean}` : `docker.io/library/${clean}`;
  return /^[^/]*[.:]/.test(clean) ? clean : `docker.io/${clean}`;
}

function patterns(entries: readonly unknown[]): Obj {
  return Object.fromEntries(entries.map((entry) => [text(entry, "key") ?? "", text(entry, "allowedRegex") ?? ""]));
}
