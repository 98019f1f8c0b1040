/** An operation's result as text: tree, policies, diagnostics, outputs, summary. */
import { type Diagnostic, type Finding, type OperationResult, type ProjectStack } from "./model.ts";
import { count, findingLines, packLines, remediationLines, resourceTitle } from "./displayPolicies.ts";
import { masker, plainMap } from "./plain.ts";
import { type Plan, outcome, summarize } from "./plan.ts";
import { type Style } from "./style.ts";
import { treeLines } from "./displayTree.ts";
import { valueLines } from "./displayValues.ts";

export interface DisplayOptions {
  style: Style;
  /** All properties instead of the first few. */
  diff: boolean;
  /** Debug messages, too. */
  debug: boolean;
  /** Findings that a preview just above has shown in full. Default: none. */
  shown?: readonly Finding[];
}

/** All lines of a result. */
export function resultLines(
  kind: Plan["kind"],
  target: ProjectStack,
  result: OperationResult,
  options: DisplayOptions,
): string[] {
  const { style, diff, debug } = options;
  const mask = masker(target.configuration.secretTexts ?? []);
  const sections: { title: string; lines: string[] }[] = [
    { title: "", lines: treeLines(result.steps, style, diff) },
    { title: "Outputs", lines: Object.keys(result.outputs).length === 0 ? [] : valueLines(plainMap(result.outputs)) },
    { title: "Changed by policies", lines: remediationLines(result.remediations, style, diff) },
    { title: "Diagnostics", lines: diagnosticLines(result.diagnostics, style, debug) },
    { title: "Policies", lines: policyLines(result, options) },
    {
      title: "Errors",
      lines: result.errors.flatMap((error) =>
        error.split("\n").map((line, index) => (index === 0 ? `${style("bad", "error:")} ${line}` : `       ${line}`)),
      ),
    },
  ];
  const text = sections
    .filter(({ lines }) => lines.length > 0)
    .flatMap(({ title, lines }) => [
      ...(title === "" ? [] : [style("strong", `${title}:`)]),
      ...lines.map((line) => (title === "" ? line : `  ${line}`.trimEnd())),
      "",
    ]);
  return [...text, ...summaryLines(kind, target, result, style), ""].map(mask);
}

/** The packs that ran and what they found; of what was shown before, only how much it is. */
function policyLines({ packs, findings }: OperationResult, { style, diff, shown = [] }: DisplayOptions): string[] {
  const known = new Set(shown.map(sameness));
  const fresh = findings.filter((finding) => !known.has(sameness(finding)));
  const repeated = findings.length - fresh.length;
  const again = repeated === 0 ? [] : [style("faint", `${count(repeated, "finding")} as in the preview above`)];
  return [...packLines(packs, style), ...findingLines(fresh, style, diff), ...again];
}

function sameness({ policy, level, urn, message }: Finding): string {
  return JSON.stringify([policy, level, urn, message]);
}

/** What happened, in two or three lines. */
function summaryLines(kind: Plan["kind"], target: ProjectStack, result: OperationResult, style: Style): string[] {
  const summary = summarize(result.steps);
  const verbs = {
    create: "to create",
    update: "to update",
    replace: "to replace",
    delete: "to delete",
    read: "to read",
    same: "unchanged",
  };
  const past = {
    create: "created",
    update: "updated",
    replace: "replaced",
    delete: "deleted",
    read: "read",
    same: "unchanged",
  };
  const words = kind === "preview" ? verbs : past;
  const parts = (Object.keys(summary) as (keyof typeof summary)[])
    .filter((key) => summary[key] > 0)
    .map((key) => `${summary[key]} ${words[key]}`);
  const mandatory = result.findings.filter(({ level }) => level === "mandatory").length;
  const advisory = result.findings.filter(({ level }) => level === "advisory").length;
  const verdict = {
    clean: style("good", "ok"),
    violation: style("bad", "blocked by policy"),
    error: style("bad", "failed"),
  }[outcome(result)];
  const seconds = (result.durationMs / 1000).toFixed(1);
  const policies =
    result.packs.length === 0
      ? kind === "destroy" ? "" : `; ${style("warn", "no policy pack ran")}`
      : `; ${mandatory} mandatory, ${advisory} advisory ${mandatory + advisory === 1 ? "finding" : "findings"}`;
  return [
    `${style("strong", `${target.project}/${target.stack}`)}: ${verdict}. ${count(total(summary), "resource")}: ${parts.join(", ") || "nothing"}${policies}; ${seconds} s`,
  ];
}

function total(summary: Plan["summary"]): number {
  return Object.values(summary).reduce((sum, n) => sum + n, 0);
}

/** The last word of every streamed message, by resource, errors last: they are what is looked for. */
function diagnosticLines(diagnostics: readonly Diagnostic[], style: Style, debug: boolean): string[] {
  const order = ["debug", "info", "warning", "error"];
  const shown = joinStreams(diagnostics).filter(
    ({ severity, ephemeral, message }) =>
      (debug || severity !== "debug") && ephemeral !== true && message.trim() !== "",
  );
  return shown
    .sort((a, b) => order.indexOf(a.severity) - order.indexOf(b.severity))
    .flatMap(({ severity, message, urn }) => {
      const [first = "", ...rest] = message.trimEnd().split("\n");
      const where = urn === undefined || urn === "" ? "" : `${style("faint", resourceTitle(urn))}  `;
      return [
        `${style(severity === "error" ? "bad" : severity === "warning" ? "warn" : "faint", `${severity}:`)} ${where}${first}`,
        ...rest.map((line) => `  ${line}`),
      ];
    });
}

function joinStreams(diagnostics: readonly Diagnostic[]): Diagnostic[] {
  const streams = new Map<string, Diagnostic>();
  const joined: Diagnostic[] = [];
  for (const diagnostic of diagnostics) {
    const key = `${diagnostic.streamId ?? 0} ${diagnostic.urn ?? ""} ${diagnostic.severity}`;
    const known = (diagnostic.streamId ?? 0) === 0 ? undefined : streams.get(key);
    if (known === undefined) {
      const copy = { ...diagnostic };
      streams.set(key, copy);
      joined.push(copy);
    } else known.message += diagnostic.message;
  }
  return joined;
}
