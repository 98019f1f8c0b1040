/** JUnit XML: one suite a rule that found something, one case a finding. Mandatory ones fail, waived ones are skipped. */
import type { Report, ReportFinding } from "./report.ts";

function escape(text: string): string {
  // Control characters have no place in XML 1.0.
  return text.replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f]/g, "").replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;").replace(/"/g, "&quot;");
}

/** The report as JUnit XML. Rules without findings are one passed case each. */
export function junit(report: Report): string {
  const suites = report.rules.map((rule) => suite(rule.id, report.findings.filter((finding) => finding.rule === rule.id), report.generated));
  const count = (keep: (finding: ReportFinding) => boolean) => report.findings.filter(keep).length;
  const passed = report.rules.filter((rule) => !report.findings.some((finding) => finding.rule === rule.id)).length;
  const head = `<testsuites name="${escape(report.tool.name)}" tests="${report.findings.length + passed}" failures="${count(failed)}" errors="${report.problems.length}" time="0">`;
  const unread = report.problems.length === 0 ? [] : [unreadSuite(report)];
  return `<?xml version="1.0" encoding="UTF-8"?>\n${[head, ...suites, ...unread, "</testsuites>"].join("\n")}\n`;
}

function failed(finding: ReportFinding): boolean {
  return finding.level === "mandatory";
}

function suite(rule: string, findings: readonly ReportFinding[], generated: string): string {
  const time = generated.replace(/\.\d+Z$/, "");
  const cases = findings.length === 0 ? [`    <testcase classname="${escape(rule)}" name="no findings" time="0"/>`] : findings.map((finding) => testCase(rule, finding));
  const skipped = findings.filter((finding) => finding.status === "waived").length;
  return [`  <testsuite name="${escape(rule)}" tests="${Math.max(1, findings.length)}" failures="${findings.filter(failed).length}" errors="0" skipped="${skipped}" timestamp="${time}" hostname="localhost" time="0">`, ...cases, "  </testsuite>"].join("\n");
}

function testCase(rule: string, finding: ReportFinding): string {
  const name = escape(`${finding.resource}${finding.path === "" ? "" : ` ${finding.path}`}`);
  const text = escape(`${finding.message}. ${finding.fix}`);
  const open = `    <testcase classname="${escape(rule)}" name="${name}" time="0">`;
  if (failed(finding)) return `${open}<failure type="${finding.severity}" message="${escape(finding.message)}">${text}</failure></testcase>`;
  // Jenkins' schema has no attributes here.
  if (finding.waiver) return `${open}<skipped>${escape(`waived until ${finding.waiver.expires} by ${finding.waiver.approver}: ${finding.waiver.reason}`)}</skipped></testcase>`;
  return `${open}<system-out>${text}</system-out></testcase>`;
}

function unreadSuite(report: Report): string {
  const cases = report.problems.map((problem) => `    <testcase classname="input" name="${escape(problem.file)}" time="0"><error type="unreadable" message="${escape(problem.message)}">${escape(`${problem.file}:${problem.line ?? 1}: ${problem.message}`)}</error></testcase>`);
  return [`  <testsuite name="input" tests="${cases.length}" failures="0" errors="${cases.length}" skipped="0" timestamp="${report.generated.replace(/\.\d+Z$/, "")}" hostname="localhost" time="0">`, ...cases, "  </testsuite>"].join("\n");
}
