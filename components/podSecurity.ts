import type * as k8s from "@pulumi/kubernetes";

/** User and group of every container of ours: far above the range that hosts give to people and services. */
const unprivilegedId = 10001;

/** A pod's security context as Pod Security's `restricted` demands it, and a file system group that may write its volumes. */
export function podSecurity(): k8s.types.input.core.v1.PodSecurityContext {
  return {
    runAsNonRoot: true,
    runAsUser: unprivilegedId,
    runAsGroup: unprivilegedId,
    fsGroup: unprivilegedId,
    fsGroupChangePolicy: "OnRootMismatch",
    seccompProfile: { type: "RuntimeDefault" },
  };
}

/** Names with two dots are whole: a lookup of `host.namespace.svc` or of a public name asks once and not once for each search domain. */
export const podDns: k8s.types.input.core.v1.PodDNSConfig = { options: [{ name: "ndots", value: "2" }] };

/** A container's security context as `restricted` demands it, and a root file system that can't be written. */
export function containerSecurity(): k8s.types.input.core.v1.SecurityContext {
  return {
    allowPrivilegeEscalation: false,
    capabilities: { drop: ["ALL"] },
    privileged: false,
    readOnlyRootFilesystem: true,
    runAsNonRoot: true,
    seccompProfile: { type: "RuntimeDefault" },
  };
}
