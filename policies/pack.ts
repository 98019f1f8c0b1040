/** The pack as Pulumi starts it: serves the policies, and writes the reports that the variable `POLICY_REPORTS` asks for. */
import { PolicyPack } from "@pulumi/policy";
import { join } from "node:path";
import { crossGuardPolicies } from "./adapter.ts";
import { readEvidence } from "./evidence-files.ts";
import { packReports } from "./reports/pack-reports.ts";
import { RULES } from "./rules/index.ts";
import { openSession } from "./session.ts";
import { shareProperties } from "./sharedProperties.ts";

shareProperties();

// Pulumi starts a pack in its own directory; the evidence lies beside it in the project, or where the variable says.
const evidence = readEvidence(process.env.RLHF_EVIDENCE_DIRECTORY ?? join(process.cwd(), "..", "compliance"));
const reports = packReports(process.env, () => session, evidence);
const session = openSession(reports ? { analyze: reports.writer.soon, analyzeStack: reports.writer.now } : {});

new PolicyPack("rlhf-audit-trail-policies", {
  description: "Pod security, supply chain, reliability, network, secrets, RBAC, progressive delivery and AI Act evidence for Kubernetes.",
  enforcementLevel: "advisory",
  policies: crossGuardPolicies(RULES, () => ({ now: new Date(), ...(evidence && { evidence }) }), session, reports?.recorder),
});
