/** As whom a pod runs: users, groups, service accounts, and how far it is described. */
import { z } from "zod";
import { containerRule, containersOf, eachSecurityContext, inUserNamespace, POD_CARRIERS, podOf, podRule } from "../kubernetes/pods.ts";
import { ask, each, resourceRule, type Finding } from "../rule.ts";
import { get, has, isObj, list, num, text, within } from "../value.ts";
import { deployment, manifest, pod } from "./examples.ts";

export const highUserId = containerRule({
  id: "high-user-id",
  title: "Every container runs as a user, and groups if any, with high numbers.",
  severity: "low",
  why: "Low numbers are people or services of the node: files they own are open to the container after an escape.",
  fix: "Set runAsUser to 10000 or more.",
  parameters: z.strictObject({
    min: z.int().default(10000).describe("lowest user number"),
    minGroup: z.int().default(10000).describe("lowest number of runAsGroup"),
    minFsGroup: z.int().default(10000).describe("lowest number of fsGroup"),
  }),
  examples: {
    pass: [pod(), pod({ securityContext: { runAsUser: 10000, runAsGroup: 10000 } }, { securityContext: { fsGroup: 10000 } }), pod({ securityContext: { runAsUser: undefined } }, { hostUsers: false, securityContext: { runAsUser: undefined } })],
    more: [{ parameters: { min: 10000, minGroup: 20000, minFsGroup: 30000 }, pass: [pod({ securityContext: { runAsUser: undefined, runAsGroup: undefined } }, { securityContext: { runAsUser: 10000, runAsGroup: 20000, fsGroup: 30000 } }), pod({ securityContext: { runAsGroup: undefined } }, { securityContext: { runAsGroup: undefined, fsGroup: undefined } })], fail: [pod({ securityContext: { runAsGroup: undefined } }, { securityContext: { runAsGroup: 19999 } })] }],
    fail: [pod({ securityContext: { runAsUser: 9999 } }), pod({ securityContext: { runAsUser: undefined } }, { securityContext: { runAsUser: undefined } }), pod({ securityContext: { runAsGroup: 9999 } }), pod({}, { securityContext: { fsGroup: 9999 } })],
  },
  check: (container, { min, minGroup, minFsGroup }) => {
    // In a user namespace every number of the pod is a high one of the node.
    if (inUserNamespace(container.pod)) return undefined;
    const user = num(container.spec, "securityContext", "runAsUser") ?? num(container.pod.spec, "securityContext", "runAsUser");
    const found: Finding[] = user !== undefined && user >= min ? [] : [{ path: within(container.path, "securityContext.runAsUser"), message: `${container.label} ${user === undefined ? "names no user" : `runs as user ${user}, below ${min}`}` }];
    const group = num(container.spec, "securityContext", "runAsGroup") ?? num(container.pod.spec, "securityContext", "runAsGroup") ?? minGroup;
    if (group < minGroup) found.push({ path: within(container.path, "securityContext.runAsGroup"), message: `${container.label} runs as group ${group}, below ${minGroup}` });
    const files = num(container.pod.spec, "securityContext", "fsGroup") ?? minFsGroup;
    if (files < minFsGroup) found.push({ path: within(container.pod.specPath, "securityContext.fsGroup"), message: `its volumes belong to group ${files}, below ${minFsGroup}` });
    return found;
  },
});

export const nonRootGroups = podRule({
  id: "non-root-groups",
  title: "No container belongs to group 0.",
  severity: "medium",
  why: "Group root owns files on the node and in many images.",
  fix: "Set runAsGroup, supplementalGroups and fsGroup to numbers above 0 in the pod's securityContext.",
  examples: {
    pass: [pod()],
    fail: [pod({ securityContext: { runAsGroup: 0 } }), pod({}, { securityContext: { runAsGroup: 0 } }), pod({}, { securityContext: { fsGroup: 0 } }), pod({}, { securityContext: { supplementalGroups: [10001, 0] } })],
  },
  check: (pod) => [
    ...eachSecurityContext(pod, ({ context, path, label }): Finding | undefined => (get(context, "runAsGroup") === 0 ? { path: within(path, "runAsGroup"), message: `${label} runs as group 0` } : undefined)),
    ...ask(() => (get(pod.spec, "securityContext", "fsGroup") === 0 ? { path: within(pod.specPath, "securityContext.fsGroup"), message: "the pod's volumes belong to group 0" } : undefined)),
    ...ask(() => (list(pod.spec, "securityContext", "supplementalGroups").includes(0) ? { path: within(pod.specPath, "securityContext.supplementalGroups"), message: "the pod belongs to group 0" } : undefined)),
  ],
});

