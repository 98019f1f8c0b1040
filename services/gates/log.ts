import { pino, type DestinationStream, type Logger } from "pino";
import type { Config } from "./config.ts";

export type { Logger } from "pino";

/** An error as it may be logged: type, text, code, and what caused it; none of the fields that libraries hang on. */
function safeError(error: unknown): object {
  if (!(error instanceof Error)) return { type: typeof error, message: "thrown value is not an Error" };
  const code = "code" in error && typeof error.code === "string" ? { code: error.code } : {};
  const cause = error.cause === undefined ? {} : { cause: safeError(error.cause) };
  return { type: error.name, message: error.message, ...code, stack: error.stack, ...cause };
}

/** JSON lines on standard output (or `destination`, for tests). Never give it a request's address, which holds the token, or its body. */
export function createLog(config: Pick<Config, "LOG_LEVEL" | "ENVIRONMENT" | "ROLE" | "HOSTNAME">, destination?: DestinationStream): Logger {
  const options = {
    level: config.LOG_LEVEL,
    base: { service: `${config.ROLE}-gate`, environment: config.ENVIRONMENT, pod: config.HOSTNAME },
    serializers: { err: safeError },
    timestamp: () => `,"time":"${new Date().toISOString()}"`,
    formatters: { level: (label: string) => ({ level: label }) },
  };
  return destination === undefined ? pino(options) : pino(options, destination);
}
