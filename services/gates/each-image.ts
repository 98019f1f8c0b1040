import type { Cluster } from "./cluster.ts";
import { readEvidence, type Evidence } from "./evidence-store.ts";
import type { Release } from "./release.ts";
import { Halt, type Finding } from "./verdict.ts";

/** What a judge says about one image: its findings, and what is good to know when there are none. */
export interface ImageJudgement {
  readonly findings: readonly Finding[];
  readonly good: string;
}

/** Judges the evidence of every image of a release, each to its end, so that all that is wrong is said at once. */
export async function judgeEachImage(
  cluster: Cluster,
  release: Release,
  judge: (evidence: Evidence) => ImageJudgement,
  signal: AbortSignal,
): Promise<{ readonly findings: readonly Finding[]; readonly good: string; readonly inputs: Readonly<Record<string, string>> }> {
  const findings: Finding[] = [];
  const good: string[] = [];
  const inputs: Record<string, string> = {};
  for (const digest of release.digests) {
    let evidence: Evidence | undefined;
    try {
      evidence = await readEvidence(cluster, digest, signal);
      const judged = judge(evidence);
      findings.push(...judged.findings);
      good.push(judged.good);
    } catch (error) {
      if (!(error instanceof Halt)) throw error;
      findings.push(error.finding);
    }
    for (const [name, seen] of Object.entries(evidence?.seen ?? {})) inputs[`${digest}/${name}`] = seen;
  }
  return { findings, good: good.join(", "), inputs };
}
