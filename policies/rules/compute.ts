/** CPU, memory and disk that containers ask for and may use. */
import { z } from "zod";
import { containerRule, containersOf, podRule, volumesOf } from "../kubernetes/pods.ts";
import { parseQuantity } from "../kubernetes/quantity.ts";
import { each, type ResourceRule } from "../rule.ts";
import { get, has, list, text, within, type Obj } from "../value.ts";
import { pod } from "./examples.ts";

const max = z.string().default("").describe("largest quantity allowed, as in 4Gi; empty allows any").refine((value) => value === "" || parseQuantity(value) !== undefined, "must be a quantity, as in 500m or 4Gi");

function tooMuch(value: number, largest: string): boolean {
  return value > (parseQuantity(largest) ?? Number.POSITIVE_INFINITY);
}

function declared(part: "requests" | "limits", resource: "cpu" | "memory", rule: { id: string; severity: "low" | "medium"; mandatory: boolean; why: string; fix: string }): ResourceRule {
  const path = `resources.${part}.${resource}`;
  return containerRule({
    id: rule.id,
    title: `Every container declares ${path}.`,
    severity: rule.severity,
    level: rule.mandatory ? "mandatory" : "advisory",
    why: rule.why,
    fix: rule.fix,
    which: "running",
    parameters: z.strictObject({ max }),
    examples: {
      parameters: { max: resource === "cpu" ? "2" : "4Gi" },
      pass: [pod(), pod({ resources: { [part]: { [resource]: resource === "cpu" ? "2" : "4Gi" } } }), pod({}, { ephemeralContainers: [{ name: "debug" }] })],
      fail: [pod({ resources: { [part]: { [resource]: undefined } } }), pod({ resources: undefined }), pod({ resources: { [part]: { [resource]: "0" } } }), pod({ resources: { [part]: { [resource]: resource === "cpu" ? "2001m" : "4097Mi" } } })],
    },
    check: (container, parameters) => {
      const written = get(container.spec, "resources", part, resource);
      const value = parseQuantity(written);
      if (value === undefined || value <= 0) return { path: within(container.path, path), message: `${container.label} declares no ${path}` };
      return tooMuch(value, parameters.max) ? { path: within(container.path, path), message: `${container.label} declares ${path} ${String(written)}, more than ${parameters.max}` } : undefined;
    },
  });
}

export const cpuRequest = declared("requests", "cpu", { id: "cpu-request", severity: "medium", mandatory: true, why: "The scheduler places a pod by its requests; without one it lands on a full node and starves.", fix: "Set resources.requests.cpu to what it uses on an ordinary day." });
export const memoryRequest = declared("requests", "memory", { id: "memory-request", severity: "medium", mandatory: true, why: "A pod without a memory request is the first one killed when its node runs short.", fix: "Set resources.requests.memory to what it uses on an ordinary day." });
export const memoryLimit = declared("limits", "memory", { id: "memory-limit", severity: "medium", mandatory: true, why: "One leaking container takes the whole node's memory, and its neighbours die.", fix: "Set resources.limits.memory; best equal to the request." });
export const cpuLimit = declared("limits", "cpu", { id: "cpu-limit", severity: "low", mandatory: false, why: "A runaway container slows its neighbours down to their requests.", fix: "Set resources.limits.cpu, or disable this policy where throttling hurts more than it helps." });

export const memoryRequestEqualsLimit = containerRule({
  id: "memory-request-equals-limit",
  title: "Every container's memory limit is its request, and its CPU limit within bounds of it.",
  severity: "low",
  why: "Memory between request and limit is promised to no one: under pressure the kernel kills who uses it.",
  fix: "Set resources.limits.memory equal to resources.requests.memory.",
  parameters: z.strictObject({ maxRatio: z.number().min(1).default(1).describe("largest memory limit divided by request"), maxCpuRatio: z.number().min(1).default(Number.MAX_SAFE_INTEGER).describe("largest CPU limit divided by request") }),
  examples: { parameters: { maxCpuRatio: 2 }, pass: [pod(), pod({ resources: undefined }), pod({ resources: { requests: { memory: undefined } } })], fail: [pod({ resources: { limits: { memory: "1025Mi" } } }), pod({ resources: { limits: { cpu: "1001m" } } })], more: [{ parameters: { maxRatio: 2 }, pass: [pod({ resources: { limits: { memory: "2Gi", cpu: "8" } } })], fail: [pod({ resources: { limits: { memory: "2049Mi" } } })] }] },
  which: "running",
  check: (container, { maxRatio, maxCpuRatio }) =>
    ([["memory", maxRatio], ["cpu", maxCpuRatio]] as const).flatMap(([resource, ratio]) => {
      const limit = parseQuantity(get(container.spec, "resources", "limits", resource));
      // Where only a limit is written, the API server takes it for the request too.
      const request = parseQuantity(get(container.spec, "resources", "requests", resource)) ?? limit;
      if (limit === undefined || request === undefined || request * ratio >= limit) return [];
      return [{ path: within(container.path, `resources.limits.${resource}`), message: `${container.label}'s ${resource} limit is ${Math.round((limit / request) * 100) / 100} times its request` }];
    }),
});

