import { z } from "zod";
import { environmentName, moment, pseudonym } from "./values.ts";

/** Predicate type of an approval. */
export const approvalType = "https://rlhf-audit-trail.dev/attestation/approval/v1";

/** A person's yes to one image in one environment. */
export const approvalSchema = z
  .strictObject({
    environment: environmentName,
    /** Pseudonym of who wrote the release. */
    author: pseudonym,
    /** Pseudonym of who approves it; the owner of the key that signs. */
    approver: pseudonym,
    created: moment,
    expires: moment,
    /** 16 random bytes or more, in hex: tells two approvals of the same thing apart. */
    nonce: z.string().regex(/^[0-9a-f]{32,128}$/, "must be 32 to 128 lower-case hex digits"),
    /** Why, for those who read it later. No personal data. */
    reason: z.string().min(1).max(500).optional(),
  })
  .refine((approval) => approval.author.toLowerCase() !== approval.approver.toLowerCase(), { path: ["approver"], error: "must not be the author" });

/** See {@link approvalSchema}. */
export type Approval = Readonly<z.output<typeof approvalSchema>>;
