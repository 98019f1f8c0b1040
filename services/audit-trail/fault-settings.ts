import { z } from "zod";

/**
 * The faults that a local stack can switch on, to show what the delivery does with a bad release. All off by default.
 * Shape: see each field; unknown fields are refused.
 */
export const faultSettings = z.strictObject({
  /** Share of application requests answered 500, 0 to 1. */
  errorRate: z.number().min(0).max(1).default(0),
  /** Milliseconds that every application request waits before it is handled. */
  latencyMs: z.number().int().min(0).max(60_000).default(0),
  /** Resident memory that is taken: MiB per second, up to a bound in MiB. */
  memory: z.strictObject({ mebibytesPerSecond: z.number().positive().max(1_024), maxMebibytes: z.number().int().positive().max(65_536) }).nullable().default(null),
  /** Share of the main thread that is burnt, 0 to 0.95. */
  cpuBurn: z.number().min(0).max(0.95).default(0),
  /** Names of health checks that report unhealthy. */
  failChecks: z.array(z.enum(["database", "redis", "audit_storage", "privacy_engine", "compliance_module", "ml_model"])).max(6).default([]),
  /** /version tells a digest that is not the image's. */
  wrongDigest: z.boolean().default(false),
  /** /ready answers 503 for ever. */
  neverReady: z.boolean().default(false),
  /** The process ends with exit code 1 after so many milliseconds. */
  crashAfterMs: z.number().int().min(0).max(3_600_000).nullable().default(null),
});

/** Fault settings with every default filled in. */
export type FaultSettings = Readonly<z.infer<typeof faultSettings>>;

/** No fault at all. */
export const noFaults: FaultSettings = faultSettings.parse({});
