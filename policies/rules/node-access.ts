/** What of the node a pod reaches: ports, paths, sockets, volume types. */
import { z } from "zod";
import { containerRule, containersOf, podRule, volumesOf } from "../kubernetes/pods.ts";
import { each } from "../rule.ts";
import { get, has, join, list, num, text, within } from "../value.ts";
import { pod } from "./examples.ts";

const onHost = (hostPort: number) => pod({ ports: [{ containerPort: 8000, hostPort }] });

export const noHostPorts = containerRule({
  id: "no-host-ports",
  title: "No container takes a port of its node.",
  severity: "high",
  why: "It bypasses NetworkPolicies, and two such pods can't run on one node.",
  fix: "Remove hostPort and reach the pod through a Service.",
  parameters: z.strictObject({ allowed: z.array(z.int()).default([]).describe("host ports that may be taken"), min: z.int().default(1).describe("lowest port of a range that may be taken"), max: z.int().default(0).describe("highest port of that range; below min there is none") }),
  examples: {
    parameters: { allowed: [22], min: 5000, max: 6000 },
    pass: [pod(), ...[0, 22, 5000, 6000].map(onHost)],
    fail: [8000, 21, 4999, 6001].map(onHost),
    more: [{ pass: [pod()], fail: [1, 2, 65535].map(onHost) }],
  },
  check: (container, { allowed, min, max }) => {
    const ports = list(container.spec, "ports");
    return each(ports.map((_, index) => index), (index) => {
      const port = num(ports, index, "hostPort") ?? 0;
      return port === 0 || allowed.includes(port) || (port >= min && port <= max) ? undefined : { path: join(join(container.path, "ports"), index), message: `${container.label} takes the node's port ${port}` };
    });
  },
});

const mounted = (path: string, readOnly?: boolean) => pod({ volumeMounts: [{ name: "host", mountPath: "/host", ...(readOnly !== undefined && { readOnly }) }] }, { volumes: [{ name: "host", hostPath: { path } }] });

export const hostPathReadOnly = podRule({
  id: "host-path-read-only",
  title: "A directory of the node is mounted read-only, if at all.",
  severity: "high",
  why: "Who writes to the node's files runs code on the node.",
  fix: "Set readOnly: true on every mount of a hostPath volume.",
  examples: {
    pass: [pod(), mounted("/var/log", true), pod({ volumeMounts: [{ name: "tmp", mountPath: "/tmp" }] }, { volumes: [{ name: "host", hostPath: { path: "/var/log" } }, { name: "tmp", emptyDir: {} }] })],
    fail: [mounted("/var/log"), mounted("/var/log", false)],
  },
  check: (pod) => {
    const hostPaths = new Set(volumesOf(pod).filter(({ volume }) => has(volume, "hostPath")).map(({ name }) => name));
    if (hostPaths.size === 0) return undefined;
    return each(containersOf(pod), (container) => {
      const mounts = list(container.spec, "volumeMounts");
      return mounts.flatMap((mount, index) =>
        hostPaths.has(text(mount, "name") ?? "") && get(mount, "readOnly") !== true ? [{ path: join(join(container.path, "volumeMounts"), index), message: `${container.label} may write to the node's directory behind volume "${text(mount, "name") ?? ""}"` }] : [],
      );
    });
  },
});

const SENSITIVE = ["/", "/boot", "/dev", "/etc", "/lib", "/proc", "/sys", "/usr", "/root", "/var/lib/kubelet", "/var/lib/docker", "/var/lib/containerd", "/var/run/secrets"];

export const noSensitiveHostPath = podRule({
  id: "no-sensitive-host-path",
  title: "No pod mounts a system directory of its node.",
  severity: "critical",
  why: "These hold the node's identity, its kernel, and every other pod's files.",
  fix: "Remove the volume.",
  parameters: z.strictObject({ directories: z.array(z.string()).default(SENSITIVE).describe("directories that are sensitive with all below them, except / itself") }),
  examples: { pass: [pod(), mounted("/var/log", true), mounted("/etcetera", true), pod({}, { volumes: [{ name: "tmp", emptyDir: {} }] })], fail: [mounted("/etc/kubernetes", true), mounted("/etc/", true), ...SENSITIVE.map((path) => mounted(path, true))] },
  check: (pod, { directories }) =>
    each(volumesOf(pod), ({ path, volume, name }) => {
      const directory = text(volume, "hostPath", "path");
      if (directory === undefined) return undefined;
      const clean = directory === "/" ? "/" : directory.replace(/\/+$/, "");
      const hit = directories.find((sensitive) => clean === sensitive || (sensitive !== "/" && clean.startsWith(`${sensitive}/`)));
      return hit === undefined ? undefined : { path: within(path, "hostPath.path"), message: `volume "${name}" is the node's ${directory}` };
    }),
});

