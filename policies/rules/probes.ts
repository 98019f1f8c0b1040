/** Probes: how Kubernetes learns that a container lives and is ready. */
import { containerRule, LONG_RUNNING } from "../kubernetes/pods.ts";
import type { ResourceRule } from "../rule.ts";
import { has, within } from "../value.ts";
import { deployment } from "./examples.ts";

function probe(field: "livenessProbe" | "readinessProbe", id: string, why: string): ResourceRule {
  return containerRule({
    id,
    title: `Every long-running container has a ${field}.`,
    severity: "medium",
    level: "mandatory",
    which: "long",
    kinds: ["Pod", ...LONG_RUNNING],
    why,
    fix: `Add a ${field} that asks the program itself, not only its port.`,
    examples: { pass: [deployment()], fail: [deployment({ [field]: undefined })] },
    check: (container) => (has(container.spec, field) ? undefined : { path: within(container.path, field), message: `${container.label} has no ${field}` }),
  });
}

export const livenessProbe = probe("livenessProbe", "liveness-probe", "A program that hangs keeps its pod, and nothing restarts it.");
export const readinessProbe = probe("readinessProbe", "readiness-probe", "Traffic arrives before the program can answer, and a rollout calls a broken version ready.");
