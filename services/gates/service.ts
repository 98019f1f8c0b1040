import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import { getRequestListener } from "@hono/node-server";
import { createApp, questionPaths } from "./app.ts";
import { Cluster } from "./cluster.ts";
import type { Config } from "./config.ts";
import { createDecide } from "./decide.ts";
import { createJudge } from "./judge.ts";
import type { Logger } from "./log.ts";
import { createMetrics } from "./metrics.ts";
import { ProofKeys } from "./proof.ts";
import { Readiness } from "./readiness.ts";
import { JsonReader } from "./reader.ts";
import { createRecorder } from "./record.ts";
import { Tokens } from "./token.ts";

declare const BUNDLED_VERSION: string | undefined;

/** The version that `build.mjs` put into the bundle. */
const version = typeof BUNDLED_VERSION === "string" ? BUNDLED_VERSION : "0.0.0-source";

/** A running gate. */
export type Service = Readonly<{
  /** As bound, also where 0 was asked for. */
  port: number;
  /** Readiness drops, questions that came are answered, then everything is closed. True when all ended within the bound. */
  stop: () => Promise<boolean>;
}>;

/** Starts to listen at once, so that probes get an answer; becomes ready when it can decide. @throws when the port cannot be bound. */
export async function startService(config: Config, log: Logger): Promise<Service> {
  const cluster = await Cluster.open(config.NAMESPACE, { api: config.KUBERNETES_API, tokenFile: config.KUBERNETES_TOKEN_FILE, caFile: config.KUBERNETES_CA_FILE });
  const reader = new JsonReader();
  const metrics = createMetrics({ role: config.ROLE, version }, { process: true });
  const judge = createJudge(config, { cluster, reader });
  const recorder = createRecorder(log, config.RECORD_FILE);
  const tokens = config.TOKEN_FILE === undefined ? undefined : new Tokens(config.TOKEN_FILE);
  const keys = new ProofKeys(config.PROOF_KEY_FILE);
  const readiness = new Readiness({ judge, cluster, tokens, keys });
  const decide = createDecide({ config, cluster, judge, keys, reader, recorder, metrics, log });
  const accepts = tokens === undefined ? undefined : (token: string | undefined) => tokens.accepts(token);
  if (accepts === undefined) log.warn("No TOKEN_FILE: whoever reaches this gate is answered");
  if (config.PROOF_KEY_FILE === undefined) log.warn("No PROOF_KEY_FILE: gates know each other by a key that everybody knows");

  const handle = getRequestListener(createApp({ role: config.ROLE, environment: config.ENVIRONMENT, decide, keys, accepts, readiness, recorder, metrics, log }).fetch);
  const server = createServer({ headersTimeout: 5_000, requestTimeout: 10_000, keepAliveTimeout: 60_000 }, (request, response) => void handle(request, response));
  server.maxConnections = 1024;
  const port = await listen(server, config.PORT, config.HOST);
  log.info({ port, role: config.ROLE, path: questionPaths[config.ROLE], namespace: config.NAMESPACE, version }, "Listening");

  const end = async (): Promise<boolean> => {
    // The endpoint's removal needs a moment to reach every node; until then questions still come and are answered.
    await delay(config.DRAIN_DELAY_MS);
    await close(server);
    cluster.close();
    reader.close();
    log.info("Stopped");
    return true;
  };
  const stop = async (): Promise<boolean> => {
    readiness.drain();
    log.info("Draining");
    const bound = Promise.withResolvers<boolean>();
    const timer = setTimeout(() => {
      log.warn("The shutdown took too long: cutting the open connections");
      server.closeAllConnections();
      bound.resolve(false);
    }, config.SHUTDOWN_TIMEOUT_MS);
    try {
      return await Promise.race([end(), bound.promise]);
    } finally {
      clearTimeout(timer);
    }
  };
  return { port, stop };
}

async function listen(server: Server, port: number, host: string): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  server.once("error", reject);
  server.listen(port, host, () => {
    server.off("error", reject);
    resolve((server.address() as AddressInfo).port);
  });
  return promise;
}

/** Stops listening; idle connections end at once, the others with their answer, which says `Connection: close`. */
async function close(server: Server): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<undefined>();
  server.close(() => resolve(undefined));
  return promise;
}
