import { documentNames } from "../../attestation/documents.ts";
import { AttestationError } from "../../attestation/failure.ts";
import type { Approval } from "../../attestation/approval.ts";
import { verifyApproval } from "../../attestation/verify.ts";
import type { Cluster } from "./cluster.ts";
import { judgeEachImage } from "./each-image.ts";
import type { Release } from "./release.ts";
import { signedEvidence, type TrustNow } from "./signed-evidence.ts";
import { Halt, type Judgement } from "./verdict.ts";

/** Judges whether somebody who may, and who is not the author, said yes to every image of a release in this environment. */
export async function judgeApproval(cluster: Cluster, release: Release, by: TrustNow, signal: AbortSignal): Promise<Judgement> {
  const judged = await judgeEachImage(
    cluster,
    release,
    (evidence) => {
      const name = documentNames.approval(by.environment);
      const text = evidence.document(name);
      if (text === undefined) throw new Halt("not-yet", `nobody has approved ${evidence.digest} for ${by.environment}: waiting for ${name} in ${evidence.place}`);
      // Who wrote the release is taken from what the pipeline signed: an approver could name anyone.
      const { author } = signedEvidence(evidence, by);
      const { approver, expires } = approved(text, evidence.digest, author, by);
      return { findings: [], good: `${evidence.digest} by ${approver} until ${expires}` };
    },
    signal,
  );
  return { ...judged, good: `approved for ${by.environment}: ${judged.good}` };
}

function approved(text: string, digest: string, author: string, by: TrustNow): Approval {
  try {
    return verifyApproval(text, { digest, author, ...by }).predicate;
  } catch (error) {
    if (!(error instanceof AttestationError)) throw error;
    throw new Halt("no", `the approval of ${digest} for ${by.environment} does not count: ${error.message}`, { cause: error });
  }
}