export const ephemeralStorage = containerRule({
  id: "ephemeral-storage",
  title: "Every container declares what it needs and may use of the node's disk.",
  severity: "low",
  why: "Logs and temporary files of one container fill the node's disk, and all pods there are evicted.",
  fix: "Set resources.requests and resources.limits ephemeral-storage.",
  which: "running",
  parameters: z.strictObject({ max }),
  examples: { parameters: { max: "1Gi" }, pass: [pod(), pod({}, { ephemeralContainers: [{ name: "debug" }] })], fail: [pod({ resources: undefined }), pod({ resources: { limits: { "ephemeral-storage": undefined } } }), pod({ resources: { requests: { "ephemeral-storage": undefined } } }), pod({ resources: { limits: { "ephemeral-storage": "3Gi" } } })] },
  check: (container, parameters) => {
    if (tooMuch(parseQuantity(get(container.spec, "resources", "limits", "ephemeral-storage")) ?? 0, parameters.max)) return { path: within(container.path, 'resources.limits["ephemeral-storage"]'), message: `${container.label} may use more than ${parameters.max} of the node's disk` };
    const missing = ["requests", "limits"].filter((part) => parseQuantity(get(container.spec, "resources", part, "ephemeral-storage")) === undefined);
    return missing.length === 0 ? undefined : { path: within(container.path, "resources"), message: `${container.label} declares no ephemeral-storage in ${missing.join(" and ")}` };
  },
});

const temporary = (container: Obj, emptyDir: Obj) => pod({ volumeMounts: [{ name: "tmp", mountPath: "/tmp" }], ...container }, { volumes: [{ name: "tmp", emptyDir }] });

export const emptyDirSize = podRule({
  id: "empty-dir-size",
  title: "Every emptyDir has a size limit, or its containers a limit of their disk.",
  severity: "low",
  why: "An emptyDir without bounds grows until the node is full.",
  fix: "Set emptyDir.sizeLimit, or ephemeral-storage in the requests and limits of the containers that mount it.",
  examples: {
    pass: [
      pod(),
      temporary({ resources: undefined }, { sizeLimit: "1Gi" }),
      temporary({}, {}),
      temporary({ resources: undefined, volumeMounts: undefined }, {}),
      pod({ resources: undefined, volumeMounts: [{ name: "tmp", mountPath: "/tmp" }] }, { volumes: [{ name: "tmp", configMap: { name: "app" } }] }),
    ],
    fail: [temporary({ resources: undefined }, {}), temporary({ resources: { limits: undefined } }, {}), temporary({ resources: { requests: undefined } }, {}), pod({}, { initContainers: [{ name: "a", volumeMounts: [{ name: "tmp" }] }, { name: "b", volumeMounts: [{ name: "x" }, { name: "tmp" }] }], volumes: [{ name: "tmp", emptyDir: {} }] })],
  },
  check: (pod) =>
    each(volumesOf(pod), ({ path, name, volume }) => {
      if (!has(volume, "emptyDir") || has(volume, "emptyDir", "sizeLimit")) return undefined;
      const unbounded = containersOf(pod).filter((container) => list(container.spec, "volumeMounts").some((mount) => text(mount, "name") === name)
        && ["requests", "limits"].some((part) => parseQuantity(get(container.spec, "resources", part, "ephemeral-storage")) === undefined));
      return unbounded.length === 0 ? undefined : { path: within(path, "emptyDir.sizeLimit"), message: `volume "${name}" may grow without bounds in ${unbounded.map((container) => container.label).join(", ")}` };
    }),
});
