/** Why an attestation does not count, one code to each check of the verifier, in the order in which they are made. */
export type AttestationErrorCode =
  | "TRUST"
  | "ENVELOPE"
  | "PAYLOAD_TYPE"
  | "SIGNATURE"
  | "STATEMENT"
  | "PREDICATE_TYPE"
  | "PREDICATE"
  | "SUBJECT"
  | "ENVIRONMENT"
  | "NOT_YET_VALID"
  | "EXPIRED"
  | "SIGNER"
  | "OWN_APPROVAL";

/** An attestation, or what it is judged by, cannot be used. The message is a clause for people ("it expired on …") and holds no secret. */
export class AttestationError extends Error {
  readonly code: AttestationErrorCode;
  constructor(code: AttestationErrorCode, message: string) {
    super(message);
    this.name = "AttestationError";
    this.code = code;
  }
}

/** The broken rules of a document: path and rule of each, without values; at most five are named. */
export function rulesBroken(issues: readonly { readonly path: readonly PropertyKey[]; readonly message: string }[]): string {
  const named = issues.slice(0, 5).map((issue) => (issue.path.length === 0 ? issue.message : `${issue.path.map(String).join(".")}: ${issue.message}`));
  return issues.length > named.length ? `${named.join("; ")}; and ${issues.length - named.length} more` : named.join("; ");
}
