/** One self-contained page for a person who answers for compliance: the answer first, then what it rests on. No script, nothing loaded from elsewhere. */
import { createHash } from "node:crypto";
import { html as markup, Markup, table, type Part } from "./markup.ts";
import { controlTables, controlsInShort } from "./html-controls.ts";
import { findingGroups, resourceName } from "./html-findings.ts";
import { STYLE } from "./html-style.ts";
import type { Report, ReportFinding } from "./report.ts";

/** The report as one HTML page. */
export function html(report: Report): string {
  const title = `Policy report: ${subject(report)}`;
  const policy = `default-src 'none'; style-src 'sha256-${createHash("sha256").update(STYLE).digest("base64")}'; base-uri 'none'; form-action 'none'`;
  const mandatory = report.findings.filter((finding) => finding.level === "mandatory");
  const advisory = report.findings.filter((finding) => finding.level === "advisory" && finding.status !== "waived");
  return markup`<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta http-equiv="Content-Security-Policy" content="${policy}"><meta name="viewport" content="width=device-width, initial-scale=1"><title>${title}</title><style>${new Markup(STYLE)}</style></head><body>
<header><h1>${title}</h1>
<p class="soft">${occasion(report)} on ${day(report.generated)}, ${report.generated.slice(11, 16)} UTC</p></header>
<main>
${verdict(report, mandatory)}
<ul class="counts"><li><b>${mandatory.length}</b>mandatory findings</li><li><b>${advisory.length}</b>advisory findings</li><li><b>${waived(report).length}</b>waived findings</li><li><b>${report.rules.length}</b>policies in force</li><li><b>${report.disabled.length}</b>policies switched off</li><li><b>${report.resources}</b>resources judged</li></ul>
${facts(report)}
<section><h2>What this page proves, and what not</h2>
<p>It shows what was declared for these resources, and how the policies named here judged it at the time given above. The digests say exactly which policies, which configuration and which images were meant: another digest is another judgement.</p>
<p>It does not prove that a system conforms to a law or a standard. A policy answers for the part of a control that a declaration can show. Evidence is checked for being there, current, approved by a second person and meant for this release; whether its contents are true is for its owner and approver to answer. What runs in a cluster may differ from what was declared.</p></section>
${problems(report)}
${mandatory.length === 0 ? undefined : markup`<section><h2>What stops this release</h2>${findingGroups(mandatory)}</section>`}
${evidence(report)}
${waivers(report)}
<section><h2>Controls</h2>${controlsInShort(report)}${controlTables(report)}</section>
<section><h2>Advice</h2>${advisory.length === 0 ? markup`<p>None.</p>` : [markup`<p>These findings stop nothing.</p>`, findingGroups(advisory)]}</section>
${switchedOff(report)}
</main>
</body></html>
`.text;
}

function subject({ run }: Report): string {
  if (run.stack === undefined) return "declared resources";
  return run.project === undefined ? run.stack : `${run.project}, ${run.stack}`;
}

function occasion({ run }: Report): string {
  return { scan: "Scan of files", preview: "Preview, before anything was changed,", update: "Deployment" }[run.kind];
}

/** `2026-11-24T…` as `24 November 2026`. */
function day(date: string): string {
  return new Intl.DateTimeFormat("en-GB", { dateStyle: "long", timeZone: "UTC" }).format(new Date(date));
}

/** A last day with the time left on the day of the report. */
function until(date: string, report: Report): string {
  const days = Math.floor((Date.parse(date) + 86_400_000 - Date.parse(report.generated)) / 86_400_000);
  return `${date} (${days < 0 ? "over" : days === 0 ? "last day" : `${days} ${days === 1 ? "day" : "days"} left`})`;
}

function verdict(report: Report, mandatory: readonly ReportFinding[]): Markup {
  const rules = new Set(mandatory.map(({ rule }) => rule)).size;
  const words: Readonly<Record<Report["verdict"], readonly [string, string]>> = {
    passed: ["Passed", "No mandatory policy is broken."],
    violated: ["Stopped", `${mandatory.length} ${mandatory.length === 1 ? "finding" : "findings"} of ${rules} mandatory ${rules === 1 ? "policy" : "policies"}. ${report.complete ? "" : "Not everything could be judged. "}Each must be mended or waived before the release may go on.`],
    incomplete: ["Incomplete", "No mandatory policy was found broken, but not everything could be judged. This is not a pass."],
  };
  const [head, text] = words[report.verdict];
  return markup`<div class="verdict ${report.verdict}" role="status"><strong>${head}</strong><span>${text}</span></div>`;
}

