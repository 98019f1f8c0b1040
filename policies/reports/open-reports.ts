/** An OpenReports Report, as policy dashboards in the cluster read it. */
import type { Report, ReportFinding } from "./report.ts";

function outcome(finding: ReportFinding): "fail" | "warn" | "skip" | "error" {
  if (finding.status === "waived") return "skip";
  if (finding.status === "error") return "error";
  return finding.level === "mandatory" ? "fail" : "warn";
}

/** The report as one `openreports.io/v1alpha1` object. */
export function openReport(report: Report): object {
  const outcomes = report.findings.map(outcome);
  const count = (wanted: string) => outcomes.filter((one) => one === wanted).length;
  const silent = report.rules.filter((rule) => !report.findings.some((finding) => finding.rule === rule.id));
  const seconds = Math.floor(Date.parse(report.generated) / 1000);
  return {
    apiVersion: "openreports.io/v1alpha1",
    kind: "ClusterReport",
    metadata: {
      name: [report.tool.name, report.run.project, report.run.stack].filter((part) => part !== undefined).join("-"),
      labels: { "app.kubernetes.io/managed-by": report.tool.name },
      annotations: { "rlhf-audit-trail.dev/verdict": report.verdict, "rlhf-audit-trail.dev/settings-digest": report.configuration.digest, ...(report.tool.digest !== undefined && { "rlhf-audit-trail.dev/pack-digest": report.tool.digest }) },
    },
    source: report.tool.name,
    summary: { pass: silent.length, fail: count("fail"), warn: count("warn"), error: count("error") + report.problems.length, skip: count("skip") },
    results: [
      ...report.findings.map((finding, index) => ({
        source: report.tool.name,
        policy: finding.rule,
        result: outcomes[index],
        severity: finding.severity,
        description: `${finding.path === "" ? "" : `${finding.path}: `}${finding.message}`,
        subjects: [subject(finding.resource)],
        timestamp: { seconds, nanos: 0 },
        properties: { controls: finding.controls.join(","), fix: finding.fix, ...(finding.waiver && { waiver: `${finding.waiver.reason} (${finding.waiver.approver}, until ${finding.waiver.expires})` }) },
      })),
      ...silent.map((rule) => ({ source: report.tool.name, policy: rule.id, result: "pass", severity: rule.severity, timestamp: { seconds, nanos: 0 } })),
    ],
  };
}

/** `Kind/namespace/name` or a URN as an object reference. */
function subject(id: string): object {
  if (id.startsWith("urn:")) return { kind: id.split("::")[2]?.split(":").at(-1) ?? "", name: id.split("::").at(-1) ?? id };
  const [kind = "", ...rest] = id.split("/");
  return rest.length === 2 ? { kind, namespace: rest[0], name: rest[1] } : { kind, name: rest[0] ?? "" };
}
