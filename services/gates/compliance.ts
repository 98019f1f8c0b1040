import type { Cluster } from "./cluster.ts";
import { judgeEachImage } from "./each-image.ts";
import type { Release } from "./release.ts";
import { signedEvidence, type TrustNow } from "./signed-evidence.ts";
import { no, type Finding, type Judgement } from "./verdict.ts";

/** What the compliance gate asks of a release. */
export interface ComplianceDemand {
  /** Kinds of evidence that must be answered. */
  readonly kinds: readonly string[];
  /** Policy packs that may have judged, by digest; any where undefined. */
  readonly packs: readonly string[] | undefined;
}

/** Judges the signed evidence of every image of a release: that it is complete, current, and by a pack that counts. */
export async function judgeCompliance(cluster: Cluster, release: Release, demand: ComplianceDemand, by: TrustNow, signal: AbortSignal): Promise<Judgement> {
  const judged = await judgeEachImage(
    cluster,
    release,
    (evidence) => {
      const { digest } = evidence;
      const bundle = signedEvidence(evidence, by);
      const findings: Finding[] = [];
      const missing = demand.kinds.filter((kind) => !bundle.evidence.some((answer) => answer.kind === kind));
      if (missing.length > 0) findings.push(no(`the evidence bundle about ${digest} is incomplete: it has no answer for ${missing.join(", ")}`));
      const { name, version, digest: pack } = bundle.policyPack;
      if (demand.packs?.includes(pack) === false) findings.push(no(`the evidence about ${digest} was judged by policy pack ${name} ${version} (${pack}), which does not count here`));
      return { findings, good: `${digest} until ${bundle.expires}` };
    },
    signal,
  );
  return { ...judged, good: `the evidence is signed, complete and current: ${judged.good}` };
}
