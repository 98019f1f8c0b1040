/** What the gates ask about an image before they say yes, signed by keys of the rehearsal. */
import { createHash, createPrivateKey, sign, type KeyObject } from "node:crypto";
import { bundleToJSON, toDSSEBundle } from "@sigstore/bundle";
import { dsse } from "@sigstore/core";
import { attestApproval, attestEvidence } from "../attestation/attest.ts";
import { documentNames } from "../attestation/documents.ts";
import type { EvidenceBundle } from "../attestation/evidence-bundle.ts";
import { inTotoPayloadType } from "../attestation/envelope.ts";
import { statementAbout } from "../attestation/statement.ts";
import { generateSigningKeys, withTrusted } from "../attestation/trust-file.ts";
import { provenanceType } from "../services/gates/provenance.ts";

/** Who built the images, as the gates are told and the provenance says. */
export const builder = "https://rlhf-audit-trail.dev/builders/rehearsal";

const environment = "local";
const sha256 = (text: string): string => `sha256:${createHash("sha256").update(text).digest("hex")}`;
const later = (hours: number): string => new Date(Date.now() + hours * 3_600_000).toISOString();

/** An evidence bundle that passes: complete, current, and vouching for the documents. */
export function goodBundle(environment: string, documents: Readonly<Record<string, string>>): EvidenceBundle {
  return {
    environment,
    author: "p-author",
    policyPack: { name: "rlhf-audit-trail-policies", version: "0.1.0", digest: sha256("pack") },
    configuration: { digest: sha256("configuration") },
    evidence: ["eu-ai-act", "data-governance", "security-posture"].map((kind) => ({ kind, file: `${kind}.yml`, digest: sha256(kind), author: "p-lawyer", approver: "p-officer", reviewed: later(-48).slice(0, 10), expires: later(48).slice(0, 10) })),
    documents: Object.entries(documents).map(([name, text]) => ({ name, digest: sha256(text) })),
    created: later(-1),
    expires: later(24),
  };
}

/** A pipeline and somebody who approves, and the file that says so. */
export class Signers {
  readonly trust: string;
  readonly #pipeline: KeyObject;
  readonly #approver: KeyObject;

  constructor() {
    const [pipeline, approver] = [generateSigningKeys(), generateSigningKeys()];
    const known = withTrusted(undefined, { owner: "ci-1", publicKey: pipeline.public, purposes: ["evidence", "provenance"] });
    this.trust = withTrusted(known, { owner: "p-approver", publicKey: approver.public, purposes: ["approval"] });
    this.#pipeline = createPrivateKey(pipeline.secret);
    this.#approver = createPrivateKey(approver.secret);
  }

  /** All documents about a good image, by name. `digest`: `sha256:…` */
  about(digest: string): Record<string, string> {
    const documents = {
      [documentNames.sbom]: JSON.stringify({ bomFormat: "CycloneDX", specVersion: "1.6", components: [{ name: "node", version: "24" }] }),
      [documentNames.vulnerabilities]: JSON.stringify({ SchemaVersion: 2, CreatedAt: later(-1), Metadata: { RepoDigests: [`ghcr.io/terragonlabs/rlhf-audit-trail@${digest}`] }, Results: [] }),
    };
    const yes = { environment, author: "p-author", approver: "p-approver", created: later(-1), expires: later(12) };
    return {
      ...documents,
      [documentNames.evidence]: JSON.stringify(attestEvidence([{ digest }], goodBundle(environment, documents), [this.#pipeline])),
      [documentNames.provenance]: this.#provenance(digest),
      [documentNames.approval(environment)]: JSON.stringify(attestApproval({ digest }, yes, [this.#approver])),
    };
  }

  #provenance(digest: string): string {
    const predicate = { buildDefinition: { buildType: `${builder}/build/v1` }, runDetails: { builder: { id: builder } } };
    const payload = Buffer.from(JSON.stringify(statementAbout([{ digest }], provenanceType, predicate)));
    const signature = sign(null, dsse.preAuthEncoding(inTotoPayloadType, payload), this.#pipeline);
    return JSON.stringify(bundleToJSON(toDSSEBundle({ artifact: payload, artifactType: inTotoPayloadType, signature, keyHint: "rehearsal" })));
  }
}
