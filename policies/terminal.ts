/** Findings as a person reads them at a terminal: by resource, the worst first. */
import { styleText } from "node:util";
import { stops, type Verdict } from "./evaluate.ts";
import type { ScanResult } from "./scan.ts";
import type { Severity } from "./rule.ts";

const WORST_FIRST: readonly Severity[] = ["critical", "high", "medium", "low"];

/** The whole report. @param colour whether the reader's terminal shows colour */
export function terminalReport(result: ScanResult, colour: boolean): string {
  const paint = (format: Parameters<typeof styleText>[0], text: string) => (colour ? styleText(format, text, { validateStream: false }) : text);
  const lines: string[] = [];
  for (const problem of result.problems) lines.push(`${paint("red", "error")} ${problem.file}${problem.line === undefined ? "" : `:${problem.line}`}: ${problem.message}`);
  for (const [id, verdicts] of byResource(result.verdicts)) {
    const source = verdicts[0]?.resource?.source;
    lines.push("", paint("bold", id) + (source ? paint("dim", `  ${source.file}:${source.line}`) : ""));
    for (const verdict of verdicts.toSorted((a, b) => rank(a) - rank(b))) {
      const mark = verdict.status === "waived" ? paint("cyan", "waived   ") : stops(verdict) ? paint("red", "mandatory") : paint("yellow", "advisory ");
      lines.push(`  ${mark} ${verdict.rule.severity.padEnd(8)} ${paint("bold", verdict.rule.id)}  ${verdict.path === "" ? "" : `${verdict.path}: `}${verdict.message}`);
      if (verdict.waiver) lines.push(`            until ${verdict.waiver.expires} by ${verdict.waiver.approver}: ${verdict.waiver.reason}`);
      else if (verdict.status !== "error") lines.push(paint("dim", `            fix: ${verdict.rule.fix}`));
    }
  }
  lines.push("", summary(result));
  return `${lines.join("\n").trimStart()}\n`;
}

/** One line of counts. */
function summary(result: ScanResult): string {
  const count = (keep: (verdict: Verdict) => boolean) => result.verdicts.filter(keep).length;
  const waived = count((verdict) => verdict.status === "waived");
  const mandatory = count(stops);
  const parts = [`${result.resources} resources`, `${mandatory} mandatory`, `${result.verdicts.length - mandatory - waived} advisory`, `${waived} waived`];
  if (result.problems.length > 0) parts.push(`${result.problems.length} could not be read`);
  return parts.join(", ");
}

function rank(verdict: Verdict): number {
  return (stops(verdict) ? 0 : 10) + WORST_FIRST.indexOf(verdict.rule.severity);
}

function byResource(verdicts: readonly Verdict[]): Map<string, Verdict[]> {
  const groups = new Map<string, Verdict[]>();
  for (const verdict of verdicts) {
    const id = verdict.resource?.id ?? "stack";
    const group = groups.get(id);
    if (group) group.push(verdict);
    else groups.set(id, [verdict]);
  }
  return groups;
}
