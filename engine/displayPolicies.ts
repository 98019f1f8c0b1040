/** What the policies said, the worst first, by resource; and which packs said it. */
import { type Finding, type PackRun, type Remediation } from "./model.ts";
import { changeLines } from "./displayValues.ts";
import { type Style } from "./style.ts";

/** Most resources that are named where the same is said of several. */
const mostNamed = 6;
const severities: readonly (string | undefined)[] = ["critical", "high", "medium", "low", undefined];

/** Lines for the packs that ran, loud where one judged nothing. */
export function packLines(packs: readonly PackRun[], style: Style): string[] {
  return packs.flatMap((pack) => {
    const active = pack.policies - pack.disabled.length;
    const seen = `${active} of ${count(pack.policies, "policy", "policies")} over ${count(pack.resourcesAnalyzed, "resource")}`;
    const lines = [`${style("strong", `${pack.name} v${pack.version}`)}  ${seen}`];
    lines.push(style("faint", `  pack sha256:${pack.digest}`));
    if (pack.configDigest !== undefined)
      lines.push(style("faint", `  configuration ${pack.configPath ?? ""} sha256:${pack.configDigest}`));
    if (pack.disabled.length > 0 && active > 0) lines.push(style("warn", `  disabled: ${pack.disabled.join(", ")}`));
    if (active === 0)
      lines.push(
        style(
          "bad",
          `  WARNING: this pack judged NOTHING: ${pack.policies === 0 ? "it has no policies" : "all its policies are disabled"}.`,
        ),
      );
    else if (pack.resourcesAnalyzed === 0) lines.push(style("bad", "  WARNING: this pack saw NO resource."));
    if (pack.resourcesUnchecked > 0)
      lines.push(
        style("bad", `  WARNING: ${count(pack.resourcesUnchecked, "resource")} went UNCHECKED after the pack failed.`),
      );
    return lines;
  });
}

/**
 * Lines for the findings: mandatory before advisory, by severity, the findings of one resource together. Advice that is the same for several
 * places is told once.
 * @param full tells each finding by itself
 */
export function findingLines(findings: readonly Finding[], style: Style, full = false): string[] {
  const sorted = [...findings].sort((a, b) => weight(a) - weight(b));
  const alike = Map.groupBy(sorted, (finding) => (full || finding.level === "mandatory" ? finding : sameAdvice(finding)));
  const repeated = [...alike.values()].filter((group) => group.length > 1);
  const once = sorted.filter((finding) => !repeated.some((group) => group.includes(finding)));
  const byResource = Map.groupBy(once, ({ urn }) => urn ?? "");
  return [
    ...[...byResource].flatMap(([urn, group]) => [
      style("strong", resourceTitle(urn)),
      ...group.flatMap((finding) => oneFinding(finding, style)),
    ]),
    ...(repeated.length === 0 ? [] : [style("strong", "the same in several places (each by itself with --diff)")]),
    ...repeated.flatMap((group) => repeatedFinding(group, style)),
  ];
}

/** What makes two findings the same: all but the resource, and which item of a list is meant. */
function sameAdvice({ pack, policy, level, severity, message }: Finding): string {
  return JSON.stringify([pack, policy, level, severity, message.replace(/\[\d+\]/g, "[]")]);
}

function repeatedFinding(group: readonly Finding[], style: Style): string[] {
  const [first] = group;
  if (first === undefined) return [];
  const [head = "", ...rest] = oneFinding(first, style);
  const names = [...new Set(group.map(({ urn }) => (urn === undefined ? "the stack" : urn.slice(urn.lastIndexOf("::") + 2))))];
  const shown = names.length <= mostNamed ? names : [...names.slice(0, mostNamed - 1), `${names.length - mostNamed + 1} more`];
  const places = `${group.length} findings in ${count(names.length, "resource")}`;
  return [`${head}  ${places}`, ...rest, `      ${style("faint", `in ${shown.join(", ")}`)}`];
}

/** Lines for what packs changed in resources. */
export function remediationLines(remediations: readonly Remediation[], style: Style, full: boolean): string[] {
  return remediations.flatMap(({ policy, urn, changes }) => [
    `${style("strong", resourceTitle(urn))}  changed by ${policy}`,
    ...changes.flatMap((change) => changeLines(change, style, full)).map((line) => `    ${line}`),
  ]);
}

function oneFinding(finding: Finding, style: Style): string[] {
  const bad = finding.level === "mandatory";
  const severity = finding.severity === undefined ? "" : ` ${finding.severity}`;
  const head = `  ${style(bad ? "bad" : "warn", `${bad ? "✗" : "!"} [${finding.level}${severity}]`)} ${finding.policy}`;
  const lines = finding.message.split("\n").map((line) => `      ${line}`);
  const { remediation } = finding;
  // Packs that say the fix in the message need not be repeated.
  if (remediation !== undefined && !finding.message.includes(remediation))
    lines.push(
      ...remediation.split("\n").map((line, index) => `      ${style("good", index === 0 ? "fix:" : "    ")} ${line}`),
    );
  if (finding.url !== undefined) lines.push(`      ${style("faint", finding.url)}`);
  return [head, ...lines];
}

function weight(finding: Finding): number {
  return (finding.level === "mandatory" ? 0 : 10) + severities.indexOf(finding.severity);
}

/** `type  name` of a URN; the stack for none. */
export function resourceTitle(urn: string): string {
  if (urn === "") return "the stack as a whole";
  const [, , types = "", ...name] = urn.replace(/^urn:pulumi:/, "").split("::");
  return `${types.slice(types.lastIndexOf("$") + 1)}  ${name.join("::")}`;
}

/** `1 resource`, `2 resources`. */
export function count(n: number, one: string, many = `${one}s`): string {
  return `${n} ${n === 1 ? one : many}`;
}
