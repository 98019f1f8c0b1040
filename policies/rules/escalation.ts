/** What lets a container become more than itself: privilege, root, capabilities. */
import { z } from "zod";
import { containerRule, eachSecurityContext, podRule, type PodTemplate } from "../kubernetes/pods.ts";
import { get, text, texts, within } from "../value.ts";
import { pod } from "./examples.ts";

export const noPrivilegedContainers = containerRule({
  id: "no-privileged-containers",
  title: "No container runs privileged.",
  severity: "critical",
  why: "A privileged container is root on the node: it sees every device, every other pod's files and the node's credentials.",
  fix: "Remove securityContext.privileged, and add the one capability that is needed if any.",
  examples: { pass: [pod()], fail: [pod({ securityContext: { privileged: true } })] },
  check: (container) =>
    get(container.spec, "securityContext", "privileged") === true
      ? { path: within(container.path, "securityContext.privileged"), message: `${container.label} runs privileged` }
      : undefined,
});

export const noPrivilegeEscalation = containerRule({
  id: "no-privilege-escalation",
  title: "Every container says allowPrivilegeEscalation: false.",
  severity: "high",
  why: "Without it a setuid binary inside the image can gain rights that the process was started without.",
  fix: "Set securityContext.allowPrivilegeEscalation: false on every container.",
  examples: { pass: [pod()], fail: [pod({ securityContext: { allowPrivilegeEscalation: undefined } }), pod({ securityContext: { allowPrivilegeEscalation: true } })] },
  check: (container) =>
    text(container.pod.spec, "os", "name") !== "windows" && get(container.spec, "securityContext", "allowPrivilegeEscalation") !== false
      ? { path: within(container.path, "securityContext.allowPrivilegeEscalation"), message: `${container.label} may escalate its privileges` }
      : undefined,
});

/** Under a user namespace root in the pod is nobody on the node, so Pod Security lets it be. */
function inUserNamespace(pod: PodTemplate): boolean {
  return get(pod.spec, "hostUsers") === false;
}

export const runAsNonRoot = podRule({
  id: "run-as-non-root",
  title: "Every container must run as non-root, by runAsNonRoot: true on it or on its pod.",
  severity: "high",
  why: "Root in a container is one kernel bug away from root on the node.",
  fix: "Set runAsNonRoot: true in the pod's securityContext, and never false.",
  examples: { pass: [pod(), pod({ securityContext: { runAsNonRoot: false } }, { hostUsers: false })], fail: [pod({ securityContext: { runAsNonRoot: false } }), pod({}, { securityContext: { runAsNonRoot: false } }), pod({ securityContext: { runAsNonRoot: undefined } }, { securityContext: { runAsNonRoot: undefined } })] },
  check: (pod) => {
    if (inUserNamespace(pod)) return undefined;
    const whole = get(pod.spec, "securityContext", "runAsNonRoot");
    return eachSecurityContext(pod, ({ context, path, label, ofPod }) => {
      const own = get(context, "runAsNonRoot");
      if (own === false) return { path: within(path, "runAsNonRoot"), message: `${label} says that it may run as root` };
      if (ofPod || own === true || whole === true) return undefined;
      return { path: within(path, "runAsNonRoot"), message: `${label} doesn't say that it runs as non-root, and neither does its pod` };
    });
  },
});

export const noRootUser = podRule({
  id: "no-root-user",
  title: "No container is started as user 0.",
  severity: "high",
  why: "runAsUser: 0 makes the process root whatever the image says.",
  fix: "Set runAsUser to a number above 0, on the pod or the container, or leave it to the image together with runAsNonRoot: true.",
  examples: { pass: [pod()], fail: [pod({ securityContext: { runAsUser: 0 } }), pod({}, { securityContext: { runAsUser: 0 } })] },
  check: (pod) =>
    inUserNamespace(pod)
      ? undefined
      : eachSecurityContext(pod, ({ context, path, label }) => (get(context, "runAsUser") === 0 ? { path: within(path, "runAsUser"), message: `${label} runs as user 0, which is root` } : undefined)),
});

export const dropAllCapabilities = containerRule({
  id: "drop-all-capabilities",
  title: "Every container drops all capabilities and adds at most NET_BIND_SERVICE.",
  severity: "high",
  why: "A container starts with fourteen kernel capabilities that a web service never needs; each is a way out of the sandbox.",
  fix: 'Set securityContext.capabilities.drop: ["ALL"] on every container.',
  parameters: z.strictObject({ allowed: z.array(z.string()).default(["NET_BIND_SERVICE"]).describe("capabilities that may be added") }),
  examples: {
    pass: [pod(), pod({ securityContext: { capabilities: { add: ["NET_BIND_SERVICE"] } } })],
    fail: [pod({ securityContext: { capabilities: undefined } }), pod({ securityContext: { capabilities: { drop: ["NET_RAW"] } } }), pod({ securityContext: { capabilities: { add: ["NET_ADMIN"] } } })],
  },
  check: (container, { allowed }) => {
    if (text(container.pod.spec, "os", "name") === "windows") return undefined;
    const path = within(container.path, "securityContext.capabilities");
    const dropped = texts(container.spec, "securityContext", "capabilities", "drop");
    if (!dropped.includes("ALL")) return { path: `${path}.drop`, message: `${container.label} doesn't drop ALL capabilities` };
    const added = texts(container.spec, "securityContext", "capabilities", "add").filter((name) => !allowed.includes(name));
    return added.length > 0 ? { path: `${path}.add`, message: `${container.label} adds ${added.join(", ")}` } : undefined;
  },
});
