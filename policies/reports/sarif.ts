/** SARIF 2.1.0, as code scanning reads it. Waived findings are suppressed results. */
import type { Severity } from "../rule.ts";
import type { Report, ReportFinding } from "./report.ts";
import { createHash } from "node:crypto";

/** GitHub's scale of security severity. */
const SCORE: Readonly<Record<Severity, string>> = { low: "3.0", medium: "5.5", high: "8.0", critical: "9.5" };

/** The report as a SARIF log. */
export function sarif(report: Report): object {
  const index = new Map(report.rules.map((rule, position) => [rule.id, position]));
  return {
    $schema: "https://json.schemastore.org/sarif-2.1.0.json",
    version: "2.1.0",
    runs: [
      {
        tool: {
          driver: {
            name: report.tool.name,
            version: report.tool.version,
            rules: report.rules.map((rule) => ({
              id: rule.id,
              shortDescription: { text: rule.title },
              fullDescription: { text: rule.why },
              help: { text: rule.fix },
              properties: { tags: ["security", ...rule.controls], "security-severity": SCORE[rule.severity] },
            })),
          },
        },
        invocations: [{ executionSuccessful: report.complete, endTimeUtc: report.generated, toolExecutionNotifications: report.problems.map((problem) => ({ level: "error", message: { text: `${problem.file}${problem.line === undefined ? "" : `:${problem.line}`}: ${problem.message}` } })) }],
        automationDetails: { id: `policies/${[report.run.project, report.run.stack].filter((part) => part !== undefined).join("/") || report.run.kind}/` },
        properties: { verdict: report.verdict, run: report.run, packDigest: report.tool.digest, configuration: report.configuration, images: report.images.map(({ image }) => image) },
        results: report.findings.map((finding) => result(finding, index.get(finding.rule) ?? -1, report)),
      },
    ],
  };
}

function result(finding: ReportFinding, ruleIndex: number, { run }: Report): object {
  // Code scanning shows only what has a file: for a stack that is the stack's own.
  const file = finding.file ?? (run.stack === undefined ? undefined : `Pulumi.${run.stack}.yaml`);
  const place = file === undefined ? {} : { physicalLocation: { artifactLocation: { uri: encodeURI(file) }, region: { startLine: finding.line ?? 1 } } };
  return {
    ruleId: finding.rule,
    ruleIndex,
    level: finding.level === "mandatory" ? "error" : finding.status === "waived" ? "note" : "warning",
    message: { text: `${finding.path === "" ? "" : `${finding.path}: `}${finding.message}` },
    locations: [{ ...place, logicalLocations: [{ fullyQualifiedName: `${finding.resource}#${finding.path}`, kind: "resource" }] }],
    partialFingerprints: { finding: createHash("sha256").update(`${finding.rule} ${finding.resource} ${finding.path}`).digest("hex") },
    ...(finding.waiver && { suppressions: [{ kind: "external", status: "accepted", justification: `${finding.waiver.reason} (asked for by ${finding.waiver.requestedBy}, approved by ${finding.waiver.approver}, until ${finding.waiver.expires})` }] }),
  };
}