export const groupNamed = podRule({
  id: "group-named",
  title: "Every container names its group, on itself or on its pod.",
  severity: "low",
  why: "Without runAsGroup the process belongs to group 0, unless its image says otherwise.",
  fix: "Set runAsGroup to a number above 0 in the pod's securityContext.",
  examples: {
    pass: [pod(), pod({ securityContext: { runAsGroup: undefined } }), pod({}, { securityContext: { runAsGroup: undefined } })],
    fail: [pod({ securityContext: { runAsGroup: undefined } }, { securityContext: { runAsGroup: undefined } })],
  },
  check: (pod) => {
    const whole = has(pod.spec, "securityContext", "runAsGroup");
    return eachSecurityContext(pod, ({ context, path, label, ofPod }) => (ofPod || whole || has(context, "runAsGroup") ? undefined : { path: within(path, "runAsGroup"), message: `${label} names no group, and neither does its pod` }));
  },
});

export const securityContextPresent = podRule({
  id: "security-context-present",
  title: "Every container has a securityContext, of its own or of its pod.",
  severity: "medium",
  why: "Without one every protection is at its weakest default.",
  fix: "Add securityContext to the containers; see the other pod security policies for what belongs in it.",
  examples: { pass: [pod(), pod({ securityContext: undefined }), pod({}, { securityContext: undefined })], fail: [pod({ securityContext: undefined }, { securityContext: undefined }), pod({}, { securityContext: undefined, containers: [{ name: "app", securityContext: {} }] }), pod({}, { containers: undefined })] },
  check: (pod) => {
    const filled = (value: unknown) => isObj(value) && Object.keys(value).length > 0;
    const containers = containersOf(pod);
    if (containers.length === 0) return { path: pod.specPath, message: "the pod has no containers, so no securityContext" };
    const whole = filled(get(pod.spec, "securityContext"));
    return each(containers, (container) => (whole || filled(get(container.spec, "securityContext")) ? undefined : { path: within(container.path, "securityContext"), message: `${container.label} has no securityContext` }));
  },
});

export const noServiceAccountToken = podRule({
  id: "no-service-account-token",
  title: "No pod is given a service account token unless it asks for the API.",
  severity: "medium",
  level: "mandatory",
  why: "The token is the first thing an intruder looks for: it speaks to the API server.",
  fix: "Set automountServiceAccountToken: false on the pod; waive it for pods that talk to the API.",
  examples: { pass: [pod()], fail: [pod({}, { automountServiceAccountToken: undefined }), pod({}, { automountServiceAccountToken: true })] },
  check: (pod) => (get(pod.spec, "automountServiceAccountToken") === false ? undefined : { path: within(pod.specPath, "automountServiceAccountToken"), message: "the pod is given a service account token" }),
});

const account = (body: object) => manifest("v1", "ServiceAccount", { ...body });

export const serviceAccountNoToken = resourceRule({
  id: "service-account-no-token",
  title: "No ServiceAccount hands its token to every pod.",
  severity: "low",
  kinds: ["ServiceAccount"],
  why: "Each pod with this account gets a token, whether it needs one or not.",
  fix: "Set automountServiceAccountToken: false on the ServiceAccount.",
  examples: { pass: [account({ automountServiceAccountToken: false })], fail: [account({}), account({ automountServiceAccountToken: true })] },
  check: ({ data }) => (get(data, "automountServiceAccountToken") === false ? [] : [{ path: "automountServiceAccountToken", message: "its token is mounted into every pod that uses it" }]),
});

