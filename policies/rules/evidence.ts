/** The compliance gate: a release goes where its evidence is declared, current and its own. */
import { z } from "zod";
import { evidenceProblems, type EvidenceKind } from "../evidence.ts";
import { parseImage } from "../kubernetes/image.ts";
import { LONG_RUNNING, podOf } from "../kubernetes/pods.ts";
import { selects } from "../kubernetes/selector.ts";
import { annotation, labelsOf } from "../resource.ts";
import { resourceRule, type ResourceRule } from "../rule.ts";
import { get, list, text } from "../value.ts";
import { EXAMPLE_DIGEST } from "../example-release.ts";
import { deployment, manifest } from "./examples.ts";

/** Says on a blue-green slot's workload whether it carries traffic. */
const SLOT_ROLE = "rlhf-audit-trail.dev/slot-role";

const RELEASE = deployment({ image: `ghcr.io/terragonlabs/rlhf-audit-trail@${EXAMPLE_DIGEST}` });

function evidenceRule(kind: EvidenceKind, id: string, what: string, why: string): ResourceRule {
  return resourceRule({
    id,
    title: `Every workload that carries traffic has current ${what} evidence for its own image.`,
    severity: "critical",
    // Mandatory where the configuration says so (production); elsewhere it tells.
    level: "advisory",
    kinds: LONG_RUNNING,
    onUnknown: "deny",
    why,
    fix: `Add or renew the ${kind} file in the evidence directory: for this image digest, approved by another person than its author, not expired. See compliance/README.md.`,
    parameters: z.strictObject({
      matchLabels: z.record(z.string(), z.string()).default({}).describe("labels of the workloads that the gate is about; none means all"),
      leadDays: z.int().min(0).default(730).describe("days before an obligation applies from which its evidence is asked for"),
      exampleDigests: z.array(z.string()).default([EXAMPLE_DIGEST]).describe("image digests for which evidence marked as example counts"),
    }),
    examples: {
      pass: [RELEASE, deployment({}, {}, { metadata: { annotations: { "rlhf-audit-trail.dev/slot-role": "idle" } } }), manifest("apps/v1", "Deployment", { spec: {} })],
      fail: [deployment(), deployment({}, { containers: undefined }), deployment({ image: undefined }), deployment({}, {}, { metadata: { annotations: { "rlhf-audit-trail.dev/slot-role": "live" } } })],
      more: [{ parameters: { matchLabels: { app: "other" } }, pass: [deployment()], fail: [] }, { parameters: { exampleDigests: [] }, pass: [], fail: [RELEASE] }],
    },
    check: (resource, { matchLabels, leadDays, exampleDigests }, { evidence, now }) => {
      const pod = podOf(resource);
      if (!pod || annotation(resource.data, SLOT_ROLE) === "idle" || !selects({ matchLabels }, labelsOf(pod.metadata))) return [];
      const images = list(pod.spec, "containers").map((container) => text(container, "image") ?? "");
      const digests = images.map((image) => parseImage(image)?.digest).filter((digest) => digest !== undefined);
      if (!evidence) return [{ path: "", message: `there is no evidence directory, so no ${kind} evidence` }];
      const problems = evidenceProblems(evidence, { kind, digests, now, leadDays, exampleDigests });
      return problems.map((message) => ({ path: get(pod.spec, "containers") === undefined ? pod.path : `${pod.specPath}.containers`, message }));
    },
  });
}

export const evidenceEuAiAct = evidenceRule("eu-ai-act", "evidence-eu-ai-act", "EU AI Act", "The Act asks the provider to know, before release, how each obligation is met.");
export const evidenceDataGovernance = evidenceRule("data-governance", "evidence-data-governance", "data governance", "GDPR 5(2) asks the controller to be able to show that the processing is lawful.");
export const evidenceSecurityPosture = evidenceRule("security-posture", "evidence-security-posture", "security posture", "A release that nobody scanned, with backups that nobody restored, is a guess.");
