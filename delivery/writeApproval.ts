/** `delivery approve`: a person's signed yes to one image in one environment. */
import { attestApproval } from "../attestation/attest.ts";
import { documentNames } from "../attestation/documents.ts";
import { keyId, parseSigningKey, parseTrust } from "../attestation/keys.ts";
import { ownerOf } from "../attestation/trust-file.ts";
import { verifyApproval, verifyEvidence } from "../attestation/verify.ts";
import { DeliveryError } from "./deliveryError.ts";
import { digestOfText, documentIn, evidenceMap } from "./evidenceMap.ts";
import { exitCodes } from "./exitCodes.ts";
import { handOut } from "./handOut.ts";
import { checkImage, digestOf } from "./image.ts";
import { noteAttestation, type NoteOptions } from "./noteAttestation.ts";
import type { OutputOptions } from "./output.ts";
import { attesting, givenText } from "./signing.ts";

/** What is approved, and by which key. */
export interface ApprovalChoice extends OutputOptions, NoteOptions {
  readonly image: string;
  readonly environment: string;
  readonly stack?: string;
  /** Path of the ConfigMap with the signed evidence. */
  readonly evidence: string;
  readonly hours: number;
  readonly why?: string;
  readonly signWith: string;
  readonly trust: string;
  readonly namespace?: string;
  readonly out?: string;
}

/**
 * Reads the evidence as a gate does, signs, verifies, records, and only then writes.
 * @throws DeliveryError `refused` when the approval would not count, `usage` when an input can't be used
 */
export function writeApproval(choice: ApprovalChoice): void {
  const now = new Date();
  const image = checkImage(choice.image);
  const digest = digestOf(image);
  const { environment } = choice;
  const trustText = givenText(choice.trust, "trust file", "Use the one that the gates were given.");
  const evidence = documentIn(givenText(choice.evidence, "evidence", fetchIt), documentNames.evidence);
  if (evidence === undefined) throw new DeliveryError(exitCodes.usage, `${choice.evidence} is no ConfigMap with ${documentNames.evidence}.`, fetchIt);
  const demand = { digest, environment, trust: attesting("The trust file", () => parseTrust(trustText)), now };
  // Nobody should say yes to what the gates would not let through anyway.
  const { author } = attesting("The evidence", () => verifyEvidence(evidence, demand)).predicate;
  const expires = new Date(now.getTime() + choice.hours * 3_600_000).toISOString();
  const made = attesting("The approval", () => {
    const secret = parseSigningKey(givenText(choice.signWith, "signing key", "`delivery keygen --purpose approval` makes one."));
    const approver = ownerOf(trustText, keyId(secret), "approval");
    const yes = { environment, author, approver, created: now.toISOString(), expires, ...(choice.why === undefined ? {} : { reason: choice.why }) };
    const signed = JSON.stringify(attestApproval({ name: image.split("@")[0] ?? "", digest }, yes, [secret]));
    verifyApproval(signed, { ...demand, author });
    return { approver, signed, key: keyId(secret) };
  });
  const name = documentNames.approval(environment);
  const map = evidenceMap(digest, choice.namespace, new Map([[name, made.signed]]));
  const seq = noteAttestation(choice, `approve --environment ${environment}`, {
    kind: "approval",
    stack: choice.stack ?? environment,
    what: { image: digest },
    ...(choice.why === undefined ? {} : { why: choice.why }),
    evidence: [{ name, digest: digestOfText(made.signed) }, { name: documentNames.evidence, digest: digestOfText(evidence) }],
    data: { verdict: "approved", key: made.key, expires },
  });
  handOut(choice, map, { image, environment, author, approver: made.approver, expires, key: made.key, documents: [name], ...(seq === undefined ? {} : { entry: seq }) });
}

const fetchIt = "kubectl get configmap release-evidence-<digest> --output=json prints it; `delivery evidence --out` writes it.";
