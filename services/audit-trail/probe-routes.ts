import { Hono } from "hono";
import { serviceVersion } from "./build-info.ts";
import { checkNames, type HealthChecks } from "./checks.ts";
import type { FaultSettings } from "./fault-settings.ts";
import type { Lifecycle } from "./lifecycle.ts";
import type { Metrics } from "./metrics.ts";

/** The routes that probes and Prometheus call: not counted in the request metrics, and never broken by the faults that hit requests. */
export const probePaths: ReadonlySet<string> = new Set(["/health", "/ready", "/live", "/metrics"]);

type Parts = Readonly<{ checks: HealthChecks; lifecycle: Lifecycle; metrics: Metrics; faults: () => FaultSettings }>;

/** GET /health, /ready, /live and /metrics. Timestamps are seconds since 1970, with fractions. */
export function probeRoutes({ checks, lifecycle, metrics, faults }: Parts): Hono {
  const routes = new Hono();
  const now = (): number => Date.now() / 1000;
  const isReady = (): boolean => lifecycle.phase === "serving" && !faults().neverReady;

  routes.get("/health", async (c) => {
    const report = await checks.run();
    for (const name of checkNames) metrics.checkHealthy.set({ check: name }, report.checks[name].healthy ? 1 : 0);
    const common = { timestamp: now(), checks: report.checks, version: serviceVersion };
    return report.healthy ? c.json({ status: "healthy", ...common }) : c.json({ status: "unhealthy", failed_checks: report.failed, ...common }, 503);
  });

  // Readiness asks whether *this pod* should get requests. It does not ask the shared database: an outage would take all pods out at once.
  routes.get("/ready", (c) => (isReady() ? c.json({ status: "ready", timestamp: now() }) : c.json({ status: lifecycle.phase === "serving" ? "not ready" : lifecycle.phase, timestamp: now() }, 503)));

  // For the liveness probe: only a process that cannot answer at all is helped by a restart.
  routes.get("/live", (c) => c.json({ status: "live", timestamp: now() }));

  routes.get("/metrics", async (c) => {
    metrics.ready.set(isReady() ? 1 : 0);
    return c.body(await metrics.registry.metrics(), 200, { "Content-Type": metrics.registry.contentType });
  });
  return routes;
}
