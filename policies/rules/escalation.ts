/** What lets a container become more than itself: privilege, root, capabilities. */
import { z } from "zod";
import { containerRule, eachSecurityContext, exemptImages, inUserNamespace, isExempt, podRule } from "../kubernetes/pods.ts";
import { get, num, text, texts, within } from "../value.ts";
import { pod } from "./examples.ts";

export const noPrivilegedContainers = containerRule({
  id: "no-privileged-containers",
  title: "No container runs privileged.",
  severity: "critical",
  why: "A privileged container is root on the node: it sees every device, every other pod's files and the node's credentials.",
  fix: "Remove securityContext.privileged, and add the one capability that is needed if any.",
  parameters: z.strictObject({ exemptImages }),
  examples: { parameters: { exemptImages: ["registry.example.com/agents"] }, pass: [pod(), pod({ image: "registry.example.com/agents/node:1", securityContext: { privileged: true } })], fail: [pod({ securityContext: { privileged: true } })] },
  check: (container, parameters) =>
    get(container.spec, "securityContext", "privileged") === true && !isExempt(container, parameters.exemptImages)
      ? { path: within(container.path, "securityContext.privileged"), message: `${container.label} runs privileged` }
      : undefined,
});

export const noPrivilegeEscalation = containerRule({
  id: "no-privilege-escalation",
  title: "Every container says allowPrivilegeEscalation: false.",
  severity: "high",
  why: "Without it a setuid binary inside the image can gain rights that the process was started without.",
  fix: "Set securityContext.allowPrivilegeEscalation: false on every container.",
  examples: { pass: [pod(), pod({ securityContext: { allowPrivilegeEscalation: undefined } }, { os: { name: "windows" } })], fail: [pod({ securityContext: { allowPrivilegeEscalation: undefined } }), pod({ securityContext: { allowPrivilegeEscalation: true } })] },
  check: (container) =>
    text(container.pod.spec, "os", "name") !== "windows" && get(container.spec, "securityContext", "allowPrivilegeEscalation") !== false
      ? { path: within(container.path, "securityContext.allowPrivilegeEscalation"), message: `${container.label} may escalate its privileges` }
      : undefined,
});

export const runAsNonRoot = podRule({
  id: "run-as-non-root",
  title: "Every container must run as non-root, by runAsNonRoot: true on it or on its pod.",
  severity: "high",
  why: "Root in a container is one kernel bug away from root on the node.",
  fix: "Set runAsNonRoot: true in the pod's securityContext, and never false.",
  parameters: z.strictObject({ acceptUser: z.boolean().default(false).describe("be content with a runAsUser above 0 where runAsNonRoot is absent; Pod Security isn't") }),
  examples: { pass: [pod(), pod({ securityContext: { runAsNonRoot: false } }, { hostUsers: false }), pod({ securityContext: { runAsNonRoot: undefined } }), pod({}, { securityContext: { runAsNonRoot: undefined } })], more: [{ parameters: { acceptUser: true }, pass: [pod({ securityContext: { runAsNonRoot: undefined } }, { securityContext: { runAsNonRoot: undefined } }), pod({ securityContext: { runAsNonRoot: undefined, runAsUser: undefined } }, { securityContext: { runAsNonRoot: undefined } })], fail: [pod({ securityContext: { runAsNonRoot: undefined, runAsUser: 0 } }, { securityContext: { runAsNonRoot: undefined } }), pod({ securityContext: { runAsNonRoot: undefined, runAsUser: undefined } }, { securityContext: { runAsNonRoot: undefined, runAsUser: undefined } }), pod({ securityContext: { runAsNonRoot: false } })] }], fail: [pod({ securityContext: { runAsNonRoot: false } }), pod({}, { securityContext: { runAsNonRoot: false } }), pod({ securityContext: { runAsNonRoot: undefined } }, { securityContext: { runAsNonRoot: undefined } })] },
  check: (pod, { acceptUser }) => {
    if (inUserNamespace(pod)) return undefined;
    const whole = get(pod.spec, "securityContext", "runAsNonRoot");
    const user = num(pod.spec, "securityContext", "runAsUser");
    return eachSecurityContext(pod, ({ context, path, label, ofPod }) => {
      const own = get(context, "runAsNonRoot");
      if (own === false) return { path: within(path, "runAsNonRoot"), message: `${label} says that it may run as root` };
      if (ofPod || own === true || whole === true) return undefined;
      if (acceptUser && own === undefined && whole === undefined && (num(context, "runAsUser") ?? user ?? 0) > 0) return undefined;
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
  examples: { pass: [pod(), pod({ securityContext: { runAsUser: 0 } }, { hostUsers: false })], fail: [pod({ securityContext: { runAsUser: 0 } }), pod({}, { securityContext: { runAsUser: 0 } })] },
  check: (pod) =>
    inUserNamespace(pod)
      ? undefined
      : eachSecurityContext(pod, ({ context, path, label }) => (get(context, "runAsUser") === 0 ? { path: within(path, "runAsUser"), message: `${label} runs as user 0, which is root` } : undefined)),
});

export const dropAllCapabilities = containerRule({
  id: "drop-all-capabilities",
  title: "Every container drops all capabilities.",
  severity: "high",
  why: "A container starts with fourteen kernel capabilities that a web service never needs; each is a way out of the sandbox.",
  fix: 'Set securityContext.capabilities.drop: ["ALL"] on every container.',
  examples: {
    pass: [pod(), pod({ securityContext: { capabilities: undefined } }, { os: { name: "windows" } })],
    fail: [pod({ securityContext: { capabilities: undefined } }), pod({ securityContext: { capabilities: { drop: ["NET_RAW"] } } }), pod({ securityContext: { capabilities: undefined } }, { os: { name: "linux" } })],
  },
  check: (container) => {
    if (text(container.pod.spec, "os", "name") === "windows" || texts(container.spec, "securityContext", "capabilities", "drop").includes("ALL")) return undefined;
    return { path: within(container.path, "securityContext.capabilities.drop"), message: `${container.label} doesn't drop ALL capabilities` };
  },
});

export const capabilitiesRestricted = containerRule({
  id: "capabilities-restricted",
  title: "No container adds a capability other than NET_BIND_SERVICE.",
  severity: "high",
  why: "What was dropped comes back by add: even the default capabilities change owners, identities and device files.",
  fix: "Remove it from securityContext.capabilities.add.",
  parameters: z.strictObject({ allowed: z.array(z.string()).default(["NET_BIND_SERVICE"]).describe("capabilities that may be added") }),
  examples: {
    pass: [pod(), pod({ securityContext: { capabilities: { add: ["NET_BIND_SERVICE"] } } }), pod({ securityContext: { capabilities: { add: ["CHOWN"] } } }, { os: { name: "windows" } })],
    fail: [pod({ securityContext: { capabilities: { add: ["CHOWN", "KILL"] } } }), pod({ securityContext: { capabilities: { add: ["NET_BIND_SERVICE", "NET_ADMIN"] } } }), pod({ securityContext: { capabilities: { add: ["CHOWN"] } } }, { os: { name: "linux" } })],
  },
  check: (container, { allowed }) => {
    if (text(container.pod.spec, "os", "name") === "windows") return undefined;
    const added = texts(container.spec, "securityContext", "capabilities", "add").filter((name) => !allowed.includes(name));
    return added.length > 0 ? { path: within(container.path, "securityContext.capabilities.add"), message: `${container.label} adds ${added.join(", ")}` } : undefined;
  },
});
