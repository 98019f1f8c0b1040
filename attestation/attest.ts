import { randomBytes, type KeyObject } from "node:crypto";
import { approvalSchema, approvalType, type Approval } from "./approval.ts";
import { inTotoPayloadType, seal, type SerializedEnvelope } from "./envelope.ts";
import { evidenceBundleSchema, evidenceBundleType, type EvidenceBundle } from "./evidence-bundle.ts";
import { AttestationError, rulesBroken } from "./failure.ts";
import { statementAbout } from "./statement.ts";

/** An image: its digest (`sha256:…`) and, for people, its name. */
export interface Subject {
  readonly name?: string;
  readonly digest: string;
}

type Keys = readonly [KeyObject, ...KeyObject[]];

interface Checkable<T> {
  safeParse: (value: unknown) => { success: true; data: T } | { success: false; error: { issues: readonly { path: readonly PropertyKey[]; message: string }[] } };
}

/**
 * Signs an evidence bundle about the images of a release.
 * @throws AttestationError PREDICATE when it breaks the rules that the verifier would refuse it for.
 */
export function attestEvidence(subjects: readonly Subject[], bundle: EvidenceBundle, keys: Keys): SerializedEnvelope {
  return attest(subjects, evidenceBundleType, checked(evidenceBundleSchema, bundle), keys);
}

/**
 * Signs a yes to one image in one environment.
 * @param approval without a nonce one is made
 * @throws AttestationError PREDICATE when it breaks the rules, such as an approver who is the author.
 */
export function attestApproval(subject: Subject, approval: Omit<Approval, "nonce"> & { readonly nonce?: string }, keys: Keys): SerializedEnvelope {
  return attest([subject], approvalType, checked(approvalSchema, { nonce: randomBytes(16).toString("hex"), ...approval }), keys);
}

function attest(subjects: readonly Subject[], predicateType: string, predicate: Record<string, unknown>, keys: Keys): SerializedEnvelope {
  const statement = statementAbout(subjects, predicateType, predicate);
  return seal(inTotoPayloadType, Buffer.from(JSON.stringify(statement)), keys);
}

function checked<T extends { readonly created: string; readonly expires: string }>(schema: Checkable<T>, value: unknown): T {
  const parsed = schema.safeParse(value);
  if (!parsed.success) throw new AttestationError("PREDICATE", `it breaks the rules: ${rulesBroken(parsed.error.issues)}`);
  if (Date.parse(parsed.data.expires) <= Date.parse(parsed.data.created)) throw new AttestationError("PREDICATE", "it would expire before it is created");
  return parsed.data;
}
