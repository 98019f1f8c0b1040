import type { Logger } from "./log.ts";

/** The six things that must work, by the names of the health contract. */
export const checkNames = ["database", "redis", "audit_storage", "privacy_engine", "compliance_module", "ml_model"] as const;
export type CheckName = (typeof checkNames)[number];

/** One check's result. `reason` is for people and holds no secret: only CheckFailure's own sentences get there. */
export type CheckResult = Readonly<{ healthy: boolean; latency_ms: number; reason?: string }>;
export type HealthReport = Readonly<{ healthy: boolean; failed: readonly CheckName[]; checks: Readonly<Record<CheckName, CheckResult>> }>;
/** Throws when the thing does not work: CheckFailure with a sentence that may be shown, or any error, which is only logged. */
export type Check = () => Promise<void>;

/** A check failed for a reason that may be shown to anyone who reads /health. */
export class CheckFailure extends Error {
  constructor(reason: string) {
    super(reason);
    this.name = "CheckFailure";
  }
}

/** Runs all checks side by side, each within a time limit. Callers at the same time share one run, so probes cannot pile up. */
export class HealthChecks {
  readonly #checks: Readonly<Record<CheckName, Check>>;
  readonly #log: Logger;
  readonly #timeoutMs: number;
  #running: Promise<HealthReport> | undefined;

  /** @param timeoutMs limit for each check, 2000 by default. */
  constructor(checks: Readonly<Record<CheckName, Check>>, log: Logger, timeoutMs = 2_000) {
    this.#checks = checks;
    this.#log = log;
    this.#timeoutMs = timeoutMs;
  }

  /** The state of all six; never throws. */
  async run(): Promise<HealthReport> {
    this.#running ??= this.#runAll().finally(() => {
      this.#running = undefined;
    });
    return this.#running;
  }

  async #runAll(): Promise<HealthReport> {
    const results = await Promise.all(checkNames.map(async (name) => [name, await this.#runOne(name)] as const));
    const failed = results.filter(([, result]) => !result.healthy).map(([name]) => name);
    return { healthy: failed.length === 0, failed, checks: Object.fromEntries(results) as Record<CheckName, CheckResult> };
  }

  async #runOne(name: CheckName): Promise<CheckResult> {
    const start = performance.now();
    const latency = (): number => Math.round((performance.now() - start) * 10) / 10;
    const timeout = Promise.withResolvers<never>();
    const timer = setTimeout(() => {
      timeout.reject(new CheckFailure(`no answer within ${this.#timeoutMs} ms`));
    }, this.#timeoutMs);
    try {
      await Promise.race([this.#checks[name](), timeout.promise]);
      return { healthy: true, latency_ms: latency() };
    } catch (error) {
      this.#log.warn({ err: error, check: name }, "A health check failed");
      return { healthy: false, latency_ms: latency(), reason: error instanceof CheckFailure ? error.message : "failed; the log of this pod has the error" };
    } finally {
      clearTimeout(timer);
    }
  }
}
