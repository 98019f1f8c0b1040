/** Probes: how Kubernetes learns that a container lives and is ready. */
import { isDeepStrictEqual } from "node:util";
import { z } from "zod";
import { containerRule, LONG_RUNNING } from "../kubernetes/pods.ts";
import type { ResourceRule } from "../rule.ts";
import { get, has, list, within, type Obj } from "../value.ts";
import { deployment } from "./examples.ts";

const PROBES = ["livenessProbe", "readinessProbe", "startupProbe"];

const WITHOUT: Obj = { livenessProbe: undefined, readinessProbe: undefined, startupProbe: undefined };

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
    parameters: z.strictObject({ anyProbe: z.boolean().default(false).describe("be content with another kind of probe") }),
    examples: { pass: [deployment(), deployment({}, { initContainers: [{ name: "once" }] })], fail: [deployment({ [field]: undefined }), deployment({}, { initContainers: [{ name: "proxy", restartPolicy: "Always" }] })], more: [{ parameters: { anyProbe: true }, pass: PROBES.map((only) => deployment({ ...WITHOUT, [only]: { grpc: { port: 1 } } })), fail: [deployment(WITHOUT)] }] },
    check: (container, { anyProbe }) => (has(container.spec, field) || (anyProbe && PROBES.some((other) => has(container.spec, other))) ? undefined : { path: within(container.path, field), message: `${container.label} has no ${field}` }),
  });
}

export const livenessProbe = probe("livenessProbe", "liveness-probe", "A program that hangs keeps its pod, and nothing restarts it.");
export const readinessProbe = probe("readinessProbe", "readiness-probe", "Traffic arrives before the program can answer, and a rollout calls a broken version ready.");

export const probesDiffer = containerRule({
  id: "probes-differ",
  title: "Liveness and readiness don't ask the same.",
  severity: "low",
  which: "long",
  kinds: ["Pod", ...LONG_RUNNING],
  why: "A program that is only busy is then killed instead of being left alone for a while.",
  fix: "Let readiness ask for more than liveness, or give liveness more patience.",
  examples: { pass: [deployment(), deployment(WITHOUT), deployment({ livenessProbe: { httpGet: { path: "/ready" }, periodSeconds: 30 } })], fail: [deployment({ livenessProbe: { httpGet: { path: "/ready", port: "http" } } }), deployment({ livenessProbe: { exec: { command: ["a", "b"] }, httpGet: undefined }, readinessProbe: { exec: { command: ["a", "b"] }, httpGet: undefined } })] },
  check: (container) => {
    const [liveness, readiness] = [get(container.spec, "livenessProbe"), get(container.spec, "readinessProbe")];
    return liveness !== undefined && isDeepStrictEqual(plain(liveness), plain(readiness)) ? { path: within(container.path, "livenessProbe"), message: `${container.label}'s livenessProbe is its readinessProbe` } : undefined;
  },
});

/** The value itself, read through, so that an unknown in it is noticed. */
function plain(value: unknown): unknown {
  if (Array.isArray(value)) return value.map((_, index) => plain(get(value, index)));
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.keys(value).map((key) => [key, plain(get(value, key))]));
}

export const probePortDeclared = containerRule({
  id: "probe-port-declared",
  title: "Probes ask a port that the container declares.",
  severity: "medium",
  which: "running",
  why: "A probe of another port fails for ever, or asks something else than the program.",
  fix: "Name a port of the container in the probe.",
  examples: { pass: [deployment(), deployment({ livenessProbe: { httpGet: { path: "/", port: 8000 } }, ports: [{ containerPort: 9090 }, { name: "http", containerPort: 8000 }] })], fail: [deployment({ livenessProbe: { httpGet: { path: "/", port: 9999 } } }), ...PROBES.flatMap((probe) => ["httpGet", "tcpSocket", "grpc"].map((action) => deployment({ ...WITHOUT, [probe]: { [action]: { port: "metrics" } } })))] },
  check: (container) => {
    const ports = list(container.spec, "ports");
    return PROBES.flatMap((probe) =>
      ["httpGet", "tcpSocket", "grpc"].flatMap((action) => {
        const port = get(container.spec, probe, action, "port");
        if (port === undefined || ports.some((declared) => get(declared, "containerPort") === port || get(declared, "name") === port)) return [];
        return [{ path: within(container.path, `${probe}.${action}.port`), message: `${container.label}'s ${probe} asks port ${typeof port === "number" ? port : JSON.stringify(port)}, which it doesn't declare` }];
      }),
    );
  },
});
