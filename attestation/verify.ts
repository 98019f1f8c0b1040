import type { z } from "zod";
import { approvalSchema, approvalType, type Approval } from "./approval.ts";
import { inTotoPayloadType, open } from "./envelope.ts";
import { evidenceBundleSchema, evidenceBundleType, type EvidenceBundle } from "./evidence-bundle.ts";
import { AttestationError, rulesBroken } from "./failure.ts";
import type { Purpose, TrustedKey } from "./keys.ts";
import { mustBeAbout, parseStatement } from "./statement.ts";
import { clockSkewMs } from "./values.ts";

/** What an attestation must be about, and who may have signed it. */
export interface Demand {
  /** The image, `sha256:…`. */
  readonly digest: string;
  readonly environment: string;
  /** The stack's trusted keys; those for another purpose, or not valid now, are left out of account. */
  readonly trust: readonly TrustedKey[];
  readonly now: Date;
  /** How many different owners of keys must have signed. @default 1 */
  readonly threshold?: number;
}

/** An attestation that counts. */
export interface Verified<T> {
  readonly predicate: T;
  readonly signers: readonly TrustedKey[];
}

/**
 * Verifies an evidence bundle: signature, type, subject, environment, time; that each answer is current, too.
 * @param text the DSSE envelope as JSON
 * @throws AttestationError with the code of the first check that fails
 */
export function verifyEvidence(text: string, demand: Demand): Verified<EvidenceBundle> {
  const verified = verify(text, demand, "evidence", evidenceBundleType, evidenceBundleSchema);
  const today = demand.now.toISOString().slice(0, "2026-01-31".length);
  const stale = verified.predicate.evidence.filter(({ expires }) => expires < today);
  if (stale.length > 0) throw new AttestationError("EXPIRED", stale.map(({ kind, file, expires }) => `its answer for ${kind} (${file}) expired on ${expires}`).join("; "));
  const early = verified.predicate.evidence.find(({ reviewed }) => Date.parse(reviewed) > demand.now.getTime() + clockSkewMs);
  if (early !== undefined) throw new AttestationError("NOT_YET_VALID", `its answer for ${early.kind} says it was reviewed on ${early.reviewed}, which is still to come`);
  return verified;
}

/**
 * Verifies an approval: signature, type, subject, environment, time; that the key belongs to the approver whom it names; and that the
 * author whom it names is the release's.
 * @param author pseudonym of who wrote the release, from a source that the approver does not control
 * @throws AttestationError with the code of the first check that fails
 */
export function verifyApproval(text: string, demand: Demand & { readonly author: string }): Verified<Approval> {
  const verified = verify(text, demand, "approval", approvalType, approvalSchema);
  const { approver, author } = verified.predicate;
  if (!verified.signers.some(({ owner }) => owner === approver))
    throw new AttestationError("SIGNER", `it names ${approver} as the approver, but was signed by ${verified.signers.map(({ owner }) => owner).join(", ")}`);
  if (author !== demand.author) throw new AttestationError("OWN_APPROVAL", `it names ${author} as the author of the release, whose evidence says ${demand.author}`);
  if (verified.signers.some(({ owner }) => owner.toLowerCase() === demand.author.toLowerCase()))
    throw new AttestationError("OWN_APPROVAL", `it was signed by ${demand.author}, who wrote the release`);
  return verified;
}

function verify<T extends { readonly environment: string; readonly created: string; readonly expires: string }>(
  text: string,
  demand: Demand,
  purpose: Purpose,
  predicateType: string,
  schema: z.ZodType<T>,
): Verified<T> {
  const { payload, signers } = open(text, inTotoPayloadType, keysFor(purpose, demand), demand.threshold);
  const statement = parseStatement(payload);
  if (statement.predicateType !== predicateType) throw new AttestationError("PREDICATE_TYPE", `it is of another type than ${predicateType}`);
  const parsed = schema.safeParse(statement.predicate);
  if (!parsed.success) throw new AttestationError("PREDICATE", `it breaks the rules: ${rulesBroken(parsed.error.issues)}`);
  mustBeAbout(statement, demand.digest);
  const { environment, created, expires } = parsed.data;
  if (environment !== demand.environment) throw new AttestationError("ENVIRONMENT", `it is for ${environment}, not for ${demand.environment}`);
  const now = demand.now.getTime();
  if (Date.parse(created) > now + clockSkewMs) throw new AttestationError("NOT_YET_VALID", `it says it was created on ${created}, which is still to come`);
  if (Date.parse(expires) <= now) throw new AttestationError("EXPIRED", `it expired on ${expires}`);
  return { predicate: parsed.data, signers };
}

function keysFor(purpose: Purpose, { trust, now }: Demand): TrustedKey[] {
  const keys = trust.filter((key) => key.purposes.includes(purpose) && key.validFrom <= now.getTime() && now.getTime() < key.validUntil);
  if (keys.length === 0) throw new AttestationError("TRUST", `no key that is valid now is trusted for ${purpose}`);
  return keys;
}
