/** The report that every format is made from: plain data, so that it can be written, read and compared. */
import { createHash } from "node:crypto";
import { controlsOf } from "../controls.ts";
import type { Verdict } from "../evaluate.ts";
import type { InputProblem } from "../documents.ts";
import type { Rule, Severity } from "../rule.ts";

/** One finding in a report. */
export interface ReportFinding {
  readonly rule: string;
  readonly severity: Severity;
  readonly level: "advisory" | "mandatory";
  readonly status: Verdict["status"];
  readonly resource: string;
  readonly file?: string;
  readonly line?: number;
  readonly path: string;
  readonly message: string;
  readonly fix: string;
  readonly controls: readonly string[];
  readonly waiver?: { readonly reason: string; readonly approver: string; readonly expires: string };
}

/** A rule as a report describes it. */
export interface ReportRule {
  readonly id: string;
  readonly title: string;
  readonly severity: Severity;
  readonly why: string;
  readonly fix: string;
  readonly controls: readonly string[];
}

/** A whole report. */
export interface Report {
  readonly tool: { readonly name: string; readonly version: string; readonly configurationDigest: string };
  /** ISO 8601, UTC. */
  readonly generated: string;
  /** Resources judged. */
  readonly resources: number;
  readonly rules: readonly ReportRule[];
  readonly findings: readonly ReportFinding[];
  readonly problems: readonly InputProblem[];
}

/** Name of the pack in reports. */
const PACK_NAME = "rlhf-audit-trail-policies";

/** Makes the report of a scan. */
export function makeReport(result: { resources: number; verdicts: readonly Verdict[]; problems: readonly InputProblem[] }, rules: readonly Rule[], meta: { version: string; configuration: string; now: Date }): Report {
  return {
    tool: { name: PACK_NAME, version: meta.version, configurationDigest: `sha256:${createHash("sha256").update(meta.configuration).digest("hex")}` },
    generated: meta.now.toISOString(),
    resources: result.resources,
    rules: rules.map(({ id, title, severity, why, fix }) => ({ id, title, severity, why, fix, controls: controlsOf(id) })),
    findings: result.verdicts.map(finding),
    problems: result.problems,
  };
}

function finding({ rule, level, status, resource, path, message, waiver }: Verdict): ReportFinding {
  const source = resource?.source;
  return {
    rule: rule.id, severity: rule.severity, level, status, resource: resource?.id ?? "stack", path, message, fix: rule.fix, controls: controlsOf(rule.id),
    ...(source && { file: source.file, line: source.line }),
    ...(waiver && { waiver: { reason: waiver.reason, approver: waiver.approver, expires: waiver.expires } }),
  };
}

/** A stable UUID (version 5 in form) from words, so that the same report has the same ids. */
export function stableUuid(...words: readonly string[]): string {
  const hex = createHash("sha256").update(words.join("\u0000")).digest("hex");
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-5${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}