export const defaultAccountNoToken = resourceRule({
  id: "default-account-no-token", title: "The default service account hands out no token.", severity: "medium", kinds: ["ServiceAccount"],
  why: "Every pod that names no account gets it.", fix: "Set automountServiceAccountToken: false on the account default.",
  examples: { pass: [account({}), account({ metadata: { name: "default" }, automountServiceAccountToken: false })], fail: [account({ metadata: { name: "default" } })] },
  check: ({ data }) => (text(data, "metadata", "name") === "default" && get(data, "automountServiceAccountToken") !== false ? [{ path: "automountServiceAccountToken", message: "every pod that names no account gets a token" }] : []),
});

export const noDefaultServiceAccount = podRule({
  id: "no-default-service-account",
  title: "Every pod has a service account of its own.",
  severity: "medium",
  why: "Rights given to the default account are given to every pod of the namespace.",
  fix: "Create a ServiceAccount and name it in serviceAccountName.",
  examples: { pass: [pod(), pod({}, { serviceAccountName: undefined, serviceAccount: "app" })], fail: [pod({}, { serviceAccountName: undefined }), pod({}, { serviceAccountName: "default" }), pod({}, { serviceAccountName: "" }), pod({}, { serviceAccountName: undefined, serviceAccount: "default" })] },
  check: (pod) => {
    const name = text(pod.spec, "serviceAccountName") ?? text(pod.spec, "serviceAccount") ?? "default";
    return name === "default" || name === "" ? { path: within(pod.specPath, "serviceAccountName"), message: "the pod runs as the namespace's default service account" } : undefined;
  },
});

export const noBarePods = resourceRule({
  id: "no-bare-pods",
  title: "No pod stands without a controller.",
  severity: "low",
  kinds: ["Pod"],
  why: "Nothing restarts a bare pod elsewhere when its node goes.",
  fix: "Use a Deployment, StatefulSet or Job.",
  examples: { pass: [deployment(), pod({}, {}, { ownerReferences: [{ kind: "ReplicaSet", name: "app" }] })], fail: [pod(), manifest("v1", "Pod", {}), pod({}, {}, { ownerReferences: [] })] },
  check: ({ data }) => (list(data, "metadata", "ownerReferences").length > 0 ? [] : [{ path: "", message: has(data, "spec") ? "a bare pod" : "a pod without spec" }]),
});

export const noInteractive = containerRule({
  id: "no-interactive-containers",
  title: "No container keeps stdin or a terminal open.",
  severity: "low",
  why: "Whoever may attach types into the running program.",
  fix: "Remove stdin and tty.",
  examples: { pass: [pod()], fail: [pod({ tty: true }), pod({ stdin: true })] },
  check: (container) => ["stdin", "tty"].filter((key) => get(container.spec, key) === true).map((key) => ({ path: within(container.path, key), message: `${container.label} keeps ${key} open` })),
});

export const noDeprecatedServiceAccountField = resourceRule({
  id: "no-deprecated-service-account-field",
  title: "Pods name their account in serviceAccountName.",
  severity: "low",
  kinds: POD_CARRIERS,
  why: "serviceAccount is deprecated; where both stand and differ, it isn't clear which is meant.",
  fix: "Rename serviceAccount to serviceAccountName.",
  examples: { pass: [pod(), pod({}, { serviceAccount: "app" })], fail: [pod({}, { serviceAccount: "app", serviceAccountName: undefined }), pod({}, { serviceAccount: "other" })] },
  check: (resource) => {
    const found = podOf(resource);
    // The API server itself fills the old field in with the new one's value.
    return found && has(found.spec, "serviceAccount") && text(found.spec, "serviceAccount") !== text(found.spec, "serviceAccountName") ? [{ path: within(found.specPath, "serviceAccount"), message: "the deprecated field serviceAccount is used" }] : [];
  },
});

const SHELLS = ["jcmd", "ps", "ls"];

