/** The report that every format is made from: plain data, so that it can be written, read and compared. */
import { createHash } from "node:crypto";
import canonicalize from "canonicalize";
import { controlsOf } from "../controls.ts";
import type { InputProblem } from "../documents.ts";
import type { Verdict } from "../evaluate.ts";
import type { EvidenceFile } from "../evidence.ts";
import type { Level, Rule, Severity } from "../rule.ts";
import type { Settings } from "../settings.ts";
import { reportEvidence, type ReportEvidence } from "./evidence.ts";

/** One finding in a report. */
export interface ReportFinding {
  readonly rule: string;
  readonly severity: Severity;
  readonly level: Level;
  readonly status: Verdict["status"];
  /** URN, or `Kind/namespace/name`; `stack` for the stack as a whole. */
  readonly resource: string;
  readonly file?: string;
  readonly line?: number;
  readonly path: string;
  readonly message: string;
  readonly fix: string;
  readonly controls: readonly string[];
  readonly waiver?: { readonly reason: string; readonly requestedBy: string; readonly approver: string; readonly expires: string; readonly digest?: string };
}

/** A rule as a report describes it. */
export interface ReportRule {
  readonly id: string;
  readonly title: string;
  readonly severity: Severity;
  readonly level: Level;
  readonly why: string;
  readonly fix: string;
  readonly controls: readonly string[];
}

/** What was judged, by whom and how. */
export interface ReportRun {
  readonly kind: "scan" | "preview" | "update";
  readonly organization?: string;
  readonly project?: string;
  readonly stack?: string;
}

/** An image that the judged resources run. */
export interface ReportImage {
  readonly image: string;
  readonly resources: readonly string[];
}

/** A whole report. */
export interface Report {
  /** The pack; `digest` is that of the file that ran, and absent where it ran from its sources. */
  readonly tool: { readonly name: string; readonly version: string; readonly digest?: string };
  readonly run: ReportRun;
  /** `digest` is of what is in force: every policy's level and parameters, defaults included, and the waivers. */
  readonly configuration: { readonly digest: string; readonly file?: string; readonly fileDigest?: string };
  /** ISO 8601, UTC. */
  readonly generated: string;
  /** False when something could not be read, or the run ended before the stack was judged as a whole. */
  readonly complete: boolean;
  readonly verdict: "passed" | "violated" | "incomplete";
  /** Resources judged. */
  readonly resources: number;
  readonly images: readonly ReportImage[];
  /** Policies in force. */
  readonly rules: readonly ReportRule[];
  /** Policies that are switched off. */
  readonly disabled: readonly string[];
  readonly findings: readonly ReportFinding[];
  readonly problems: readonly InputProblem[];
  readonly evidence: readonly ReportEvidence[];
}

/** What a report is made of. */
export interface ReportParts {
  readonly tool: { readonly version: string; readonly digest?: string };
  readonly run: ReportRun;
  readonly settings: Settings;
  /** Configuration file, where there is one: its name and content. */
  readonly configurationFile?: { readonly name: string; readonly content: string };
  readonly now: Date;
  readonly rules: readonly Rule[];
  readonly resources: number;
  readonly images?: readonly ReportImage[];
  readonly findings: readonly ReportFinding[];
  readonly problems?: readonly InputProblem[];
  readonly evidence?: readonly EvidenceFile[];
  /** Whether the stack was judged as a whole. Default: true. */
  readonly complete?: boolean;
}

/** Name of the pack in reports. */
const PACK_NAME = "rlhf-audit-trail-policies";

/** SHA-256 of a text, with its prefix. */
export function sha256(text: string | Buffer): string {
  return `sha256:${createHash("sha256").update(text).digest("hex")}`;
}

/** Makes a report; findings stand in it by resource, the gravest first. */
export function makeReport(parts: ReportParts): Report {
  const { tool, run, settings, configurationFile, now, rules, resources, images = [], problems = [] } = parts;
  const level = (rule: Rule) => settings.rules.get(rule.id)?.level ?? rule.level;
  const enforced = rules.flatMap(({ id, title, severity, why, fix, ...rule }) => {
    const own = settings.rules.get(id)?.level ?? rule.level;
    return own === "disabled" ? [] : [{ id, title, severity, level: own, why, fix, controls: controlsOf(id) }];
  });
  const complete = (parts.complete ?? true) && problems.length === 0;
  return {
    tool: { name: PACK_NAME, ...tool },
    run,
    configuration: { digest: settingsDigest(settings), ...(configurationFile && { file: configurationFile.name, fileDigest: sha256(configurationFile.content) }) },
    generated: now.toISOString(),
    complete,
    verdict: parts.findings.some((finding) => finding.level === "mandatory") ? "violated" : complete ? "passed" : "incomplete",
    resources,
    images,
    rules: enforced,
    disabled: rules.filter((rule) => level(rule) === "disabled").map(({ id }) => id),
    findings: parts.findings.toSorted((a, b) => rank(a) - rank(b) || compare(a.resource, b.resource) || compare(a.rule, b.rule) || compare(a.path, b.path)),
    problems,
    evidence: reportEvidence(parts.evidence ?? [], now),
  };
}

/** A verdict as a report tells it. */
export function reportFinding({ rule, level, status, resource, path, message, waiver }: Verdict): ReportFinding {
  const source = resource?.source;
  return {
    rule: rule.id, severity: rule.severity, level, status, resource: resource?.id ?? "stack", path, message, fix: rule.fix, controls: controlsOf(rule.id),
    ...(source && { file: source.file, line: source.line }),
    ...(waiver && { waiver: { reason: waiver.reason, requestedBy: waiver.requestedBy, approver: waiver.approver, expires: waiver.expires, ...(waiver.digest !== undefined && { digest: waiver.digest }) } }),
  };
}

/** A stable UUID (version 5 in form) from words, so that the same report has the same ids. */
export function stableUuid(...words: readonly string[]): string {
  const hex = createHash("sha256").update(words.join("\u0000")).digest("hex");
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-5${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}

function settingsDigest(settings: Settings): string {
  const rules = [...settings.rules].map(([id, { level, parameters }]) => ({ id, level, parameters })).toSorted((a, b) => compare(a.id, b.id));
  return sha256(canonicalize({ rules, waivers: settings.waivers }) ?? "");
}

const SEVERITIES: readonly Severity[] = ["critical", "high", "medium", "low"];

function rank(finding: ReportFinding): number {
  return (finding.level === "mandatory" ? 0 : finding.status === "waived" ? 20 : 10) + SEVERITIES.indexOf(finding.severity);
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
