/** A plan as a person reviews it: every resource a line, and below it the few properties that decide what it does. */
import { inspect } from "node:util";

/** What is read of a plan document; docs/plan.schema.json describes the whole. */
export interface PlanReading {
  stack: string;
  steps: { operation: string; urn: string; type: string; name: string; parent?: string; inputs?: unknown }[];
  outputs: Record<string, unknown>;
  policies: { findings: { level: string; policy: string; urn?: string }[] };
}

/** Property paths worth reading, by kind. Kinds without an entry are told by their line alone. */
const telling: Record<string, readonly string[]> = {
  Namespace: ["metadata.labels"],
  ResourceQuota: ["spec.hard"],
  PersistentVolumeClaim: ["spec.accessModes", "spec.resources.requests"],
  NetworkPolicy: ["spec.podSelector", "spec.ingress", "spec.egress"],
  SecretStore: ["spec.provider.vault.server", "spec.provider.vault.auth"],
  ExternalSecret: ["spec.refreshInterval", "spec.target.template.metadata", "spec.data"],
  Issuer: ["spec.acme.server"],
  Certificate: ["spec.dnsNames", "spec.duration", "spec.privateKey", "spec.secretName"],
  Gateway: ["spec.listeners"],
  HTTPRoute: ["spec.rules"],
  PodDisruptionBudget: ["spec"],
  HorizontalPodAutoscaler: ["spec.minReplicas", "spec.maxReplicas"],
  Service: ["spec.type", "spec.selector", "spec.ports"],
  Job: ["metadata.name", "spec.template.spec.containers[0].image"],
  Deployment: [
    "metadata.annotations",
    "spec.replicas",
    "spec.strategy",
    "spec.template.metadata.labels",
    "spec.template.spec.terminationGracePeriodSeconds",
    "spec.template.spec.containers[0].image",
    "spec.template.spec.containers[0].resources",
  ],
  MetricTemplate: ["spec.query"],
  Canary: ["spec.provider", "spec.progressDeadlineSeconds", "spec.revertOnDeletion", "spec.service.gatewayRefs", "spec.analysis"],
};

/** The plan as text, in an order of its own: by parents, then type and name, whatever the order of the registrations. */
export function readPlan(plan: PlanReading): string {
  const children = Map.groupBy(plan.steps, ({ parent }) => parent ?? "");
  const lines: string[] = [];
  const visit = (parent: string, depth: number): void => {
    for (const step of (children.get(parent) ?? []).toSorted((a, b) => compare(a.type + a.name, b.type + b.name))) {
      const indent = "  ".repeat(depth);
      lines.push(`${indent}${step.operation} ${step.type} ${step.name}`);
      const kind = step.type.split(":").at(-1) ?? "";
      for (const path of telling[kind] ?? []) {
        const value = at(step.inputs, path);
        if (value !== undefined) lines.push(`${indent}    ${path}: ${compact(value)}`);
      }
      visit(step.urn, depth + 1);
    }
  };
  visit("", 0);
  lines.push("", "outputs:", ...Object.entries(plan.outputs).map(([name, value]) => `  ${name}: ${compact(value)}`));
  const mandatory = plan.policies.findings.filter(({ level }) => level === "mandatory");
  lines.push("", `mandatory findings: ${mandatory.length}`, ...mandatory.map(({ policy, urn }) => `  ${policy} ${urn ?? ""}`));
  return `${lines.join("\n")}\n`;
}

function at(value: unknown, path: string): unknown {
  return path.split(/[.[\]]+/).filter(Boolean).reduce<unknown>((inner, key) => (inner as Record<string, unknown> | undefined)?.[key], value);
}

function compact(value: unknown): string {
  return inspect(value, { breakLength: Infinity, compact: 1000, depth: null, sorted: true, maxArrayLength: null, maxStringLength: null });
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
