import { hostname } from "node:os";
import { z } from "zod";
import { severities } from "./severity.ts";

/** The environment cannot be used. One sentence per variable; none quotes a value. */
export class ConfigError extends Error {
  constructor(problems: readonly string[]) {
    super(`The environment has ${problems.length} problem${problems.length === 1 ? "" : "s"}:\n${problems.map((problem) => `  - ${problem}`).join("\n")}`);
    this.name = "ConfigError";
  }
}

/** What a gate answers for. */
export const roles = ["compliance", "performance", "security", "approval"] as const;
export type Role = (typeof roles)[number];

const serviceAccount = "/var/run/secrets/kubernetes.io/serviceaccount";

const number = (fallback: number, min: number, max: number) =>
  z
    .string()
    .default(String(fallback))
    .refine((text) => /^\d+(\.\d+)?$/.test(text) && Number(text) >= min && Number(text) <= max, `must be a number from ${min} to ${max}`)
    .transform(Number);

const integer = (fallback: number, min: number, max: number) =>
  number(fallback, min, max).refine((value) => Number.isInteger(value), `must be a whole number from ${min} to ${max}`);

const address = (example: string) =>
  z.string({ error: `is missing: set it to an address such as ${example}` }).refine((text) => {
    if (!URL.canParse(text)) return false;
    const { protocol, username, password } = new URL(text);
    return (protocol === "http:" || protocol === "https:") && username === "" && password === "";
  }, `must be an http or https address without credentials, such as ${example}`);

const file = z.string({ error: "is missing: set it to the absolute path of a file" }).startsWith("/", "must be an absolute path");

const list = z.string({ error: "is missing: set it to names parted by commas" }).transform((text) =>
  text
    .split(",")
    .map((part) => part.trim())
    .filter((part) => part !== ""),
);

const common = {
  ENVIRONMENT: z.string({ error: "is missing: set it to local, staging or production" }).regex(/^[a-z][a-z0-9-]{0,62}$/, "must be a name such as local, staging or production"),
  NAMESPACE: z.string({ error: "is missing: set it to the namespace whose releases are judged" }).regex(/^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/, "must be a namespace's name"),
  LOG_LEVEL: z.enum(["trace", "debug", "info", "warn", "error", "fatal", "silent"], { error: "must be one of trace, debug, info, warn, error, fatal, silent" }).default("info"),
  HOST: z.string().min(1).default("0.0.0.0"),
  PORT: integer(8080, 0, 65_535),
  HOSTNAME: z.string().min(1).default(hostname()),
  /** Absent, everybody is answered. */
  TOKEN_FILE: file.optional(),
  /** Absent, a key that everybody knows. */
  PROOF_KEY_FILE: file.optional(),
  KUBERNETES_API: address("https://10.96.0.1:443"),
  KUBERNETES_TOKEN_FILE: file.default(`${serviceAccount}/token`),
  KUBERNETES_CA_FILE: file.optional(),
  DECISION_TIMEOUT_MS: integer(4_000, 100, 600_000),
  MAX_IN_FLIGHT: integer(64, 1, 10_000),
  /** Absent, standard output is the only record. */
  RECORD_FILE: file.optional(),
  DRAIN_DELAY_MS: integer(5_000, 0, 600_000),
  SHUTDOWN_TIMEOUT_MS: integer(15_000, 1, 3_600_000),
};

const signed = { TRUST_FILE: file };
const digests = list.pipe(z.array(z.string().regex(/^sha256:[0-9a-f]{64}$/, "must be digests, sha256: and 64 lower-case hex digits, parted by commas")).min(1));

