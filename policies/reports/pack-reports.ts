/** Reports of a pack that serves Pulumi: asked for by variables of its environment, since a pack has no options of its own. */
import { readFileSync } from "node:fs";
import { basename } from "node:path";
import type { EvidenceFile } from "../evidence.ts";
import pack from "../package.json" with { type: "json" };
import { RULES } from "../rules/index.ts";
import type { Session } from "../session.ts";
import { parseSettings, type Settings } from "../settings.ts";
import { Recorder, ReportWriter } from "./recorder.ts";
import { makeReport, sha256, type Report } from "./report.ts";
import { parseTargets, ReportError } from "./targets.ts";

/** What collects, and what writes. */
export interface PackReports {
  readonly recorder: Recorder;
  readonly writer: ReportWriter;
}

/**
 * Reports as `POLICY_REPORTS` asks for them (`FORMAT=FILE`, several with `;` between them, absolute paths; `{stack}` stands for the stack's name);
 * undefined when it is not set. `POLICY_CONFIG` may name the configuration file, whose digest then stands in the report.
 * Ends the process with status 1 when one can't be written.
 * @param session asked when a report is made
 */
export function packReports(environment: NodeJS.ProcessEnv, session: () => Session, evidence: readonly EvidenceFile[] | undefined): PackReports | undefined {
  const written = environment.POLICY_REPORTS;
  if (written === undefined || written.trim() === "") return undefined;
  try {
    const targets = parseTargets(written.replaceAll("{stack}", environment.PULUMI_STACK ?? environment.PULUMI_NODEJS_STACK ?? "stack"));
    const digest = sha256(readFileSync(__filename));
    const file = environment.POLICY_CONFIG;
    const configurationFile = file === undefined ? undefined : { name: basename(file), content: readFileSync(file, "utf8") };
    const recorder = new Recorder();
    const make = (complete: boolean): Report =>
      makeReport({
        tool: { version: pack.version, digest },
        run: runOf(session()),
        settings: settingsOf(session()),
        ...(configurationFile && { configurationFile }),
        now: new Date(),
        rules: RULES,
        resources: recorder.resources,
        images: recorder.images.list(),
        findings: recorder.findings,
        ...(evidence && { evidence }),
        complete,
      });
    const writer = new ReportWriter(targets, make);
    process.on("exit", writer.last);
    return { recorder, writer };
  } catch (error) {
    process.stderr.write(`error: the policy reports that POLICY_REPORTS asks for: ${error instanceof ReportError ? error.message : String(error)}\n`);
    process.exit(1);
  }
}

function runOf({ stack }: Session): Report["run"] {
  if (!stack) return { kind: "preview" };
  const { organization, project, stack: name, dryRun } = stack;
  return { kind: dryRun ? "preview" : "update", organization, project, stack: name };
}

function settingsOf({ configured }: Session): Settings {
  const written = [...(configured ?? [])].map(([name, { level, parameters }]) => [name, { enforcementLevel: level, ...parameters }] as const);
  return parseSettings(RULES, Object.fromEntries(written), "policy pack configuration");
}
