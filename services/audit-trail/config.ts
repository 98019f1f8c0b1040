import { hostname } from "node:os";
import { z } from "zod";
import { bundledModelDigest } from "./build-info.ts";
import { faultSettings } from "./fault-settings.ts";

/** The environment cannot be used. `problems` has one sentence per variable; no sentence quotes a value, as values may be secret. */
export class ConfigError extends Error {
  readonly problems: readonly string[];
  constructor(problems: readonly string[]) {
    super(`The environment has ${problems.length} problem${problems.length === 1 ? "" : "s"}:\n${problems.map((p) => `  - ${p}`).join("\n")}`);
    this.name = "ConfigError";
    this.problems = problems;
  }
}

const digestPattern = /^sha256:[0-9a-f]{64}$/;
const logLevelAliases: Readonly<Record<string, string>> = { warning: "warn", critical: "fatal" };

const integer = (fallback: number, min: number, max: number) =>
  z
    .string()
    .default(String(fallback))
    .refine((text) => /^\d+$/.test(text) && Number(text) >= min && Number(text) <= max, `must be a whole number from ${min} to ${max}`)
    .transform(Number);

const flag = z.enum(["true", "false"], { error: 'must be "true" or "false"' }).default("false").transform((text) => text === "true");

const url = (protocols: readonly string[], example: string) =>
  z.string({ error: `is missing: set it to an address such as ${example}` }).refine(
    (text) => URL.canParse(text) && protocols.includes(new URL(text).protocol),
    `must be an address such as ${example}`,
  );

/** 32 bytes written as 64 hex digits or as base64 (also the URL alphabet), or undefined. */
function keyBytes(text: string): Buffer | undefined {
  const bytes = /^[0-9a-fA-F]{64}$/.test(text) ? Buffer.from(text, "hex") : /^[A-Za-z0-9+/_-]{43}=?$/.test(text) ? Buffer.from(text, "base64") : undefined;
  return bytes?.length === 32 ? bytes : undefined;
}

const keyRule = "must be 32 bytes, as 64 hex digits or base64; several, newest first, are parted by commas (make one with: openssl rand -hex 32)";

const json = z.string().transform((text, context): unknown => {
  try {
    return JSON.parse(text);
  } catch (error) {
    context.addIssue({ code: "custom", message: `must be JSON: ${error instanceof SyntaxError ? "it does not parse" : String(error)}` });
    return z.NEVER;
  }
});

const schema = z.object({
  DATABASE_URL: url(["postgres:", "postgresql:"], "postgresql://USER:PASSWORD@HOST:5432/DATABASE"),
  REDIS_URL: url(["redis:", "rediss:"], "redis://:PASSWORD@HOST:6379"),
  ENCRYPTION_KEY: z
    .string({ error: `is missing: it ${keyRule}` })
    .refine((text) => text.split(",").every((part) => keyBytes(part.trim()) !== undefined), keyRule)
    .transform((text) => text.split(",").flatMap((part) => keyBytes(part.trim()) ?? [])),
  ENVIRONMENT: z.string({ error: "is missing: set it to local, staging or production" }).regex(/^[a-z][a-z0-9-]{0,62}$/, "must be a name such as local, staging or production"),
  LOG_LEVEL: z
    .string()
    .default("info")
    .transform((text) => logLevelAliases[text.toLowerCase()] ?? text.toLowerCase())
    .pipe(z.enum(["trace", "debug", "info", "warn", "error", "fatal", "silent"], { error: "must be one of trace, debug, info, warn, error, fatal, silent" })),
  HOST: z.string().min(1).default("0.0.0.0"),
  PORT: integer(8000, 0, 65_535),
  ADMIN_HOST: z.string().min(1).default("127.0.0.1"),
  ADMIN_PORT: integer(8001, 0, 65_535),
  SLOT: z.string().regex(/^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/, "must be a slot's name such as blue or green").optional(),
  IMAGE_DIGEST: z
    .string()
    .transform((text) => text.slice(text.lastIndexOf("@") + 1))
    .pipe(z.string().regex(digestPattern, "must be sha256: and 64 lower-case hex digits, alone or at the end of an image reference"))
    .optional(),
  AUDIT_STORAGE_DIR: z.string().startsWith("/", "must be an absolute path of a folder that the service may write to").default("/var/lib/audit-trail"),
  MODEL_ARTEFACT: z.string().startsWith("/", "must be the absolute path of the reward model's file").default("/app/reward-model.json"),
  MODEL_DIGEST: z
    .string({ error: "is missing: set it to the sha256: digest that the reward model must have" })
    .regex(digestPattern, "must be sha256: and 64 lower-case hex digits"),
  DRAIN_DELAY_MS: integer(5_000, 0, 600_000),
  SHUTDOWN_TIMEOUT_MS: integer(25_000, 1, 3_600_000),
  CONNECTION_MAX_AGE_MS: integer(10_000, 0, 86_400_000),
  CONNECTION_MAX_REQUESTS: integer(1_000, 0, 1_000_000_000),
  DATABASE_POOL_SIZE: integer(10, 2, 200),
  HOSTNAME: z.string().min(1).default(hostname()),
  FAULTS_ENABLED: flag,
  FAULTS: json.pipe(faultSettings).optional(),
});

/** Names of the variables that the service reads, for the documentation's test. */
export const configurationVariables: readonly string[] = Object.keys(schema.shape);

/** The whole configuration, immutable after start. Keys are the variables' own names; times are milliseconds, 0 switches a limit off. */
export type Config = Readonly<z.infer<typeof schema>>;

/** Rules over several variables; judged on the raw text, so that they are reported together with everything else. */
function crossProblems(env: Readonly<Record<string, string | undefined>>): string[] {
  const problems: string[] = [];
  if (env["FAULTS_ENABLED"] === "true" && env["ENVIRONMENT"] !== "local")
    problems.push("FAULTS_ENABLED: faults may be switched on only where ENVIRONMENT is local: remove FAULTS_ENABLED");
  if (env["FAULTS"] !== undefined && env["FAULTS_ENABLED"] !== "true")
    problems.push("FAULTS: has no effect without FAULTS_ENABLED=true: remove it, or enable faults in the local stack");
  const delay = Number(env["DRAIN_DELAY_MS"] ?? 5_000);
  const bound = Number(env["SHUTDOWN_TIMEOUT_MS"] ?? 25_000);
  if (delay >= bound) problems.push("SHUTDOWN_TIMEOUT_MS: must be greater than DRAIN_DELAY_MS, as the drain is a part of the shutdown");
  return problems;
}

/**
 * Reads the service's environment.
 * @throws ConfigError with every problem at once.
 */
export function readConfig(env: Readonly<Record<string, string | undefined>>): Config {
  // An empty variable is how a manifest says "not set".
  const given: Record<string, string | undefined> = { MODEL_DIGEST: bundledModelDigest };
  for (const [name, value] of Object.entries(env)) if (value !== undefined && value !== "") given[name] = value;
  const parsed = schema.safeParse(given);
  const problems = parsed.success ? [] : parsed.error.issues.map((issue) => `${issue.path.map(String).join(".")}: ${issue.message}`);
  problems.push(...crossProblems(given));
  if (!parsed.success || problems.length > 0) throw new ConfigError(problems);
  return parsed.data;
}
