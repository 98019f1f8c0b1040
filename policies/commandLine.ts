/** `npm run policy -- scan PATH…`: the pack's rules over what is declared, without Pulumi. */
import { writeFileSync } from "node:fs";
import { isatty } from "node:tty";
import { parseArgs } from "node:util";
import { ConfigurationError, readConfiguration } from "./configuration-file.ts";
import type { InputItem, InputProblem } from "./documents.ts";
import { readEvidence } from "./evidence-files.ts";
import type { Verdict } from "./evaluate.ts";
import { readInputs } from "./inputs.ts";
import pack from "./package.json" with { type: "json" };
import { RULES } from "./rules/index.ts";
import { scan, type ScanListener } from "./scan.ts";
import { defaultSettings, type Settings } from "./settings.ts";
import { print } from "./standard-output.ts";
import { TerminalReport } from "./terminal.ts";

const USAGE = `usage: npm run policy -- scan PATH… [--config FILE] [--evidence DIRECTORY] [--report FORMAT=FILE]…
       npm run policy -- scan --namespace NAME [--kubeconfig FILE] [as above]
       npm run policy -- list
       npm run policy -- scorecard CASES [--all]
       npm run policy -- pod-security DIRECTORY

scan   judges YAML and JSON manifests and exported Pulumi states; a directory means all such files below it, - standard input
       --namespace NAME      judges instead what a live namespace holds, as it was declared; only reads
       --kubeconfig FILE     where the cluster is (default: KUBECONFIG, else ~/.kube/config)
       --config FILE         enforcement and parameters, in the shape of --policy-pack-config (policies/config/*.json)
       --evidence DIRECTORY  compliance evidence (default: compliance, when it is there)
       --report FORMAT=FILE  also writes a report; FORMAT is json, sarif, junit, openreports, oscal, oscal-component or html; FILE - is standard output
list   prints every policy with its severity and default enforcement
scorecard     judges labelled cases; pod-security judges Pod Security's own fixtures

exit status: 0 nothing mandatory is broken, 1 something could not be read, 2 a mandatory policy is broken`;

/** Most findings that a report file may have: a report is made as a whole, in memory. The terminal's has no limit. */
const MOST_REPORTED = 250_000;

/** An error that a person can act on; printed without a stack. */
class UserError extends Error {}

async function main(args: readonly string[]): Promise<number> {
  const [command, ...rest] = args;
  if (command === "scan") return runScan(rest);
  if (command === "list") {
    for (const rule of RULES) print(`${rule.id.padEnd(36)} ${rule.severity.padEnd(8)} ${rule.level.padEnd(9)} ${rule.title}\n`);
    return 0;
  }
  if (command === "scorecard") return (await import("./scorecard.ts")).scorecard(rest);
  if (command === "pod-security") return (await import("./pod-security.ts")).podSecurity(rest);
  process.stderr.write(`${USAGE}\n`);
  return command === undefined || command === "help" || command === "--help" ? 0 : 1;
}

async function runScan(args: string[]): Promise<number> {
  const { values, positionals } = options(args);
  const reports = await reportTargets(values.report);
  const items = await itemsOf(positionals, values);
  const evidence = readEvidence(values.evidence ?? "compliance");
  if (values.evidence !== undefined && !evidence) throw new UserError(`--evidence ${values.evidence}: no such directory`);
  const { settings, text } = values.config === undefined ? { settings: defaultSettings(RULES), text: "" } : await readConfiguration(RULES, values.config);
  const now = new Date();
  const terminal = reports.some(({ file }) => file === "-") ? undefined : new TerminalReport(print, isatty(1) && process.env.NO_COLOR === undefined);
  const collected = reports.length > 0 ? new Collected() : undefined;
  const listeners: ScanListener[] = [terminal, collected].filter((one) => one !== undefined);
  const counts = await scan(items, RULES, settings, { now, ...(evidence && { evidence }) }, {
    verdicts: (verdicts) => listeners.forEach((one) => one.verdicts(verdicts)),
    problem: (problem) => listeners.forEach((one) => one.problem(problem)),
  });
  terminal?.end(counts);
  if (collected) await writeReports(reports, collected, counts.resources, settings, text, now);
  // Something unread is the graver answer: what was judged is not all there is.
  if (counts.unread > 0) return 1;
  return counts.mandatory > 0 ? 2 : 0;
}

