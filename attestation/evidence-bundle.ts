import { z } from "zod";
import { environmentName, moment, pseudonym, sha256Digest } from "./values.ts";

/** Predicate type of an evidence bundle. */
export const evidenceBundleType = "https://rlhf-audit-trail.dev/attestation/evidence-bundle/v1";

const answer = z
  .strictObject({
    /** What the file answers for: eu-ai-act, data-governance, security-posture. */
    kind: z.string().min(1).max(64),
    file: z.string().min(1).max(512),
    digest: sha256Digest,
    author: pseudonym,
    approver: pseudonym,
    reviewed: z.iso.date(),
    /** Last day on which it counts, in UTC. */
    expires: z.iso.date(),
  })
  .refine((entry) => entry.author.toLowerCase() !== entry.approver.toLowerCase(), { path: ["approver"], error: "must not be the author" });

/**
 * What was found of evidence for one release: signed by whoever ran the policy pack over it, so that a gate in the cluster need not
 * have the files. It also ties the unsigned documents about the image (SBOM, vulnerability report, VEX) to it, by digest.
 */
export const evidenceBundleSchema = z.strictObject({
  environment: environmentName,
  /** Pseudonym of who wrote the release; whoever approves it must be another. */
  author: pseudonym,
  /** The policy pack that judged the evidence. */
  policyPack: z.strictObject({ name: z.string().min(1).max(128), version: z.string().min(1).max(64), digest: sha256Digest }),
  /** The stack configuration of the release. */
  configuration: z.strictObject({ digest: sha256Digest }),
  evidence: z.array(answer).min(1).max(64),
  /** Other documents about the image, by the name under which a gate finds them, such as sbom.json. */
  documents: z
    .array(z.strictObject({ name: z.string().regex(/^[a-z0-9][a-z0-9.-]{0,127}$/, "must be a file's name in lower case"), digest: sha256Digest }))
    .max(64)
    .refine((all) => new Set(all.map(({ name }) => name)).size === all.length, "must name each document once"),
  created: moment,
  expires: moment,
});

/** See {@link evidenceBundleSchema}. */
export type EvidenceBundle = Readonly<z.output<typeof evidenceBundleSchema>>;
