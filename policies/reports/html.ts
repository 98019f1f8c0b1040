/** One self-contained page for a person who answers for compliance. No script, nothing loaded from elsewhere. */
import { CONTROLS, FRAMEWORKS } from "../controls.ts";
import type { Report, ReportFinding } from "./report.ts";

function escape(text: string): string {
  return text.replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;").replace(/"/g, "&quot;");
}

const STYLE = `
:root { color-scheme: light dark; --line: #8884; --bad: #c0392b; --warn: #b9770e; --good: #1e8449; --calm: #5d6d7e }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 68rem; margin: 2rem auto; padding: 0 1rem }
table { border-collapse: collapse; width: 100%; margin: 1rem 0 } th, td { text-align: left; vertical-align: top; padding: .4rem .6rem; border-bottom: 1px solid var(--line) }
.mandatory { color: var(--bad); font-weight: 600 } .advisory { color: var(--warn) } .waived { color: var(--calm) } .good { color: var(--good); font-weight: 600 }
code { font: .85em ui-monospace, monospace; overflow-wrap: anywhere } details { margin: .5rem 0; border: 1px solid var(--line); border-radius: 4px; padding: .5rem 1rem } summary { cursor: pointer; font-weight: 600 }
.verdict { font-size: 1.3rem; border-left: .4rem solid currentColor; padding: .3rem 1rem }
@media print { details { break-inside: avoid } }`;

/** The report as one HTML page. */
export function html(report: Report): string {
  const mandatory = report.findings.filter((finding) => finding.level === "mandatory");
  const waived = report.findings.filter((finding) => finding.status === "waived");
  const verdict = mandatory.length === 0 && report.problems.length === 0
    ? '<p class="verdict good">No mandatory policy is broken.</p>'
    : `<p class="verdict mandatory">${mandatory.length} mandatory findings${report.problems.length === 0 ? "" : `, ${report.problems.length} inputs that could not be read`}.</p>`;
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><title>Policy report</title><style>${STYLE}</style></head><body>
<h1>Policy report</h1>
${verdict}
<p>${report.resources} resources judged by ${report.rules.length} policies of ${escape(report.tool.name)} ${escape(report.tool.version)} on ${escape(report.generated.slice(0, 16).replace("T", " "))} UTC.
${report.findings.length - mandatory.length - waived.length} advisory findings, ${waived.length} waived. Configuration <code>${escape(report.tool.configurationDigest)}</code>.</p>
<p>This page says what was declared and how the policies judge it. It does not prove that a system conforms to a law or a standard.</p>
${report.problems.length === 0 ? "" : `<h2>Not read</h2><ul>${report.problems.map((problem) => `<li><code>${escape(problem.file)}${problem.line === undefined ? "" : `:${problem.line}`}</code> ${escape(problem.message)}</li>`).join("")}</ul>`}
<h2>Controls</h2>
${Object.entries(FRAMEWORKS).map(([framework, edition]) => frameworkTable(report, framework, edition)).join("\n")}
<h2>Findings</h2>
${byResource(report.findings)}
${waived.length === 0 ? "" : `<h2>Waivers in use</h2><table><tr><th>Policy</th><th>Resource</th><th>Reason</th><th>Approved by</th><th>Until</th></tr>${waived.map((finding) => `<tr><td><code>${escape(finding.rule)}</code></td><td><code>${escape(finding.resource)}</code></td><td>${escape(finding.waiver?.reason ?? "")}</td><td>${escape(finding.waiver?.approver ?? "")}</td><td>${escape(finding.waiver?.expires ?? "")}</td></tr>`).join("")}</table>`}
</body></html>
`;
}

function frameworkTable(report: Report, framework: string, edition: string): string {
  const rows = CONTROLS.filter((control) => control.framework === framework).map((control) => {
    const found = report.findings.filter((finding) => control.rules.includes(finding.rule));
    const broken = found.filter((finding) => finding.level === "mandatory").length;
    const state = broken > 0 ? `<span class="mandatory">${broken} mandatory</span>` : found.length > 0 ? `<span class="advisory">${found.length} advisory</span>` : '<span class="good">nothing found</span>';
    return `<tr><td>${escape(control.title)}</td><td>${control.rules.length} policies</td><td>${state}</td></tr>`;
  });
  return `<details open><summary>${escape(edition)}</summary><table><tr><th>Control</th><th>Answered for by</th><th>State</th></tr>${rows.join("")}</table></details>`;
}

function byResource(findings: readonly ReportFinding[]): string {
  const names = [...new Set(findings.map((finding) => finding.resource))].sort();
  if (names.length === 0) return "<p>None.</p>";
  return names.map((name) => {
    const own = findings.filter((finding) => finding.resource === name);
    const rows = own.map((finding) => `<tr><td class="${finding.status === "waived" ? "waived" : finding.level}">${finding.status === "waived" ? "waived" : finding.level}</td><td>${finding.severity}</td><td><code>${escape(finding.rule)}</code></td><td>${escape(finding.message)}${finding.path === "" ? "" : `<br><code>${escape(finding.path)}</code>`}<br>${escape(finding.fix)}</td></tr>`);
    return `<details${own.some((finding) => finding.level === "mandatory") ? " open" : ""}><summary><code>${escape(name)}</code> (${own.length})</summary><table>${rows.join("")}</table></details>`;
  }).join("\n");
}