/** What is to be judged: what stands under the paths, or in a live namespace. */
async function itemsOf(paths: readonly string[], { namespace, kubeconfig }: { namespace?: string | undefined; kubeconfig?: string | undefined }): Promise<Iterable<InputItem> | AsyncIterable<InputItem>> {
  if (namespace === undefined) {
    if (kubeconfig !== undefined) throw new UserError("--kubeconfig is for --namespace, which is not given");
    if (paths.length === 0) throw new UserError(`scan: no path given\n${USAGE}`);
    return readInputs(paths);
  }
  if (paths.length > 0) throw new UserError(`scan: give paths or --namespace, not both (${paths.join(" ")})`);
  const [{ connect }, { LiveError, readNamespace }] = await Promise.all([import("./live-client.ts"), import("./live.ts")]);
  try {
    return readNamespace(await connect(kubeconfig), namespace);
  } catch (error) {
    if (!(error instanceof LiveError)) throw error;
    throw new UserError(`--namespace ${namespace}: ${error.message}`);
  }
}

/** What report files are made of. */
class Collected implements ScanListener {
  readonly found: Verdict[] = [];
  readonly unread: InputProblem[] = [];
  #overflow = 0;

  readonly verdicts = (verdicts: readonly Verdict[]): void => {
    if (this.found.length + verdicts.length > MOST_REPORTED) this.#overflow += verdicts.length;
    // A report names resources and doesn't quote them: what they hold is let go.
    else for (const verdict of verdicts) this.found.push(verdict.resource ? { ...verdict, resource: { ...verdict.resource, data: {} } } : verdict);
  };

  readonly problem = (problem: InputProblem): void => {
    this.unread.push(problem);
  };

  /** @throws {UserError} when there was too much to report */
  complete(): { verdicts: readonly Verdict[]; problems: readonly InputProblem[] } {
    if (this.#overflow > 0) throw new UserError(`--report: ${this.found.length + this.#overflow} findings are more than the ${MOST_REPORTED} that a report may have, and none is written; scan in parts, or set policies to disabled by --config`);
    return { verdicts: this.found, problems: this.unread };
  }
}

async function writeReports(targets: readonly ReportTarget[], collected: Collected, resources: number, settings: Settings, configuration: string, now: Date): Promise<void> {
  const [{ FORMATS }, { makeReport }] = await Promise.all([import("./reports/index.ts"), import("./reports/report.ts")]);
  const enforced = RULES.filter((rule) => settings.rules.get(rule.id)?.level !== "disabled");
  const report = makeReport({ resources, ...collected.complete() }, enforced, { version: pack.version, configuration, now });
  for (const { format, file } of targets) writeReport(file, FORMATS[format]?.(report) ?? "");
}

interface ReportTarget {
  readonly format: string;
  readonly file: string;
}

async function reportTargets(written: readonly string[]): Promise<ReportTarget[]> {
  if (written.length === 0) return [];
  const { FORMATS } = await import("./reports/index.ts");
  return written.map((one) => {
    const [format = "", file = ""] = one.split(/=(.*)/s);
    if (!FORMATS[format] || file === "") throw new UserError(`--report ${one}: write FORMAT=FILE, where FORMAT is one of ${Object.keys(FORMATS).join(", ")}`);
    return { format, file };
  });
}

function writeReport(file: string, content: string): void {
  if (file === "-") {
    process.stdout.write(content);
    return;
  }
  try {
    writeFileSync(file, content);
  } catch (error) {
    throw new UserError(`--report ${file}: ${error instanceof Error ? error.message : String(error)}`);
  }
}

function options(args: string[]) {
  try {
    return parseArgs({ args, allowPositionals: true, options: { namespace: { type: "string" }, kubeconfig: { type: "string" }, config: { type: "string" }, evidence: { type: "string" }, report: { type: "string", multiple: true, default: [] } } });
  } catch (error) {
    throw new UserError(error instanceof Error ? error.message : String(error));
  }
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  if (!(error instanceof UserError) && !(error instanceof ConfigurationError)) throw error;
  process.stderr.write(`error: ${error.message}\n`);
  process.exitCode = 1;
}
