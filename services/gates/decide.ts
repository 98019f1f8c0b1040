import type { Cluster } from "./cluster.ts";
import type { Config } from "./config.ts";
import type { Judge } from "./judge.ts";
import type { Logger } from "./log.ts";
import type { Metrics } from "./metrics.ts";
import type { Payload } from "./payload.ts";
import type { Recorder } from "./record.ts";
import { readRelease, type Release } from "./release.ts";
import { Halt, verdictOf, type Verdict } from "./verdict.ts";

/** Answers one question of Flagger's. Never throws: whatever goes wrong is a `not-yet`. */
export type Decide = (payload: Payload, request: string) => Promise<Verdict>;

type Parts = Readonly<{
  config: Pick<Config, "ROLE" | "ENVIRONMENT" | "NAMESPACE" | "DECISION_TIMEOUT_MS" | "MAX_IN_FLIGHT">;
  cluster: Cluster;
  judge: Judge;
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
export function createDecide({ config, cluster, judge, recorder, metrics, log, now = () => new Date() }: Parts): Decide {
  let inFlight = 0;

  const judged = async (payload: Payload, seen: { release?: Release }): Promise<Verdict> => {
    const signal = AbortSignal.timeout(config.DECISION_TIMEOUT_MS);
    try {
      if (payload.namespace !== config.NAMESPACE) throw new Halt("no", `this gate judges releases in namespace ${config.NAMESPACE}, not in ${payload.namespace}`);
      // At this hook a yes takes the release back, so the gate's yes would mean the opposite.
      if (payload.metadata["hook"] === "rollback") throw new Halt("no", "a gate is not asked at the rollback hook, where a yes takes the release back");
      seen.release = await readRelease(cluster, payload.name, signal);
      return verdictOf(await judge.judge(seen.release, now(), signal));
    } catch (error) {
      if (error instanceof Halt) {
        if (error.cause !== undefined) log.warn({ err: error }, "A decision could not be made");
        return verdictOf({ findings: [error.finding], good: "", inputs: {} });
      }
      log.error({ err: error }, "A decision failed");
      return kept("this gate failed; its log has the error");
    }
  };

  return async (payload, request) => {
    if (inFlight >= config.MAX_IN_FLIGHT) {
      metrics.verdicts.inc({ outcome: "busy" });
      return kept(`this gate is answering ${inFlight} other questions`);
    }
    inFlight += 1;
    metrics.inFlight.set(inFlight);
    const start = performance.now();
    const seen: { release?: Release } = {};
    try {
      const verdict = await judged(payload, seen);
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
        images: seen.release?.digests ?? [],
        template: seen.release?.templateDigest ?? null,
        inputs: verdict.inputs,
        request,
        milliseconds: Math.round((performance.now() - start) * 10) / 10,
      });
      return verdict;
    } catch (error) {
      log.error({ err: error, request }, "A decision could not be recorded");
      return kept("the decision could not be recorded, and what is not recorded does not count");
    } finally {
      inFlight -= 1;
      metrics.inFlight.set(inFlight);
    }
  };
}