const SOCKETS = ["docker.sock", "containerd.sock", "crio.sock", "cri-dockerd.sock", "dockershim.sock", "podman.sock"];

export const noRuntimeSocket = podRule({
  id: "no-runtime-socket",
  title: "No pod mounts the socket of the container runtime.",
  severity: "critical",
  why: "Who talks to the runtime starts privileged containers on the node.",
  fix: "Remove the volume; build images with a rootless builder.",
  parameters: z.strictObject({ sockets: z.array(z.string()).default(SOCKETS).describe("ends of the paths") }),
  examples: { pass: [pod(), mounted("/var/run", true), pod({}, { volumes: [{ name: "tmp", emptyDir: {} }] })], fail: SOCKETS.map((socket) => mounted(`/var/run/${socket}`, true)) },
  check: (pod, { sockets }) =>
    each(volumesOf(pod), ({ path, volume, name }) => {
      const target = text(volume, "hostPath", "path") ?? "";
      return sockets.some((socket) => target.endsWith(socket)) ? { path: within(path, "hostPath.path"), message: `volume "${name}" is the runtime's socket ${target}` } : undefined;
    }),
});

const VOLUME_TYPES = ["configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "image", "persistentVolumeClaim", "projected", "secret"];

export const volumeTypes = podRule({
  id: "volume-types",
  title: "Pods use only volume types that don't reach into the node or around Kubernetes' storage.",
  severity: "high",
  why: "In-tree network volumes and hostPath bypass what StorageClasses, quotas and encryption promise.",
  fix: "Use one of the allowed types; for network storage a PersistentVolumeClaim.",
  parameters: z.strictObject({ allowed: z.array(z.string()).default(VOLUME_TYPES).describe("volume types that may be used") }),
  examples: { pass: [pod({}, { volumes: [{ name: "tmp", emptyDir: {} }] }), pod({}, { volumes: [{ name: "none" }] }), ...VOLUME_TYPES.map((type) => pod({}, { volumes: [{ name: "any", [type]: {} }] }))], fail: [pod({}, { volumes: [{ name: "share", nfs: { server: "nfs", path: "/" } }] })] },
  check: (pod, { allowed }) =>
    each(volumesOf(pod), ({ path, volume, name }) => {
      // The API server makes an emptyDir of a volume without a type.
      const type = Object.keys(volume).find((key) => key !== "name" && has(volume, key)) ?? "emptyDir";
      return allowed.includes(type) ? undefined : { path, message: `volume "${name}" is of type ${type}` };
    }),
});

const HANDLERS = ["livenessProbe", "readinessProbe", "startupProbe", "lifecycle.postStart", "lifecycle.preStop"];

export const noProbeHost = containerRule({
  id: "no-probe-host",
  title: "No probe or lifecycle hook names a host.",
  severity: "high",
  why: "The kubelet makes these calls from the node's network: a host lets the pod's author send requests as the node.",
  fix: "Remove host; the probe then asks the pod itself.",
  examples: { pass: [pod(), pod({ livenessProbe: { httpGet: { path: "/", port: 80, host: "" } } })], fail: [...HANDLERS.slice(0, 3).map((handler) => pod({ [handler]: { httpGet: { path: "/", port: 80, host: "169.254.169.254" } } })), pod({ lifecycle: { postStart: { httpGet: { port: 80, host: "a.example.com" } } } }), pod({ lifecycle: { preStop: { tcpSocket: { port: 80, host: "10.0.0.1" } } } })] },
  check: (container) =>
    HANDLERS.flatMap((handler) =>
      ["httpGet", "tcpSocket"].flatMap((action) => {
        const host = text(container.spec, ...handler.split("."), action, "host") ?? "";
        return host === "" ? [] : [{ path: within(container.path, `${handler}.${action}.host`), message: `${container.label} has the node ask ${host}` }];
      }),
    ),
});
