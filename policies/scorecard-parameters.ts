/** Says the parameters of other tools' rules in this pack's terms, as far as that is possible. */
import { isObj, list, num, text, texts, type Obj } from "./value.ts";
import type { Case } from "./scorecard.ts";

/** Parameters by policy name. */
type ByPolicy = Readonly<Record<string, Obj>>;

const byRule: Readonly<Record<string, (params: Obj) => ByPolicy>> = {
  K8sPSPCapabilities: (params) => ({ "capabilities-baseline": { allowed: texts(params, "allowedCapabilities") } }),
  K8sPSPSELinuxV2: () => ({}),
  K8sPSPForbiddenSysctls: (params) => ({ "safe-sysctls": { allowed: texts(params, "forbiddenSysctls").includes("*") ? [] : [...texts(params, "allowedSysctls"), "net.*"] } }),
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

/** Our parameters for a case that has some of its source's. */
export function caseParameters(found: Case): ByPolicy {
  const rule = byRule[found.rule];
  return rule && isObj(found.params) ? rule(found.params) : {};
}

function asPrefix(pattern: string): string {
  const clean = pattern.replace(/\*$/, "").replace(/\/$/, "");
  return /^[^/]*[.:]/.test(clean) ? clean : `docker.io/${clean}`;
}

function patterns(entries: readonly unknown[]): Obj {
  return Object.fromEntries(entries.map((entry) => [text(entry, "key") ?? "", text(entry, "allowedRegex") ?? ""]));
}
