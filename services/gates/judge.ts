import { TrustedRoot } from "@sigstore/protobuf-specs";
import { AttestationError } from "../../attestation/failure.ts";
import { parseTrust, type TrustedKey } from "../../attestation/keys.ts";
import { judgeApproval } from "./approval.ts";
import type { Cluster } from "./cluster.ts";
import { judgeCompliance } from "./compliance.ts";
import type { Config, ConfigOf } from "./config.ts";
import { judgePerformance, type PerformanceDemand } from "./performance.ts";
import { Prometheus } from "./prometheus.ts";
import type { JsonReader } from "./reader.ts";
import type { Release } from "./release.ts";
import { judgeSecurity } from "./security.ts";
import type { TrustNow } from "./signed-evidence.ts";
import { Halt, type Judgement } from "./verdict.ts";
import { WatchedFile } from "./watched-file.ts";

/** The one thing that a role decides, from the state of now alone: asked again, it looks again. */
export interface Judge {
  /** @throws Halt when something that is needed is away or cannot be used. */
  judge: (release: Release, now: Date, signal: AbortSignal) => Promise<Judgement>;
  /** Whether its key material can be used. @throws Halt when not. */
  prepare: () => Promise<void>;
}

type Parts = Readonly<{ cluster: Cluster; reader: JsonReader }>;

/** The judge of the configured role. */
export function createJudge(config: Config, { cluster, reader }: Parts): Judge {
  if (config.ROLE === "performance") {
    const demand = performanceDemand(config);
    return {
      judge: (release, now, signal) => judgePerformance(new Prometheus(config.PROMETHEUS, reader, now, signal), cluster.namespace, release, demand),
      prepare: async () => Promise.resolve(),
    };
  }
  const trust = usable(config.TRUST_FILE, "trust file", parseTrust);
  const by = async (now: Date): Promise<TrustNow> => ({ environment: config.ENVIRONMENT, trust: await trust(), now });
  switch (config.ROLE) {
    case "compliance": {
      const demand = { kinds: config.REQUIRED_EVIDENCE, packs: config.POLICY_PACK_DIGESTS };
      return { judge: async (release, now, signal) => judgeCompliance(cluster, release, demand, await by(now), signal), prepare: loads(trust) };
    }
    case "approval":
      return { judge: async (release, now, signal) => judgeApproval(cluster, release, await by(now), signal), prepare: loads(trust) };
    case "security":
      return securityJudge(config, cluster, trust, by);
  }
}

function securityJudge(config: ConfigOf<"security">, cluster: Cluster, trust: () => Promise<TrustedKey[]>, by: (now: Date) => Promise<TrustNow>): Judge {
  const { SIGSTORE_TRUSTED_ROOT_FILE: path, SIGNER_ISSUER: issuer, SIGNER_SUBJECT: subject } = config;
  const root = path === undefined ? undefined : usable(path, "Sigstore trusted root", (text) => TrustedRoot.fromJSON(JSON.parse(text)));
  const common = {
    builders: config.BUILDERS,
    reportMaxAgeMs: config.VULNERABILITY_MAX_AGE_HOURS * 3_600_000,
    vexMaxAgeMs: config.VEX_MAX_AGE_DAYS * 86_400_000,
    refusedFrom: config.VULNERABILITY_REFUSED_FROM,
  };
  const demand = async () => (root === undefined || issuer === undefined || subject === undefined ? common : { ...common, certificates: { root: await root(), issuer, subject } });
  return {
    judge: async (release, now, signal) => judgeSecurity(cluster, release, await demand(), await by(now), signal),
    prepare: async () => {
      await trust();
      await demand();
    },
  };
}

function performanceDemand(config: ConfigOf<"performance">): PerformanceDemand {
  return {
    windowSeconds: config.WINDOW_SECONDS,
    minRequests: config.MIN_REQUESTS,
    maxErrorRatio: config.MAX_ERROR_RATIO,
    maxErrorIncrease: config.MAX_ERROR_INCREASE,
    maxLatency: { p50: config.MAX_P50_SECONDS, p95: config.MAX_P95_SECONDS, p99: config.MAX_P99_SECONDS },
    maxLatencyRatio: config.MAX_LATENCY_RATIO,
    maxCpuRatio: config.MAX_CPU_RATIO,
    maxMemoryRatio: config.MAX_MEMORY_RATIO,
  };
}

/** A file's content, as it is now; a Halt where it cannot be used, which keeps every release back until it is mended. */
function usable<T>(path: string, called: string, parse: (text: string) => T): () => Promise<T> {
  const file = new WatchedFile(path, parse);
  return async () => {
    try {
      return await file.get();
    } catch (error) {
      const why = error instanceof AttestationError ? error.message : `it is missing or broken`;
      throw new Halt("not-yet", `this gate's ${called} cannot be used: ${why}`, { cause: error });
    }
  };
}

function loads(file: () => Promise<unknown>): () => Promise<void> {
  return async () => {
    await file();
  };
}
