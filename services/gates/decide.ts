import type { Cluster } from "./cluster.ts";
import { roles, type Config } from "./config.ts";
import { askFellows, fellowsOf } from "./fellows.ts";
import type { Judge } from "./judge.ts";
import type { Logger } from "./log.ts";
import type { Metrics } from "./metrics.ts";
import type { Payload } from "./payload.ts";
import type { Recorder } from "./record.ts";
import type { ProofKeys } from "./proof.ts";
import type { JsonReader } from "./reader.ts";
import { readRelease, type Release } from "./release.ts";
import { Halt, verdictOf, type Verdict } from "./verdict.ts";

/** A verdict, and the revision that it is about: the digest of the pod template, undefined where none could be read. */
export interface Decision extends Verdict {
  readonly template: string | undefined;
}

/**
 * Answers one question of Flagger's, or of another gate's, for which nobody is asked in turn. Never throws: whatever goes wrong is a `not-yet`.
 */
export type Decide = (payload: Payload, request: string, asker: "flagger" | "gate") => Promise<Decision>;

type Parts = Readonly<{
  config: Pick<Config, "ROLE" | "ENVIRONMENT" | "NAMESPACE" | "DECISION_TIMEOUT_MS" | "MAX_IN_FLIGHT">;
  cluster: Cluster;
  judge: Judge;
  keys: ProofKeys;
  reader: JsonReader;
  recorder: Recorder;
  metrics: Metrics;
  log: Logger;
  now?: () => Date;
}>;

const kept = (text: string): Verdict => verdictOf({ findings: [{ outcome: "not-yet", text }], good: "", inputs: {} });

/**
 * Decides from the present state alone, so a question that is repeated or replayed changes nothing. Decisions stop at the deadline and
 * are limited in number at the same time; each is recorded, and one that cannot be recorded lets nothing through.
 */
export function createDecide({ config, cluster, judge, keys, reader, recorder, metrics, log, now = () => new Date() }: Parts): Decide {
  let inFlight = 0;

  // Less than the whole time: who hears nothing from another gate must still say so.
  const asking = { own: config.ROLE, environment: config.ENVIRONMENT, keys, reader, patienceMs: Math.ceil(config.DECISION_TIMEOUT_MS * 0.6) };

  const judged = async (payload: Payload, asker: "flagger" | "gate", seen: { release?: Release }): Promise<Verdict> => {
    const signal = AbortSignal.timeout(config.DECISION_TIMEOUT_MS);
    try {
      if (payload.namespace !== config.NAMESPACE) throw new Halt("no", `this gate judges releases in namespace ${config.NAMESPACE}, not in ${payload.namespace}`);
      // At this hook a yes takes the release back, so the gate's yes would mean the opposite.
      if (payload.metadata["hook"] === "rollback") throw new Halt("no", "a gate is not asked at the rollback hook, where a yes takes the release back");
      seen.release = await readRelease(cluster, payload.name, signal);
      const judgement = await judge.judge(seen.release, now(), signal);
      const own = verdictOf(judgement);
      const fellows = asker === "gate" ? [] : fellowsOf(seen.release.webhooks, config.ROLE, payload.metadata["hook"]);
      // A no of its own needs nobody else's yes.
      if (own.outcome !== "pass" || fellows.length === 0) return own;
      const heard = await askFellows(fellows, seen.release, payload, asking, signal);
      return verdictOf({ findings: heard.findings, good: `${judgement.good}; ${heard.good}`, inputs: { ...judgement.inputs, ...heard.inputs } });
    } catch (error) {
      if (error instanceof Halt) {
        if (error.cause !== undefined) log.warn({ err: error }, "A decision could not be made");
        return verdictOf({ findings: [error.finding], good: "", inputs: {} });
      }
      log.error({ err: error }, "A decision failed");
      return kept("this gate failed; its log has the error");
    }
  };

  return async (payload, request, asker) => {
    if (inFlight >= config.MAX_IN_FLIGHT) {
      metrics.verdicts.inc({ outcome: "busy" });
      return { ...kept(`this gate is answering ${inFlight} other questions`), template: undefined };
    }
    inFlight += 1;
    metrics.inFlight.set(inFlight);
    const start = performance.now();
    const seen: { release?: Release } = {};
    try {
      const verdict = await judged(payload, asker, seen);
      metrics.verdicts.inc({ outcome: verdict.outcome });
      await recorder.write({
        kind: "gate-verdict",
        time: now().toISOString(),
        gate: config.ROLE,
        environment: config.ENVIRONMENT,
        outcome: verdict.outcome,
        reason: verdict.reason,
        canary: payload.name,
        namespace: payload.namespace,
        phase: payload.phase,
        checksum: payload.checksum,
        hook: payload.metadata["hook"] ?? null,
        asker: asker === "flagger" ? asker : (roles.find((role) => role === payload.metadata["asker"]) ?? "unknown"),
        images: seen.release?.digests ?? [],
        template: seen.release?.templateDigest ?? null,
        inputs: verdict.inputs,
        request,
        milliseconds: Math.round((performance.now() - start) * 10) / 10,
      });
      return { ...verdict, template: seen.release?.templateDigest };
    } catch (error) {
      log.error({ err: error, request }, "A decision could not be recorded");
      return { ...kept("the decision could not be recorded, and what is not recorded does not count"), template: undefined };
    } finally {
      inFlight -= 1;
      metrics.inFlight.set(inFlight);
    }
  };
}