function facts(report: Report): Markup {
  const { tool, configuration, run } = report;
  const rows: (readonly [string, Part])[] = [
    ["Release", report.images.length === 0 ? "no images" : report.images.map(({ image, resources }) => markup`<code>${image}</code> <small>in ${resources.length} ${resources.length === 1 ? "resource" : "resources"}</small><br>`)],
    ...(run.stack === undefined ? [] : [["Stack", [run.organization, run.project, run.stack].filter((part) => part !== undefined).join("/")] as const]),
    ["Policy pack", markup`${tool.name} ${tool.version}<br><code>${tool.digest ?? "ran from its sources, without a digest"}</code>`],
    ...(configuration.file === undefined ? [] : [["Configuration file", markup`${configuration.file}<br><code>${configuration.fileDigest}</code>`] as const]),
    ["Settings in force", markup`<code>${configuration.digest}</code><br><small>every policy's level and parameters, defaults included, and the waivers</small>`],
  ];
  return markup`<dl>${rows.map(([name, value]) => markup`<dt>${name}</dt><dd>${value}</dd>`)}</dl>`;
}

function problems(report: Report): Markup | undefined {
  if (report.problems.length === 0) return undefined;
  return markup`<section><h2>What could not be read</h2><ul>${report.problems.map(({ file, line, message }) => markup`<li><code>${file}${line === undefined ? "" : `:${line}`}</code> ${message}</li>`)}</ul></section>`;
}

function evidence(report: Report): Markup {
  const rows = report.evidence.map((file) => [
    markup`${file.kind ?? "unknown"}<br><code>${file.file}</code>`,
    markup`<span class="${file.state}">${file.state}</span>${file.exampleAsOf === undefined ? undefined : markup`<br><small>an example: counts for the example release only, judged as on ${file.exampleAsOf}</small>`}${file.problems.map((problem) => markup`<br>${problem}`)}`,
    file.reviewed ?? "",
    file.expires === undefined ? "" : file.exampleAsOf === undefined ? until(file.expires, report) : file.expires,
    markup`${file.owner}${file.author === undefined ? undefined : markup`<br><small>written by ${file.author}, approved by ${file.approver}</small>`}`,
    markup`${file.system}<br><small>${file.obligations.length} obligations answered; ${belongs(file.digests, report)}</small>`,
  ]);
  return markup`<section><h2>Evidence</h2>${rows.length === 0 ? markup`<p>None was found.</p>` : table(["File", "State", "Reviewed", "Counts until", "Owner", "System"], rows)}</section>`;
}

function belongs(digests: readonly string[], report: Report): string {
  const running = report.images.filter(({ image }) => digests.some((digest) => image.endsWith(`@${digest}`)));
  return running.length > 0 ? "for an image of this release" : "for no image of this release";
}

function waived(report: Report): ReportFinding[] {
  return report.findings.filter((finding) => finding.waiver !== undefined);
}

function waivers(report: Report): Markup {
  const rows = waived(report).map(({ rule, resource, message, waiver }) => [
    markup`<code>${rule}</code><br><small>${message}</small>`,
    markup`${resourceName(resource)}`,
    waiver?.reason,
    markup`${waiver?.approver}<br><small>asked for by ${waiver?.requestedBy}</small>`,
    waiver && until(waiver.expires, report),
  ]);
  return markup`<section><h2>Waivers in use</h2>${rows.length === 0 ? markup`<p>None.</p>` : table(["Policy", "Resource", "Reason", "Approved by", "Holds until"], rows)}</section>`;
}

function switchedOff(report: Report): Markup | undefined {
  if (report.disabled.length === 0) return undefined;
  return markup`<section><h2>Policies switched off</h2><p>They judged nothing here: ${report.disabled.map((rule, index) => markup`${index === 0 ? "" : ", "}<code>${rule}</code>`)}.</p></section>`;
}