const schema = z.discriminatedUnion(
  "ROLE",
  [
    z.object({
      ROLE: z.literal("compliance"),
      ...common,
      ...signed,
      REQUIRED_EVIDENCE: list.default(["eu-ai-act", "data-governance", "security-posture"]),
      POLICY_PACK_DIGESTS: digests.optional(),
    }),
    z.object({
      ROLE: z.literal("security"),
      ...common,
      ...signed,
      BUILDERS: list.pipe(z.array(z.string()).min(1, "must name at least one builder.id, parted by commas")),
      SIGSTORE_TRUSTED_ROOT_FILE: file.optional(),
      SIGNER_ISSUER: z.string().optional(),
      SIGNER_SUBJECT: z.string().optional(),
      VULNERABILITY_REFUSED_FROM: z.enum(severities, { error: `must be one of ${severities.join(", ")}` }).default("high"),
      VULNERABILITY_MAX_AGE_HOURS: number(72, 1, 8_760),
      VEX_MAX_AGE_DAYS: number(90, 1, 730),
    }),
    z.object({ ROLE: z.literal("approval"), ...common, ...signed }),
    z.object({
      ROLE: z.literal("performance"),
      ...common,
      PROMETHEUS: address("http://prometheus.monitoring:9090"),
      WINDOW_SECONDS: integer(60, 10, 3_600),
      MIN_REQUESTS: integer(50, 1, 1_000_000),
      MAX_ERROR_RATIO: number(0.01, 0, 1),
      MAX_ERROR_INCREASE: number(0.005, 0, 1),
      MAX_P50_SECONDS: number(1_000_000, 0.001, 1_000_000),
      MAX_P95_SECONDS: number(0.5, 0.001, 1_000_000),
      MAX_P99_SECONDS: number(1, 0.001, 1_000_000),
      MAX_LATENCY_RATIO: number(1.2, 1, 100),
      MAX_CPU_RATIO: number(0.8, 0.01, 1),
      MAX_MEMORY_RATIO: number(0.85, 0.01, 1),
    }),
  ],
  { error: `is missing or unknown: set it to ${roles.join(", ")}` },
);

/** Names of the variables that are read, for the documentation's test. */
export const configurationVariables: readonly string[] = [...new Set(schema.options.flatMap((option) => Object.keys(option.shape)))];

/** The whole configuration of one gate, immutable after start. Keys are the variables' own names. */
export type Config = Readonly<z.output<typeof schema>>;
export type ConfigOf<R extends Role> = Extract<Config, { readonly ROLE: R }>;

/** Rules over several variables; judged on the raw text, so that they are reported together with everything else. */
function crossProblems(env: Readonly<Record<string, string | undefined>>): string[] {
  const problems: string[] = [];
  if (env["TOKEN_FILE"] === undefined && env["ENVIRONMENT"] !== "local") problems.push("TOKEN_FILE: only where ENVIRONMENT is local may a gate answer without a token: set it to the file with Flagger's token");
  if (env["PROOF_KEY_FILE"] === undefined && env["ENVIRONMENT"] !== "local") problems.push("PROOF_KEY_FILE: only where ENVIRONMENT is local may gates know each other by a key that everybody knows: set it to the file with theirs");
  const certificates = ["SIGSTORE_TRUSTED_ROOT_FILE", "SIGNER_ISSUER", "SIGNER_SUBJECT"];
  const missing = certificates.filter((name) => env[name] === undefined);
  if (env["ROLE"] === "security" && missing.length > 0 && missing.length < certificates.length)
    problems.push(`${missing.join(", ")}: a trusted root counts only together with whose certificates are meant: set all of ${certificates.join(", ")}, or none`);
  if (Number(env["DRAIN_DELAY_MS"] ?? 5_000) >= Number(env["SHUTDOWN_TIMEOUT_MS"] ?? 15_000)) problems.push("SHUTDOWN_TIMEOUT_MS: must be greater than DRAIN_DELAY_MS, as the drain is a part of the shutdown");
  return problems;
}

/**
 * Reads a gate's environment. In a pod the API server is found by Kubernetes' own variables.
 * @throws ConfigError with every problem at once.
 */
export function readConfig(env: Readonly<Record<string, string | undefined>>): Config {
  const { KUBERNETES_SERVICE_HOST: host, KUBERNETES_SERVICE_PORT: port = "443" } = env;
  // An address of version 6 is written in brackets.
  const inPod = host === undefined ? {} : { KUBERNETES_API: `https://${host.includes(":") ? `[${host}]` : host}:${port}`, KUBERNETES_CA_FILE: `${serviceAccount}/ca.crt` };
  const given: Record<string, string | undefined> = { ...inPod };
  // An empty variable is how a manifest says "not set".
  for (const [name, value] of Object.entries(env)) if (value !== undefined && value !== "") given[name] = value;
  const parsed = schema.safeParse(given);
  const problems = parsed.success ? [] : parsed.error.issues.map((issue) => `${issue.path.map(String).join(".")}: ${issue.message}`);
  problems.push(...crossProblems(given));
  if (!parsed.success || problems.length > 0) throw new ConfigError(problems);
  return parsed.data;
}
