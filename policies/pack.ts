/** The pack as Pulumi starts it: serves the policies. */
import { PolicyPack } from "@pulumi/policy";
import { join } from "node:path";
import { crossGuardPolicies } from "./adapter.ts";
import { readEvidence } from "./evidence-files.ts";
import { RULES } from "./rules/index.ts";
import { openSession } from "./session.ts";
import { shareProperties } from "./sharedProperties.ts";

shareProperties();
const session = openSession();

// Pulumi starts a pack in its own directory; the evidence lies beside it in the project, or where the variable says.
const evidence = readEvidence(process.env.RLHF_EVIDENCE_DIRECTORY ?? join(process.cwd(), "..", "compliance"));

new PolicyPack("rlhf-audit-trail-policies", {
  description: "Pod security, supply chain, reliability, network, secrets, RBAC, progressive delivery and AI Act evidence for Kubernetes.",
  enforcementLevel: "advisory",
  policies: crossGuardPolicies(RULES, () => ({ now: new Date(), ...(evidence && { evidence }) }), session),
});
