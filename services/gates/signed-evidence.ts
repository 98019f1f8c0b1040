import { documentNames } from "../../attestation/documents.ts";
import { AttestationError } from "../../attestation/failure.ts";
import type { EvidenceBundle } from "../../attestation/evidence-bundle.ts";
import type { TrustedKey } from "../../attestation/keys.ts";
import { verifyEvidence } from "../../attestation/verify.ts";
import { sha256 } from "./release.ts";
import { Halt, no, type Finding } from "./verdict.ts";
import type { Evidence } from "./evidence-store.ts";

/** By what signed things are judged. */
export interface TrustNow {
  readonly environment: string;
  readonly trust: readonly TrustedKey[];
  readonly now: Date;
}

/** The signed evidence bundle about an image. @throws Halt `no` when there is none that counts. */
export function signedEvidence(evidence: Evidence, by: TrustNow): EvidenceBundle {
  const text = evidence.document(documentNames.evidence);
  if (text === undefined) throw new Halt("no", `there is no evidence bundle about ${evidence.digest} (${documentNames.evidence} in ${evidence.place})`);
  try {
    return verifyEvidence(text, { digest: evidence.digest, ...by }).predicate;
  } catch (error) {
    if (!(error instanceof AttestationError)) throw error;
    throw new Halt("no", `the evidence bundle about ${evidence.digest} does not count: ${error.message}`, { cause: error });
  }
}

/** A document that the evidence bundle vouches for, or what is wrong with it: anyone who may write ConfigMaps could have put another there. */
export function vouchedDocument(evidence: Evidence, bundle: EvidenceBundle, name: string, called: string): { readonly text: string } | { readonly finding: Finding } {
  const text = evidence.document(name);
  if (text === undefined) return { finding: no(`there is no ${called} of ${evidence.digest} (${name} in ${evidence.place})`) };
  const vouched = bundle.documents.find((document) => document.name === name);
  if (vouched === undefined) return { finding: no(`the ${called} of ${evidence.digest} is not named in the signed evidence bundle`) };
  if (vouched.digest !== sha256(text)) return { finding: no(`the ${called} of ${evidence.digest} is another than the one that the signed evidence bundle names`) };
  return { text };
}
