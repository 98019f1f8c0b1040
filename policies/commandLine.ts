/** `npm run policy -- scan PATH…`: the pack's rules over what is declared, without Pulumi. */
import { isatty } from "node:tty";
import { parseArgs } from "node:util";
import { ConfigurationError, readConfiguration } from "./configuration-file.ts";
import type { InputItem } from "./documents.ts";
import { readEvidence } from "./evidence-files.ts";
import { readInputs } from "./inputs.ts";
import type { ScanReport } from "./reports/scan-report.ts";
import { RULES } from "./rules/index.ts";
import { scan, type ScanListener } from "./scan.ts";
import { defaultSettings } from "./settings.ts";
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
  const report = await reportsOf(values.report);
  const items = await itemsOf(positionals, values);
  const evidence = readEvidence(values.evidence ?? "compliance");
  if (values.evidence !== undefined && !evidence) throw new UserError(`--evidence ${values.evidence}: no such directory`);
  const { settings, text } = values.config === undefined ? { settings: defaultSettings(RULES), text: "" } : await readConfiguration(RULES, values.config);
  const now = new Date();
  const terminal = report?.toStandardOutput ? undefined : new TerminalReport(print, isatty(1) && process.env.NO_COLOR === undefined);
  const listeners: ScanListener[] = [terminal, report].filter((one) => one !== undefined);
  const counts = await scan(items, RULES, settings, { now, ...(evidence && { evidence }) }, {
    verdicts: (verdicts) => listeners.forEach((one) => one.verdicts(verdicts)),
    problem: (problem) => listeners.forEach((one) => one.problem(problem)),
    ...(report && { resource: report.resource }),
  });
  terminal?.end(counts);
  if (report) await telling(() => report.write({ settings, ...(values.config !== undefined && { configurationFile: { name: values.config, content: text } }), ...(evidence && { evidence }), now }, counts.resources));
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

/** The reports that are asked for; loaded only then. */
async function reportsOf(written: readonly string[]): Promise<ScanReport | undefined> {
  if (written.length === 0) return undefined;
  const { ScanReport } = await import("./reports/scan-report.ts");
  return telling(() => new ScanReport(written));
}

/** What a report refuses, as the option's error. */
async function telling<T>(work: () => T): Promise<T> {
  const { ReportError } = await import("./reports/targets.ts");
  try {
    return work();
  } catch (error) {
    if (!(error instanceof ReportError)) throw error;
    throw new UserError(`--report: ${error.message}`);
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
