import { z } from "zod";
import { key } from "./key.ts";
import { region } from "./network.ts";
import { cpu, duration, integer, line, memory, oneOf, percent } from "./values.ts";

/** Retention of logs that the EU AI Act asks for at least (articles 19 and 26(6): six months). */
const minimumRetentionDays = 183;

/** What the service promises. */
export const slo = key(
  z
    .strictObject({
      availability: percent(50, 99.999, { description: "Share of the time in which the service answers." }).default(
        99.9,
      ),
      errorRate: percent(0, 50, { description: "Largest share of requests that may fail." }).default(0.1),
      latencyP95: duration({ description: "95th percentile of the time to answer.", min: "1ms", max: "5m" }).default(
        "500ms",
      ),
    })
    .prefault({}),
  { description: "The service level objectives." },
);

/** What the stack may cost. */
export const budgets = key(
  z
    .strictObject({
      monthlyCost: key(z.number().positive().max(100_000_000), {
        description: "What the stack may cost in a month, by what it requests.",
        rule: "a number above 0 and at most 100000000",
        unit: "budgets.currency",
      }).default(1000),
      currency: key(z.string().regex(/^[A-Z]{3}$/), {
        description: "Currency of the budget.",
        rule: "three capital letters of ISO 4217, such as EUR",
      }).default("EUR"),
    })
    .prefault({}),
  { description: "The stack's budget." },
);

/** What the law is told about this deployment. */
export const compliance = key(
  z
    .strictObject({
      riskClass: oneOf(["minimal", "limited", "high"], {
        description: "Risk class of the system under the EU AI Act.",
      }).default("high"),
      role: oneOf(["provider", "deployer"], { description: "Role of the operator under the EU AI Act." }).default(
        "provider",
      ),
      release: line(128, { description: "Release that the evidence belongs to.", example: "2026.11.1" }).optional(),
      retentionDays: integer(minimumRetentionDays, 36_500, {
        description:
          "How long the audit trail's logs are kept: six months at least, by articles 19 and 26(6) of the EU AI Act.",
        unit: "days",
      }).default(365),
      residency: key(z.array(region).min(1).max(50), {
        description: "Regions in which the data may lie.",
        rule: "a list of 1 to 50 regions",
      }).default(["eu"]),
    })
    .prefault({}),
  { description: "Facts that the compliance policies read." },
);

/** What the namespace may hold in all. */
export const quota = key(
  z
    .strictObject({
      requests: key(
        z
          .strictObject({
            cpu: cpu({ description: "CPU that all pods may request together." }).prefault("16"),
            memory: memory({ description: "Memory that all pods may request together." }).prefault("32Gi"),
          })
          .prefault({}),
        { description: "Requests of all pods together." },
      ),
      limits: key(
        z
          .strictObject({
            cpu: cpu({ description: "CPU limits of all pods together." }).prefault("48"),
            memory: memory({ description: "Memory limits of all pods together." }).prefault("96Gi"),
          })
          .prefault({}),
        { description: "Limits of all pods together." },
      ),
      pods: integer(1, 10_000, { description: "Pods at once.", unit: "pods" }).default(50),
    })
    .prefault({}),
  { description: "The namespace's ResourceQuota: two versions at once and the gates have to fit." },
);
