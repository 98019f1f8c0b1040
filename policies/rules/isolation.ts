/** What separates a pod from its node: namespaces, host paths, seccomp, the root file system. */
import { z } from "zod";
import { containerRule, eachSecurityContext, exemptImages, isExempt, podRule, volumesOf } from "../kubernetes/pods.ts";
import { each, type ResourceRule } from "../rule.ts";
import { get, has, text, within } from "../value.ts";
import { pod } from "./examples.ts";

function hostNamespace(field: "hostNetwork" | "hostPID" | "hostIPC", id: string, what: string, why: string): ResourceRule {
  return podRule({
    id,
    title: `No pod shares the node's ${what}.`,
    severity: "high",
    why,
    fix: `Remove ${field}: true.`,
    examples: { pass: [pod(), pod({}, { [field]: false })], fail: [pod({}, { [field]: true })] },
    check: ({ spec, specPath }) => (get(spec, field) === true ? { path: within(specPath, field), message: `the pod shares the node's ${what}` } : undefined),
  });
}

export const noHostNetwork = hostNamespace("hostNetwork", "no-host-network", "network", "It sees and forges the node's traffic, and NetworkPolicies don't apply to it.");
export const noHostPid = hostNamespace("hostPID", "no-host-pid", "process table", "It sees every process of the node, with their environment and secrets, and can signal them.");
export const noHostIpc = hostNamespace("hostIPC", "no-host-ipc", "shared memory", "It reads what other processes of the node share in memory.");

const onNode = (path: string) => pod({}, { volumes: [{ name: "logs", hostPath: { path } }] });

export const noHostPath = podRule({
  id: "no-host-path",
  title: "No pod mounts a directory of its node.",
  severity: "high",
  why: "The node's files hold other pods' data, the kubelet's credentials and ways to run code on the node.",
  fix: "Use emptyDir, a PersistentVolumeClaim, or a CSI volume.",
  parameters: z.strictObject({ allowed: z.array(z.string()).default([]).describe("directories that may be mounted, with all below them") }),
  examples: {
    pass: [pod({}, { volumes: [{ name: "tmp", emptyDir: {} }] })], fail: [onNode("/var/log"), pod({}, { volumes: [{ name: "logs", hostPath: {} }] })],
    more: [{ parameters: { allowed: ["/data/", "/srv"] }, pass: ["/srv", "/srv/a", "/data/a"].map(onNode), fail: ["/srv-2", "/dat", "/var/srv"].map(onNode) }],
  },
  check: (spec, { allowed }) =>
    each(volumesOf(spec), ({ path, volume, name }) => {
      if (!has(volume, "hostPath")) return undefined;
      const directory = text(volume, "hostPath", "path") ?? "";
      if (allowed.some((prefix) => directory === prefix || directory.startsWith(`${prefix.replace(/\/$/, "")}/`))) return undefined;
      return { path: within(path, "hostPath"), message: `volume "${name}" is the node's ${directory}` };
    }),
});

const seccompAllowed = (profile: string | undefined) => profile === "RuntimeDefault" || profile === "Localhost";

export const seccompProfile = podRule({
  id: "seccomp-profile",
  title: "Every container runs under the RuntimeDefault or a Localhost seccomp profile.",
  severity: "high",
  why: "seccomp takes some forty rarely needed system calls away, among them those that most container escapes used.",
  fix: "Set seccompProfile.type: RuntimeDefault in the pod's securityContext.",
  parameters: z.strictObject({ required: z.boolean().default(true).describe("whether a profile must be named; else only Unconfined is refused") }),
  examples: { pass: [pod(), pod({ securityContext: { seccompProfile: undefined } }), pod({ securityContext: { seccompProfile: { type: "Localhost" } } }, { securityContext: { seccompProfile: undefined } }), pod({ securityContext: { seccompProfile: undefined } }, { os: { name: "windows" }, securityContext: { seccompProfile: undefined } })], fail: [pod({ securityContext: { seccompProfile: undefined } }, { securityContext: { seccompProfile: undefined } }), pod({ securityContext: { seccompProfile: { type: "Unconfined" } } }), pod({ securityContext: { seccompProfile: undefined } }, { securityContext: { seccompProfile: { type: "Unconfined" } } })],
    more: [{ parameters: { required: false }, pass: [pod({ securityContext: { seccompProfile: undefined } }, { securityContext: { seccompProfile: undefined } })], fail: [pod({ securityContext: { seccompProfile: { type: "Unconfined" } } })] }] },
  check: (pod, { required }) => {
    if (text(pod.spec, "os", "name") === "windows") return undefined;
    const whole = text(pod.spec, "securityContext", "seccompProfile", "type");
    return eachSecurityContext(pod, ({ context, path, label, ofPod }) => {
      const set = has(context, "seccompProfile");
      const own = text(context, "seccompProfile", "type");
      if (set ? seccompAllowed(own) : ofPod || seccompAllowed(whole) || !required) return undefined;
      return { path: within(path, "seccompProfile.type"), message: `${label} has ${own === undefined ? "no seccomp profile" : `the seccomp profile ${own}`}` };
    });
  },
});

export const seccompNotUnconfined = podRule({
  id: "seccomp-not-unconfined",
  title: "No pod or container turns seccomp off.",
  severity: "high",
  why: "Unconfined gives the container every system call of the kernel.",
  fix: "Remove the profile, or set it to RuntimeDefault or Localhost.",
  examples: { pass: [pod(), pod({ securityContext: { seccompProfile: undefined } })], fail: [pod({ securityContext: { seccompProfile: { type: "Unconfined" } } }), pod({ securityContext: { seccompProfile: { type: undefined } } })] },
  check: (pod) =>
    eachSecurityContext(pod, ({ context, path, label }) => {
      const type = text(context, "seccompProfile", "type");
      return !has(context, "seccompProfile") || seccompAllowed(type) ? undefined : { path: within(path, "seccompProfile.type"), message: `${label} has the seccomp profile ${type ?? "without a type"}` };
    }),
});

export const readOnlyRootFilesystem = containerRule({
  id: "read-only-root-filesystem",
  title: "Every container's root file system is read-only.",
  severity: "medium",
  level: "mandatory",
  why: "An intruder can't change the program or leave tools behind, and what the program writes is declared.",
  fix: "Set securityContext.readOnlyRootFilesystem: true and mount an emptyDir where the program writes.",
  parameters: z.strictObject({ exemptImages }),
  examples: { parameters: { exemptImages: ["docker.io/library/db"] }, pass: [pod(), pod({ image: "db:1", securityContext: { readOnlyRootFilesystem: false } })], fail: [pod({ securityContext: { readOnlyRootFilesystem: undefined } })] },
  check: (container, parameters) =>
    get(container.spec, "securityContext", "readOnlyRootFilesystem") === true || isExempt(container, parameters.exemptImages)
      ? undefined
      : { path: within(container.path, "securityContext.readOnlyRootFilesystem"), message: `${container.label} can write to its root file system` },
});