export const noExecProbeCommands = containerRule({
  id: "no-exec-probe-commands",
  title: "No exec probe runs a command that is known to harm.",
  severity: "low",
  why: "A probe's command runs every few seconds; some leave processes behind, slow the program down, or stop it.",
  fix: "Ask the program over HTTP or gRPC instead.",
  parameters: z.strictObject({ commands: z.array(z.string()).default(SHELLS).describe("words that may not stand in the command") }),
  examples: { pass: [pod(), pod({ livenessProbe: { exec: { command: ["/bin/psql"] } } })], fail: [...SHELLS.map((word) => pod({ livenessProbe: { exec: { command: ["/bin/sh", "-c", `${word} | grep Main`] } } })), ...["readinessProbe", "startupProbe"].map((probe) => pod({ [probe]: { exec: { command: ["/usr/bin/ps"] } } }))] },
  check: (container, { commands }) =>
    ["livenessProbe", "readinessProbe", "startupProbe"].flatMap((probe) => {
      const words = list(container.spec, probe, "exec", "command").flatMap((part) => String(part).split(/[\s;|&]+/)).map((word) => word.replace(/^.*\//, ""));
      const hit = commands.find((command) => words.includes(command));
      return hit === undefined ? [] : [{ path: within(container.path, `${probe}.exec.command`), message: `${container.label}'s ${probe} runs ${hit}` }];
    }),
});

export const noSshPort = containerRule({
  id: "no-ssh-port",
  title: "No container offers SSH.",
  severity: "medium",
  why: "A shell into a container goes around the API server, its authorisation and its audit log.",
  fix: "Remove port 22 and the daemon; use kubectl exec or ephemeral containers.",
  parameters: z.strictObject({ ports: z.array(z.int()).default([22, 2222]).describe("ports of SSH") }),
  examples: { pass: [pod(), pod({ ports: [{ name: "http" }] })], fail: [22, 2222].map((containerPort) => pod({ ports: [{ containerPort: 80 }, { containerPort }] })) },
  check: (container, { ports }) => list(container.spec, "ports").flatMap((port, index) => (ports.includes(num(port, "containerPort") ?? 0) ? [{ path: within(container.path, `ports[${index}]`), message: `${container.label} offers port ${num(port, "containerPort") ?? 0}, SSH's` }] : [])),
});

export const noSudo = podRule({
  id: "no-sudo",
  title: "No container starts through sudo.",
  severity: "medium",
  why: "sudo in a container means that the image can become root.",
  fix: "Start the program as the user it needs.",
  examples: { pass: [pod(), pod({ command: ["/bin/sudoku"] })], fail: [pod({ command: ["sudo", "app"] }), pod({ args: ["-c", "exec /usr/bin/sudo app"] })] },
  check: (pod) =>
    each(containersOf(pod), (container) => {
      const words = [...list(container.spec, "command"), ...list(container.spec, "args")].flatMap((part) => String(part).split(/\s+/));
      return words.some((word) => word === "sudo" || word.endsWith("/sudo")) ? { path: within(container.path, "command"), message: `${container.label} starts through sudo` } : undefined;
    }),
});

export const runtimeClassAllowed = podRule({
  id: "runtime-class-allowed",
  title: "Pods run in an allowed RuntimeClass.",
  severity: "low",
  why: "A RuntimeClass chooses how well the pod is isolated.",
  fix: "Use an allowed class, or add it to the parameter `allowed`.",
  parameters: z.strictObject({ allowed: z.array(z.string()).default([]).describe("classes that may be named; an empty list allows all") }),
  examples: { parameters: { allowed: ["gvisor"] }, pass: [pod(), pod({}, { runtimeClassName: "gvisor" })], fail: [pod({}, { runtimeClassName: "runc" })] },
  check: (pod, { allowed }) => {
    const name = text(pod.spec, "runtimeClassName");
    return name === undefined || allowed.length === 0 || allowed.includes(name) ? undefined : { path: within(pod.specPath, "runtimeClassName"), message: `the pod runs in class ${name}` };
  },
});

export const unprivilegedPorts = containerRule({
  id: "unprivileged-ports",
  title: "Containers listen on ports above 1023.",
  severity: "low",
  why: "A lower port needs a capability or root.",
  fix: "Listen on a high port and let the Service map it.",
  examples: { pass: [pod(), pod({ ports: [{ containerPort: 1024 }, { name: "http" }] })], fail: [pod({ ports: [{ containerPort: 1023 }] })] },
  check: (container) => list(container.spec, "ports").flatMap((port, index) => ((num(port, "containerPort") ?? 1024) < 1024 ? [{ path: within(container.path, `ports[${index}].containerPort`), message: `${container.label} listens on port ${num(port, "containerPort") ?? 0}` }] : [])),
});
