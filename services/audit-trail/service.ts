import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import { getRequestListener } from "@hono/node-server";
import { createAdmin } from "./admin.ts";
import { createApp } from "./app.ts";
import { serviceVersion } from "./build-info.ts";
import { connectCache } from "./cache.ts";
import { CheckFailure, checkNames, HealthChecks, type Check, type CheckName } from "./checks.ts";
import type { Config } from "./config.ts";
import { Connections } from "./connections.ts";
import { createPool, isPassing } from "./database.ts";
import { Faults } from "./faults.ts";
import { Lifecycle } from "./lifecycle.ts";
import type { Logger } from "./log.ts";
import { createMetrics } from "./metrics.ts";
import { migrate } from "./migrate.ts";
import { migrations } from "./migrations.ts";
import { PrivacyEngine } from "./pseudonyms.ts";
import { realChecks } from "./real-checks.ts";
import { createTrailService } from "./trail-service.ts";

/** A running service. */
export type Service = Readonly<{
  /** Ports as bound, also where 0 was asked for. */
  port: number;
  adminPort: number;
  /** Settles when the pod is ready; rejects with SchemaError when it never will be. */
  started: Promise<void>;
  /** See Connections.shed. */
  shed: (graceMs: number) => number;
  /** Readiness drops, then requests and connections end, then everything is closed. True when all ended within the bound. */
  stop: () => Promise<boolean>;
}>;

/** Longer than a proxy keeps idle connections (Traefik: 90 s), so that the proxy closes first and never writes into a closed one. */
const keepAliveTimeoutMs = 100_000;
/** Between two tries to reach what the start needs. */
const retryMs = 500;

async function listen(server: Server, port: number, host: string): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  server.once("error", reject);
  server.listen(port, host, () => {
    server.off("error", reject);
    resolve((server.address() as AddressInfo).port);
  });
  return promise;
}

async function close(server: Server): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<undefined>();
  server.close(() => {
    resolve(undefined);
  });
  return promise;
}

/** Lets the named checks fail, as the faults say. */
function withFaults(checks: Record<CheckName, Check>, faults: Faults | undefined): Record<CheckName, Check> {
  if (faults === undefined) return checks;
  const wrapped = checkNames.map((name) => [
    name,
    async () => {
      if (faults.settings.failChecks.includes(name)) throw new CheckFailure("made to fail by the faults");
      await checks[name]();
    },
  ]);
  return Object.fromEntries(wrapped) as Record<CheckName, Check>;
}

/**
 * Starts to listen at once, so that probes get an answer; becomes ready when the schema is migrated and every check has passed once.
 * @throws when a port cannot be bound.
 */
export async function startService(config: Config, log: Logger): Promise<Service> {
  const name = `audit-trail ${config.HOSTNAME}`;
  const faults = config.FAULTS_ENABLED ? new Faults(log) : undefined;
  if (config.FAULTS !== undefined) faults?.set(config.FAULTS);
  const pool = createPool({ url: config.DATABASE_URL, size: config.DATABASE_POOL_SIZE, name, log });
  const cache = connectCache({ url: config.REDIS_URL, name, log });
  const privacy = new PrivacyEngine(config.ENCRYPTION_KEY);
  const lifecycle = new Lifecycle();
  const connections = new Connections({ maxAgeMs: config.CONNECTION_MAX_AGE_MS, maxRequests: config.CONNECTION_MAX_REQUESTS });
  const metrics = createMetrics({ version: serviceVersion, slot: config.SLOT ?? "", digest: config.IMAGE_DIGEST ?? "" }, { process: true, connections: () => connections.count });
  const checks = new HealthChecks(withFaults(realChecks({ config, pool, cache, privacy }), faults), log);
  const trail = createTrailService({ pool, cache, privacy });
  const ended = new AbortController();

  const shed = (graceMs: number): number => {
    const count = connections.shed();
    log.info({ connections: count, graceMs }, "Shedding the open connections");
    setTimeout(() => connections.closeIdle(), graceMs).unref();
    return count;
  };
  const app = createApp({ config, log, metrics, lifecycle, connections, checks, trail, faults });
  const limits = { keepAliveTimeout: keepAliveTimeoutMs, headersTimeout: 10_000, requestTimeout: 30_000 };
  const server = createServer(limits, (request, response) => void handle(request, response));
  const handle = getRequestListener(app.fetch);
  connections.follow(server);
  const aging = setInterval(() => connections.closeAged(), Math.max(config.CONNECTION_MAX_AGE_MS, 1_000) / 25).unref();
  const admin = createServer(limits, (request, response) => void handleAdmin(request, response));
  const handleAdmin = getRequestListener(createAdmin({ shed, faults }).fetch);

  const port = await listen(server, config.PORT, config.HOST);
  const adminPort = await listen(admin, config.ADMIN_PORT, config.ADMIN_HOST);
  log.info({ port, adminPort, version: serviceVersion, digest: config.IMAGE_DIGEST }, "Listening");

  const start = async (): Promise<void> => {
    let migrated = false;
    // The first checks would otherwise find Redis still connecting, and the start would take a retry longer.
    await Promise.race([cache.connected, delay(retryMs, undefined, { signal: ended.signal })]);
    while (!ended.signal.aborted) {
      try {
        if (!migrated) await migrate(pool, migrations, log);
        migrated = true;
      } catch (error) {
        if (!isPassing(error)) throw error;
        log.warn({ err: error }, "The database cannot be reached yet");
      }
      if (migrated && (await checks.run()).healthy) {
        lifecycle.started();
        log.info("Ready");
        return;
      }
      await delay(retryMs, undefined, { signal: ended.signal });
    }
  };

  const end = async (): Promise<boolean> => {
    // The endpoint's removal needs a moment to reach every node; until then new connections still come and are served.
    await delay(config.DRAIN_DELAY_MS);
    connections.closeIdle();
    await Promise.all([close(server), close(admin)]);
    cache.close();
    await pool.end();
    log.info("Stopped");
    return true;
  };
  const stop = async (): Promise<boolean> => {
    lifecycle.drain();
    connections.drain();
    clearInterval(aging);
    faults?.stop();
    ended.abort();
    log.info({ connections: connections.count }, "Draining");
    const bound = Promise.withResolvers<boolean>();
    const timer = setTimeout(() => {
      log.warn({ connections: connections.count }, "The shutdown took too long: cutting the open connections");
      server.closeAllConnections();
      admin.closeAllConnections();
      bound.resolve(false);
    }, config.SHUTDOWN_TIMEOUT_MS);
    try {
      return await Promise.race([end(), bound.promise]);
    } finally {
      clearTimeout(timer);
    }
  };

  const started = start().catch((error: unknown) => {
    if (!ended.signal.aborted) throw error;
  });
  return { port, adminPort, started, shed, stop };
}
