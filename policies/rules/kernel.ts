/** What a container may ask of the kernel: capabilities, AppArmor, SELinux, /proc, sysctls, Windows host processes. */
import { z } from "zod";
import { containerRule, containersOf, eachSecurityContext, exemptImages, inUserNamespace, isExempt, podRule } from "../kubernetes/pods.ts";
import { each } from "../rule.ts";
import { stringMap } from "../resource.ts";
import { get, has, join, list, object, text, texts, within, type Obj } from "../value.ts";
import { deployment, pod } from "./examples.ts";

const BASELINE_CAPABILITIES = ["AUDIT_WRITE", "CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "KILL", "MKNOD", "NET_BIND_SERVICE", "SETFCAP", "SETGID", "SETPCAP", "SETUID", "SYS_CHROOT"];
/** A pod of which only the container says anything about its protection. */
const bare = (securityContext: Obj) => pod({ securityContext: undefined }, { securityContext: undefined, containers: [{ name: "app", securityContext }] });
const NO_OWN: Obj = { capabilities: undefined, seccompProfile: undefined };
const added = (add: string[]) => pod({ securityContext: { capabilities: { add } } });

export const capabilitiesBaseline = containerRule({
  id: "capabilities-baseline",
  title: "No container adds a capability beyond the default set.",
  severity: "high",
  why: "NET_ADMIN, SYS_PTRACE, SYS_ADMIN and their like reach other processes, the node's network or the kernel itself.",
  fix: "Remove it from securityContext.capabilities.add.",
  parameters: z.strictObject({ allowed: z.array(z.string()).default(BASELINE_CAPABILITIES).describe("capabilities that may be added") }),
  examples: { pass: [pod(), added(BASELINE_CAPABILITIES)], fail: [added(["NET_RAW", "NET_ADMIN"]), added(["ALL"])] },
  check: (container, { allowed }) => {
    const extra = texts(container.spec, "securityContext", "capabilities", "add").filter((name) => !allowed.includes(name));
    return extra.length > 0 ? { path: within(container.path, "securityContext.capabilities.add"), message: `${container.label} adds ${extra.join(", ")}` } : undefined;
  },
});

export const dropNetRaw = containerRule({
  id: "drop-net-raw",
  title: "Every container drops NET_RAW, or ALL.",
  severity: "medium",
  level: "mandatory",
  why: "With NET_RAW, which containers have by default, a process forges packets: ARP and DNS spoofing against its neighbours.",
  fix: 'Set securityContext.capabilities.drop: ["ALL"].',
  examples: { pass: [pod(), ...["NET_RAW", "CAP_NET_RAW", "cap_net_raw", "all"].map((name) => pod({ securityContext: { capabilities: { drop: [name] } } }))], fail: [pod({ securityContext: { capabilities: undefined } }), pod({ securityContext: { capabilities: { drop: ["X_CAP_NET_RAW"] } } })] },
  check: (container) => {
    const dropped = texts(container.spec, "securityContext", "capabilities", "drop").map((name) => name.toUpperCase().replace(/^CAP_/, ""));
    return dropped.includes("ALL") || dropped.includes("NET_RAW") ? undefined : { path: within(container.path, "securityContext.capabilities.drop"), message: `${container.label} keeps NET_RAW` };
  },
});

export const noSysAdmin = containerRule({
  id: "no-sys-admin",
  title: "No container adds SYS_ADMIN.",
  severity: "critical",
  why: "SYS_ADMIN allows mounting and much else: it is root by another name.",
  fix: "Remove SYS_ADMIN and ALL from securityContext.capabilities.add.",
  examples: { pass: [pod(), added(["X_CAP_SYS_ADMIN"])], fail: ["SYS_ADMIN", "CAP_SYS_ADMIN", "cap_sys_admin", "ALL"].map((name) => added([name])) },
  check: (container) => {
    const names = texts(container.spec, "securityContext", "capabilities", "add").map((name) => name.toUpperCase().replace(/^CAP_/, ""));
    return names.includes("SYS_ADMIN") || names.includes("ALL") ? { path: within(container.path, "securityContext.capabilities.add"), message: `${container.label} adds SYS_ADMIN` } : undefined;
  },
});

const APPARMOR_ANNOTATION = "container.apparmor.security.beta.kubernetes.io/";

export const appArmorProfile = podRule({
  id: "apparmor-profile",
  title: "AppArmor is left to the runtime's default or a profile of the node.",
  severity: "high",
  why: "Unconfined takes away what keeps a container from mounting, tracing and writing to /proc and /sys.",
  fix: "Remove the profile, or set it to RuntimeDefault or Localhost.",
  examples: {
    pass: [pod(), pod({ securityContext: { appArmorProfile: { type: "RuntimeDefault" } } }), pod({}, {}, { annotations: { [`${APPARMOR_ANNOTATION}app`]: "runtime/default" } }), pod({ securityContext: { appArmorProfile: { type: "Localhost", localhostProfile: "a" } } }), ...["", "localhost/a"].map((value) => pod({}, {}, { annotations: { [`${APPARMOR_ANNOTATION}app`]: value, note: "unconfined" } }))],
    fail: [pod({ securityContext: { appArmorProfile: {} } }), pod({ securityContext: { appArmorProfile: { type: "Unconfined" } } }), pod({}, {}, { annotations: { [`${APPARMOR_ANNOTATION}app`]: "unconfined" } }), deployment({}, {}, { spec: { template: { metadata: { annotations: { [`${APPARMOR_ANNOTATION}app`]: "custom" } } } } })],
  },
  check: (pod) => [
    ...eachSecurityContext(pod, ({ context, path, label }) => {
      const type = text(context, "appArmorProfile", "type");
      if (!has(context, "appArmorProfile") || type === "RuntimeDefault" || type === "Localhost") return undefined;
      return { path: within(path, "appArmorProfile.type"), message: `${label} has the AppArmor profile ${type ?? "without a type"}` };
    }),
    ...each(Object.entries(stringMap(get(pod.metadata, "annotations"))), ([key, value]) => {
      if (!key.startsWith(APPARMOR_ANNOTATION) || value === "" || value === "runtime/default" || value.startsWith("localhost/")) return undefined;
      return { path: join(join(join(pod.path, "metadata"), "annotations"), key), message: `container "${key.slice(APPARMOR_ANNOTATION.length)}" has the AppArmor profile ${value}` };
    }),
  ],
});

const CONTAINER_TYPES = ["container_t", "container_init_t", "container_kvm_t", "container_engine_t"];

export const seLinuxOptions = podRule({
  id: "selinux-options",
  title: "No pod or container sets an SELinux user, role, or a type that isn't a container's.",
  severity: "high",
  why: "Another SELinux type, as spc_t, switches the confinement of the container off.",
  fix: "Remove seLinuxOptions, or set only level and an allowed type.",
  parameters: z.strictObject({ types: z.array(z.string()).default(CONTAINER_TYPES).describe("types that may be set") }),
  examples: {
    pass: [pod(), pod({ securityContext: { seLinuxOptions: { type: "container_t", level: "s0:c1,c2" } } }), ...CONTAINER_TYPES.map((type) => pod({}, { securityContext: { seLinuxOptions: { type } } }))],
    fail: [pod({ securityContext: { seLinuxOptions: { type: "spc_t" } } }), pod({}, { securityContext: { seLinuxOptions: { user: "system_u" } } }), pod({}, { securityContext: { seLinuxOptions: { role: "system_r", user: "system_u" } } })],
  },
  check: (pod, { types }) =>
    eachSecurityContext(pod, ({ context, path, label }) => {
      const type = text(context, "seLinuxOptions", "type") ?? "";
      const bad = [...(type !== "" && !types.includes(type) ? [`type ${type}`] : []), ...["user", "role"].filter((key) => (text(context, "seLinuxOptions", key) ?? "") !== "")];
      return bad.length > 0 ? { path: within(path, "seLinuxOptions"), message: `${label} sets the SELinux ${bad.join(" and ")}` } : undefined;
    }),
});

export const procMountDefault = containerRule({
  id: "proc-mount-default",
  title: "Every container keeps the masks over /proc.",
  severity: "high",
  why: "Unmasked /proc shows and changes kernel settings of the node.",
  fix: "Remove securityContext.procMount.",
  parameters: z.strictObject({ allowInUserNamespace: z.boolean().default(false).describe("allow it in pods with hostUsers: false, as Pod Security baseline does"), exemptImages }),
  examples: {
    pass: [pod(), pod({ securityContext: { procMount: "Default" } })],
    fail: [pod({ securityContext: { procMount: "Unmasked" } }), pod({ securityContext: { procMount: "Unmasked" } }, { hostUsers: false })],
    more: [{
      parameters: { allowInUserNamespace: true, exemptImages: ["registry.example.com/builder"] },
      pass: [pod({ securityContext: { procMount: "Unmasked" } }, { hostUsers: false }), pod({ image: "registry.example.com/builder:1", securityContext: { procMount: "Unmasked" } })],
      fail: [pod({ securityContext: { procMount: "Unmasked" } })],
    }],
  },
  check: (container, parameters) => {
    const mount = text(container.spec, "securityContext", "procMount");
    if (mount === undefined || mount === "Default" || (parameters.allowInUserNamespace && inUserNamespace(container.pod)) || isExempt(container, parameters.exemptImages)) return undefined;
    return { path: within(container.path, "securityContext.procMount"), message: `${container.label} has procMount ${mount}` };
  },
});

const SAFE_SYSCTLS = [
  "kernel.shm_rmid_forced", "net.ipv4.ip_local_port_range", "net.ipv4.tcp_syncookies", "net.ipv4.ping_group_range", "net.ipv4.ip_unprivileged_port_start", "net.ipv4.ip_local_reserved_ports",
  "net.ipv4.tcp_keepalive_time", "net.ipv4.tcp_fin_timeout", "net.ipv4.tcp_keepalive_intvl", "net.ipv4.tcp_keepalive_probes", "net.ipv4.tcp_rmem", "net.ipv4.tcp_wmem",
];

export const safeSysctls = podRule({
  id: "safe-sysctls",
  title: "No pod sets a sysctl that isn't safe.",
  severity: "high",
  why: "Unsafe sysctls change the kernel for the whole node, or open it.",
  fix: "Remove it from securityContext.sysctls; the allowed ones are a parameter.",
  parameters: z.strictObject({ allowed: z.array(z.string()).default(SAFE_SYSCTLS).describe("sysctls that may be set; * at the end stands for anything") }),
  examples: {
    pass: [pod({}, { securityContext: { sysctls: SAFE_SYSCTLS.map((name) => ({ name, value: "1" })) } })],
    fail: [pod({}, { securityContext: { sysctls: [{ name: "net.ipv4.tcp_syncookies", value: "1" }, { name: "kernel.msgmax", value: "1" }] } }), pod({}, { securityContext: { sysctls: [{ value: "1" }] } })],
    more: [{ parameters: { allowed: ["net.*"] }, pass: [pod({}, { securityContext: { sysctls: [{ name: "net.core.somaxconn", value: "1" }] } })], fail: [pod({}, { securityContext: { sysctls: [{ name: "network.x", value: "1" }, { name: "kernel.net.", value: "1" }] } })] }],
  },
  check: (pod, { allowed }) => {
    const sysctls = list(pod.spec, "securityContext", "sysctls");
    return each(sysctls.map((_, index) => index), (index) => {
      const name = text(sysctls, index, "name") ?? "";
      if (allowed.some((pattern) => (pattern.endsWith("*") ? name.startsWith(pattern.slice(0, -1)) : name === pattern))) return undefined;
      return { path: join(within(pod.specPath, "securityContext.sysctls"), index), message: `the pod sets ${name}` };
    });
  },
});

export const noHostProcess = podRule({
  id: "no-host-process",
  title: "No Windows HostProcess pods.",
  severity: "high",
  why: "A HostProcess container runs as the node's own administrator.",
  fix: "Remove securityContext.windowsOptions.hostProcess.",
  examples: { pass: [pod()], fail: [pod({ securityContext: { windowsOptions: { hostProcess: true } } }), pod({}, { securityContext: { windowsOptions: { hostProcess: true } } })] },
  check: (pod) =>
    eachSecurityContext(pod, ({ context, path, label }) =>
      get(context, "windowsOptions", "hostProcess") === true ? { path: within(path, "windowsOptions.hostProcess"), message: `${label} is a HostProcess` } : undefined,
    ),
});

export const linuxHardening = podRule({
  id: "linux-hardening",
  title: "Every container is under at least one of AppArmor, SELinux, seccomp and dropped capabilities.",
  severity: "medium",
  why: "With none of them the whole kernel is open to the container.",
  fix: 'Set seccompProfile.type: RuntimeDefault on the pod, and capabilities.drop: ["ALL"] on its containers.',
  examples: {
    pass: [
      pod(),
      bare({ capabilities: { drop: ["NET_RAW"] } }),
      bare({ seLinuxOptions: { level: "s0:c1,c2" } }),
      bare({ appArmorProfile: { type: "RuntimeDefault" } }),
      bare({ seccompProfile: { type: "Localhost" } }),
      pod({ securityContext: undefined }),
      pod({ securityContext: undefined }, { securityContext: undefined }, { annotations: { [`${APPARMOR_ANNOTATION}app`]: "runtime/default" } }),
      pod({ securityContext: undefined }, { securityContext: undefined, os: { name: "windows" } }),
    ],
    fail: [
      pod({ securityContext: undefined }, { securityContext: undefined }),
      bare({ capabilities: { drop: ["ALL"], add: ["all"] } }),
      pod({ securityContext: { ...NO_OWN, seccompProfile: { type: "Unconfined" } } }),
      pod({ securityContext: { ...NO_OWN, appArmorProfile: { type: "Unconfined" } } }),
      pod({ name: undefined, securityContext: undefined }, { securityContext: undefined }, { annotations: { [`${APPARMOR_ANNOTATION}app`]: "unconfined" } }),
      bare({ seccompProfile: { type: "Unconfined" } }),
      bare({ appArmorProfile: { type: "Unconfined" } }),
      pod({ securityContext: undefined }, { securityContext: undefined }, { annotations: { [`${APPARMOR_ANNOTATION}other`]: "runtime/default" } }),
    ],
  },
  check: (pod) => {
    if (text(pod.spec, "os", "name") === "windows") return undefined;
    const whole = hardened(get(pod.spec, "securityContext"));
    const annotations = stringMap(get(pod.metadata, "annotations"));
    return each(containersOf(pod), (container) => {
      const context = get(container.spec, "securityContext");
      const own = confined(get(context, "seccompProfile")) ?? confined(get(context, "appArmorProfile"));
      const annotated = annotations[`${APPARMOR_ANNOTATION}${text(container.spec, "name") ?? ""}`] ?? "unconfined";
      // What a container says of itself goes before what its pod says.
      if (hardened(context) || (whole && own !== false) || annotated !== "unconfined") return undefined;
      return { path: within(container.path, "securityContext"), message: `${container.label} has neither AppArmor nor SELinux nor seccomp nor dropped capabilities` };
    });
  },
});

/** Whether a profile confines; undefined when none is named. */
function confined(profile: unknown): boolean | undefined {
  const type = text(profile, "type");
  return type === undefined ? undefined : type !== "Unconfined";
}

function hardened(context: unknown): boolean {
  const dropped = texts(context, "capabilities", "drop").length > 0 && !texts(context, "capabilities", "add").some((name) => name.toUpperCase() === "ALL");
  return dropped || Object.keys(object(context, "seLinuxOptions")).length > 0 || confined(get(context, "seccompProfile")) === true || confined(get(context, "appArmorProfile")) === true;
}
