import fc from "fast-check";
import { changed, exampleImage, local, production, staging, type Written } from "./fixtures.ts";

const label = fc.stringMatching(/^[a-z][a-z0-9]{2,20}$/).map((text) => `ns-${text}`);
const divisorStep = fc.tuple(fc.integer({ min: 1, max: 25 }), fc.integer({ min: 1, max: 4 }));

/** Changes that keep a configuration valid, each of which may be absent. */
const validChanges = fc
  .record(
    {
      namespace: label,
      replicas: fc.integer({ min: 2, max: 5 }),
      port: fc.integer({ min: 1024, max: 65535 }),
      logLevel: fc.constantFrom("DEBUG", "INFO", "WARNING"),
      clusterName: fc.stringMatching(/^[a-z0-9-]{1,30}$/),
      "resources.requests.cpu": fc.oneof(
        fc.integer({ min: 1, max: 900 }).map((value) => `${value}m`),
        fc.constant(1),
      ),
      "resources.limits.memory": fc.integer({ min: 1024, max: 6000 }).map((value) => `${value}Mi`),
      "network.gates.namespace": label,
      "network.database.port": fc.integer({ min: 1, max: 65535 }),
      "blueGreen.active": fc.constantFrom("blue", "green"),
      "tls.renewBefore": fc.integer({ min: 1, max: 2159 }).map((value) => `${value}h`),
      "compliance.retentionDays": fc.integer({ min: 183, max: 36_500 }),
      "compliance.residency": fc.array(label, { minLength: 1, maxLength: 4 }),
      "canary.metrics.successRate.min": fc.double({ min: 0, max: 100, noNaN: true }).map((value) => value + 0),
      weights: divisorStep,
    },
    { requiredKeys: [] },
  )
  .map(({ weights: [step, steps] = [10, 5], ...changes }): Written => ({
    ...changes,
    "canary.stepWeight": step,
    "canary.maxWeight": step * steps,
  }));

/** A stack with a configuration that must be accepted. */
export const validConfiguration = fc
  .tuple(
    fc.constantFrom(["local", local] as const, ["staging", staging] as const, ["production", production] as const),
    validChanges,
  )
  .map(([[stack, written], changes]) => ({
    stack,
    written: changed(written, { "blueGreen.slots.green.image": exampleImage, ...changes }),
  }));
