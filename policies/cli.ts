/** `npm run policy -- scan PATH…`: the pack's rules over files, without Pulumi. */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { readEvidence } from "./evidence-files.ts";
import { stops } from "./evaluate.ts";
import pack from "./package.json" with { type: "json" };
import { FORMATS } from "./reports/index.ts";
import { makeReport, type Report } from "./reports/report.ts";
import { RULES } from "./rules/index.ts";
import { scan } from "./scan.ts";
import { defaultSettings, parseSettings, SettingsError, type Settings } from "./settings.ts";
import { terminalReport } from "./terminal.ts";

const USAGE = `usage: npm run policy -- scan PATH… [--config FILE] [--evidence DIRECTORY] [--report FORMAT=FILE]…
       npm run policy -- list
       npm run policy -- scorecard CASES [--all]
       npm run policy -- pod-security DIRECTORY

scan   judges YAML and JSON manifests and exported Pulumi states; a directory means all such files below it, - standard input
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
    for (const rule of RULES) process.stdout.write(`${rule.id.padEnd(36)} ${rule.severity.padEnd(8)} ${rule.level.padEnd(9)} ${rule.title}\n`);
    return 0;
  }
  if (command === "scorecard") return (await import("./scorecard.ts")).scorecard(rest);
  if (command === "pod-security") return (await import("./pod-security.ts")).podSecurity(rest);
  process.stderr.write(`${USAGE}\n`);
  return command === undefined || command === "help" || command === "--help" ? 0 : 1;
}

function runScan(args: string[]): number {
  const { values, positionals } = options(args);
  if (positionals.length === 0) throw new UserError(`scan: no path given\n${USAGE}`);
  const evidence = readEvidence(values.evidence ?? "compliance");
  if (values.evidence !== undefined && !evidence) throw new UserError(`--evidence ${values.evidence}: no such directory`);
  const reports = values.report.map(reportTarget);
  const now = new Date();
  const configured = settings(values.config);
  const result = scan(positionals, RULES, configured, { now, ...(evidence && { evidence }) });
  const enforced = RULES.filter((rule) => configured.rules.get(rule.id)?.level !== "disabled");
  const report = makeReport(result, enforced, { version: pack.version, configuration: values.config === undefined ? "" : readFileSync(values.config, "utf8"), now });
  for (const { format, file } of reports) writeReport(file, format(report));
  if (!reports.some(({ file }) => file === "-")) process.stdout.write(terminalReport(result, process.stdout.isTTY && process.env.NO_COLOR === undefined));
  // Something unread is the graver answer: what was judged is not all there is.
  if (result.problems.length > 0) return 1;
  return result.verdicts.some(stops) ? 2 : 0;
}

function reportTarget(written: string): { format: (report: Report) => string; file: string } {
  const [name = "", file = ""] = written.split(/=(.*)/s);
  const format = FORMATS[name];
  if (!format || file === "") throw new UserError(`--report ${written}: write FORMAT=FILE, where FORMAT is one of ${Object.keys(FORMATS).join(", ")}`);
  return { format, file };
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
    return parseArgs({ args, allowPositionals: true, options: { config: { type: "string" }, evidence: { type: "string" }, report: { type: "string", multiple: true, default: [] } } });
  } catch (error) {
    throw new UserError(error instanceof Error ? error.message : String(error));
  }
}

function settings(file: string | undefined): Settings {
  if (file === undefined) return defaultSettings(RULES);
  if (!existsSync(file)) throw new UserError(`--config ${file}: no such file`);
  let content: unknown;
  try {
    content = JSON.parse(readFileSync(file, "utf8"));
  } catch (error) {
    throw new UserError(`--config ${file}: ${error instanceof Error ? error.message : String(error)}`);
  }
  return parseSettings(RULES, content, file);
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  if (!(error instanceof UserError) && !(error instanceof SettingsError)) throw error;
  process.stderr.write(`error: ${error.message}\n`);
  process.exitCode = 1;
}
