/**
 * What the pack may mend by itself, where a policy is configured as `remediate`. A remedy is here only if one value is right whatever the program does,
 * or if the declaration itself shows that the program can't tell the difference. Not here, on purpose: `read-only-root-filesystem` (programs write),
 * `no-service-account-token` (some pods talk to the API), resources and probes (nobody knows the numbers), anything that somebody has set explicitly
 * to something else (it may be meant: that is a finding, and a waiver or a change answers it), and images.
 */
import { containersOf, podOf, type Container, type PodTemplate } from "../kubernetes/pods.ts";
import type { Resource } from "../resource.ts";
import { get, known, num, text, texts, within } from "../value.ts";
import type { Edit } from "./edits.ts";

/** How one policy is mended. */
export interface Remedy {
  /** Why this change is safe, for the policy's page. */
  readonly safe: string;
  /** The changes; none where it isn't certain. @throws {UnknownRead} when that hangs on an unknown */
  readonly edits: (resource: Resource) => readonly Edit[];
}

function inPod(edits: (pod: PodTemplate) => readonly Edit[]): Remedy["edits"] {
  return (resource) => {
    const pod = podOf(resource);
    return pod && text(pod.spec, "os", "name") !== "windows" ? edits(pod) : [];
  };
}

/** Each container by itself: one that hangs on an unknown leaves the others mended. */
function inContainers(edit: (container: Container) => Edit | undefined): Remedy["edits"] {
  return inPod((pod) => containersOf(pod).flatMap((container) => known(() => edit(container)) ?? []));
}

const security = (container: Container, ...keys: string[]) => get(container.spec, "securityContext", ...keys);
const added = (container: Container) => texts(container.spec, "securityContext", "capabilities", "add").map((name) => name.toUpperCase().replace(/^CAP_/, ""));

/** Started as another user than root, and kept from becoming one: such a process has no capabilities to lose. */
function neverRoot(container: Container): boolean {
  const user = num(container.spec, "securityContext", "runAsUser") ?? num(container.pod.spec, "securityContext", "runAsUser");
  const said = security(container, "runAsNonRoot") ?? get(container.pod.spec, "securityContext", "runAsNonRoot");
  return (user === undefined ? said === true : user > 0) && security(container, "allowPrivilegeEscalation") === false && security(container, "privileged") !== true;
}

/** Drops ALL where nothing that is enough for the policy is dropped yet. */
function dropAllUnless(enough: (name: string) => boolean): Remedy {
  return {
    safe: "Drops ALL only where the container is started as another user than root and may not escalate: such a process has no capabilities that it could lose.",
    edits: inContainers((container) => {
      const dropped = texts(container.spec, "securityContext", "capabilities", "drop");
      return dropped.some(enough) || !neverRoot(container) ? undefined : { path: within(container.path, "securityContext.capabilities.drop"), value: ["ALL"] };
    }),
  };
}

/** Remedies by policy, in the order in which they are applied: what can't escalate, for one, may lose its capabilities. */
export const REMEDIES: Readonly<Record<string, Remedy>> = {
  "no-privilege-escalation": {
    safe: "Sets it to false where nothing is said. A container that is privileged or adds SYS_ADMIN is left alone: Kubernetes refuses the two together.",
    edits: inContainers((container) => {
      if (security(container, "allowPrivilegeEscalation") !== undefined || security(container, "privileged") === true || added(container).some((name) => name === "SYS_ADMIN" || name === "ALL")) return undefined;
      return { path: within(container.path, "securityContext.allowPrivilegeEscalation"), value: false };
    }),
  },
  "run-as-non-root": {
    safe: "Says runAsNonRoot: true where the container has a runAsUser above 0, so that it is true already, and nobody has said otherwise.",
    edits: inContainers((container) => {
      if (get(container.pod.spec, "hostUsers") === false) return undefined; // the policy is content with a user namespace
      const user = num(container.spec, "securityContext", "runAsUser") ?? num(container.pod.spec, "securityContext", "runAsUser") ?? 0;
      const said = security(container, "runAsNonRoot") ?? get(container.pod.spec, "securityContext", "runAsNonRoot");
      return user > 0 && said === undefined ? { path: within(container.path, "securityContext.runAsNonRoot"), value: true } : undefined;
    }),
  },
  "drop-all-capabilities": dropAllUnless((name) => name === "ALL"),
  "drop-net-raw": dropAllUnless((name) => /^(ALL|(CAP_)?NET_RAW)$/i.test(name)),
  "seccomp-profile": {
    safe: "Sets RuntimeDefault, the container runtime's own list, on the pod where it names no profile. A profile that somebody has set stays.",
    edits: inPod((pod) => {
      if (get(pod.spec, "securityContext", "seccompProfile") !== undefined) return [];
      const open = containersOf(pod).some((container) => security(container, "seccompProfile") === undefined);
      return open ? [{ path: within(pod.specPath, "securityContext.seccompProfile"), value: { type: "RuntimeDefault" } }] : [];
    }),
  },
  "default-account-no-token": {
    safe: "Switches the token of the account default off where nothing is said. A pod that needs the API names an account of its own.",
    edits: ({ data }) => (text(data, "metadata", "name") === "default" && get(data, "automountServiceAccountToken") === undefined ? [{ path: "automountServiceAccountToken", value: false }] : []),
  },
  "budget-unhealthy-pods": {
    safe: "Lets pods go that serve nobody; healthy ones keep their budget.",
    edits: ({ data }) => (get(data, "spec", "unhealthyPodEvictionPolicy") === undefined ? [{ path: "spec.unhealthyPodEvictionPolicy", value: "AlwaysAllow" }] : []),
  },
};
