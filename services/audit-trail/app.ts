import { setTimeout as delay } from "node:timers/promises";
import type { HttpBindings } from "@hono/node-server";
import { type Context, Hono, type MiddlewareHandler } from "hono";
import { requestId, type RequestIdVariables } from "hono/request-id";
import { routePath } from "hono/route";
import { serviceVersion } from "./build-info.ts";
import { chainRoutes } from "./chain-routes.ts";
import type { HealthChecks } from "./checks.ts";
import type { Config } from "./config.ts";
import type { Connections } from "./connections.ts";
import { eventRoutes } from "./event-routes.ts";
import { noFaults } from "./fault-settings.ts";
import { wrongDigest, type Faults } from "./faults.ts";
import type { Lifecycle } from "./lifecycle.ts";
import type { Logger } from "./log.ts";
import type { Metrics } from "./metrics.ts";
import { probePaths, probeRoutes } from "./probe-routes.ts";
import { answerProblem, Problem } from "./problem.ts";
import type { TrailService } from "./trail-service.ts";

/** Everything the handlers lean on. `faults` is there only where they are enabled. */
export type AppParts = Readonly<{
  config: Pick<Config, "SLOT" | "IMAGE_DIGEST">;
  log: Logger;
  metrics: Metrics;
  lifecycle: Lifecycle;
  connections: Connections;
  checks: HealthChecks;
  trail: TrailService;
  faults?: Faults;
  /** 0 to 1, for the error rate; Math.random unless told. */
  random?: () => number;
}>;

type AppEnv = { Bindings: HttpBindings; Variables: RequestIdVariables };

/** The service as a function from request to answer; it opens no socket. */
export function createApp(parts: AppParts): Hono<AppEnv> {
  const { config, log, lifecycle } = parts;
  const faults = () => parts.faults?.settings ?? noFaults;
  const app = new Hono<AppEnv>();

  app.use(requestId({ limitLength: 64 }));
  app.use(observe(parts));
  app.route("/", probeRoutes({ checks: parts.checks, lifecycle, metrics: parts.metrics, faults }));
  app.use(misbehave(parts));
  app.get("/version", (c) =>
    c.json({ version: serviceVersion, digest: faults().wrongDigest ? wrongDigest : (config.IMAGE_DIGEST ?? null), slot: config.SLOT ?? null }),
  );
  app.use("/v1/*", async (_c, next) => {
    if (lifecycle.phase === "starting") throw new Problem(503, "Starting", "This pod has not finished its start. Send the request again.");
    await next();
  });
  app.route("/", eventRoutes(parts.trail, parts.metrics));
  app.route("/", chainRoutes(parts.trail));

  app.notFound((c) => answerProblem(c, new Problem(404, "No such route", `${c.req.method} on this path is not served.`)));
  app.onError((error, c) => {
    if (error instanceof Problem) {
      if (error.status >= 500) log.warn({ err: error.cause ?? error, request: c.get("requestId") }, error.title);
      return answerProblem(c, error);
    }
    log.error({ err: error, request: c.get("requestId") }, "A request failed");
    return answerProblem(c, new Problem(500, "Internal error", `The log has the error under request ${c.get("requestId")}.`));
  });
  return app;
}

/** Measures and logs each request, and ends connections whose time has come. */
function observe({ log, metrics, connections }: AppParts): MiddlewareHandler<AppEnv> {
  return async (c, next) => {
    const start = performance.now();
    await next();
    const seconds = (performance.now() - start) / 1000;
    // There is no connection when the app is called as a function.
    const incoming = (c.env as Partial<HttpBindings> | undefined)?.incoming;
    // Asked when the answer is ready, not when the request came: a drain may have begun in between.
    if (incoming !== undefined) announceEnd(c, connections, incoming);
    c.header("X-Content-Type-Options", "nosniff");
    c.header("Cache-Control", "no-store");
    if (probePaths.has(c.req.path)) return;
    const matched = routePath(c, -1);
    const route = c.res.status === 404 && !matched.includes(":") ? "unmatched" : matched;
    const labels = { method: c.req.method, route, status: String(c.res.status) };
    metrics.requests.inc(labels);
    metrics.duration.observe(labels, seconds);
    log.info({ request: c.get("requestId"), method: labels.method, route, status: c.res.status, ms: Math.round(seconds * 1e4) / 10 }, "Answered");
  };
}

/** Tells the client that this answer is its connection's last, or how long the connection may stay idle. */
function announceEnd(c: Context, connections: Connections, { socket, httpVersion, headers }: HttpBindings["incoming"]): void {
  if (connections.mustClose(socket)) {
    c.header("Connection", "close");
    return;
  }
  const idleSeconds = connections.idleSeconds(socket);
  const keptAlive = httpVersion === "1.1" && !/\bclose\b/i.test(headers.connection ?? "");
  if (idleSeconds === undefined || !keptAlive) return;
  // Node.js would announce its own timeout, which is longer; it leaves both headers alone where the first is given.
  c.header("Connection", "keep-alive");
  c.header("Keep-Alive", `timeout=${idleSeconds}`);
}

/** The faults that hit application requests. */
function misbehave({ faults, random = Math.random }: AppParts): MiddlewareHandler<AppEnv> {
  return async (c, next) => {
    const { latencyMs, errorRate } = faults?.settings ?? noFaults;
    if (latencyMs > 0) await delay(latencyMs);
    if (errorRate > 0 && random() < errorRate) throw new Problem(500, "Fault", "An error was injected, as the faults say.");
    await next();
  };
}
