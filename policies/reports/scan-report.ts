/** Reports of a scan of files. */
import type { InputProblem } from "../documents.ts";
import type { Verdict } from "../evaluate.ts";
import type { EvidenceFile } from "../evidence.ts";
import pack from "../package.json" with { type: "json" };
import type { Resource } from "../resource.ts";
import { RULES } from "../rules/index.ts";
import type { ScanListener } from "../scan.ts";
import type { Settings } from "../settings.ts";
import { ImageUses } from "./recorder.ts";
import { makeReport, reportFinding, type ReportFinding } from "./report.ts";
import { checkWritable, parseTarget, ReportError, writeReport, type ReportTarget } from "./targets.ts";

/** Most findings that a report file may have: a report is made as a whole, in memory. The terminal's has no limit. */
const MOST_REPORTED = 250_000;

/** What a scan was asked to judge, and how. */
export interface ScanQuestion {
  readonly settings: Settings;
  readonly configurationFile?: { readonly name: string; readonly content: string };
  readonly evidence?: readonly EvidenceFile[];
  readonly now: Date;
}

/** Hears what a scan finds, and writes it. */
export class ScanReport implements ScanListener {
  readonly #targets: readonly ReportTarget[];
  readonly #images = new ImageUses();
  readonly #findings: ReportFinding[] = [];
  readonly #problems: InputProblem[] = [];
  #overflow = 0;

  /** @param written `FORMAT=FILE`, each as the option `--report` has it. @throws {ReportError} */
  constructor(written: readonly string[]) {
    this.#targets = written.map(parseTarget);
    for (const { file } of this.#targets) checkWritable(file);
  }

  /** True when one of the reports is for standard output. */
  get toStandardOutput(): boolean {
    return this.#targets.some(({ file }) => file === "-");
  }

  readonly resource = (resource: Resource): void => this.#images.add(resource);

  readonly verdicts = (verdicts: readonly Verdict[]): void => {
    if (this.#findings.length + verdicts.length > MOST_REPORTED) this.#overflow += verdicts.length;
    else for (const verdict of verdicts) this.#findings.push(reportFinding(verdict));
  };

  readonly problem = (problem: InputProblem): void => {
    this.#problems.push(problem);
  };

  /** Writes the reports. @throws {ReportError} also when there was too much to report */
  write(question: ScanQuestion, resources: number): void {
    if (this.#overflow > 0) throw new ReportError(`${this.#findings.length + this.#overflow} findings are more than the ${MOST_REPORTED} that a report may have, and none is written; scan in parts, or set policies to disabled by --config`);
    const report = makeReport({ ...question, tool: { version: pack.version }, run: { kind: "scan" }, rules: RULES, resources, images: this.#images.list(), findings: this.#findings, problems: this.#problems });
    for (const target of this.#targets) writeReport(target, report);
  }
}
