import { pino, type DestinationStream, type Logger } from "pino";
import type { Config } from "./config.ts";

export type { Logger } from "pino";

/** An error as it may be logged: no driver fields, as PostgreSQL's `detail` and `where` quote rows, and no connection strings. */
function safeError(error: unknown): { type: string; message: string; code?: string; stack?: string } {
  if (!(error instanceof Error)) return { type: typeof error, message: "thrown value is not an Error" };
  const code = "code" in error && typeof error.code === "string" ? error.code : undefined;
  return { type: error.name, message: withoutCredentials(error.message), code, stack: error.stack === undefined ? undefined : withoutCredentials(error.stack) };
}

/** Takes the user information out of every address in a text. */
function withoutCredentials(text: string): string {
  return text.replace(/\b([a-z][a-z0-9+.-]*:\/\/)[^\s/@]*@/gi, "$1[removed]@");
}

/**
 * JSON lines on standard output (or `destination`, for tests), one per event, with service, slot and environment.
 * Never give it a request's body, headers or the configuration; the redaction below is the second line of defence.
 */
export function createLog(config: Pick<Config, "LOG_LEVEL" | "ENVIRONMENT" | "SLOT" | "HOSTNAME">, destination?: DestinationStream): Logger {
  const options = {
    level: config.LOG_LEVEL,
    base: { service: "audit-trail", environment: config.ENVIRONMENT, slot: config.SLOT, pod: config.HOSTNAME },
    serializers: { err: safeError },
    redact: {
      paths: ["DATABASE_URL", "REDIS_URL", "ENCRYPTION_KEY", "authorization", "cookie", "password", "annotator"].flatMap((name) => [name, `*.${name}`]),
      censor: "[removed]",
    },
    timestamp: () => `,"time":"${new Date().toISOString()}"`,
    formatters: { level: (label: string) => ({ level: label }) },
  };
  return destination === undefined ? pino(options) : pino(options, destination);
}
