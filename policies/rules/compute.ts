/** CPU, memory and disk that containers ask for and may use. */
import { containerRule } from "../kubernetes/pods.ts";
import { parseQuantity } from "../kubernetes/quantity.ts";
import type { ResourceRule } from "../rule.ts";
import { get, within } from "../value.ts";
import { pod } from "./examples.ts";

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
    examples: { pass: [pod()], fail: [pod({ resources: { [part]: { [resource]: undefined } } }), pod({ resources: undefined })] },
    check: (container) => {
      const value = parseQuantity(get(container.spec, "resources", part, resource));
      if (value !== undefined && value > 0) return undefined;
      return { path: within(container.path, path), message: `${container.label} declares no ${path}` };
    },
  });
}

export const cpuRequest = declared("requests", "cpu", { id: "cpu-request", severity: "medium", mandatory: true, why: "The scheduler places a pod by its requests; without one it lands on a full node and starves.", fix: "Set resources.requests.cpu to what it uses on an ordinary day." });
export const memoryRequest = declared("requests", "memory", { id: "memory-request", severity: "medium", mandatory: true, why: "A pod without a memory request is the first one killed when its node runs short.", fix: "Set resources.requests.memory to what it uses on an ordinary day." });
export const memoryLimit = declared("limits", "memory", { id: "memory-limit", severity: "medium", mandatory: true, why: "One leaking container takes the whole node's memory, and its neighbours die.", fix: "Set resources.limits.memory; best equal to the request." });
export const cpuLimit = declared("limits", "cpu", { id: "cpu-limit", severity: "low", mandatory: false, why: "A runaway container slows its neighbours down to their requests.", fix: "Set resources.limits.cpu, or disable this policy where throttling hurts more than it helps." });
