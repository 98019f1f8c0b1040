/**
 * Reports that a policy pack writes of its judgement, for a pack that can: it is asked by the variable `POLICY_REPORTS` (`FORMAT=FILE`, several with `;`
 * between them), and told by `POLICY_CONFIG` which file configures it. What it was asked for must be there afterwards.
 */
import { statSync } from "node:fs";
import { resolve } from "node:path";
import { UserError } from "./errors.ts";

/** Stands for the stack's name in a report's file name. */
const stackMark = "{stack}";

/** The reports of one operation on one stack. */
export class PolicyReports {
  readonly #files: Map<string, string>;
  readonly #before: ReadonlyMap<string, string>;

  /**
   * @param asked each as `FORMAT=FILE`; `{stack}` in it stands for the stack's name
   * @param packs number of packs that run
   * @throws UserError when one is written wrong, or no pack or several would write it
   */
  constructor(asked: readonly string[], stack: string, packs: number) {
    this.#files = new Map(asked.map((each) => readReport(each, stack)));
    if (asked.length > 0 && packs !== 1)
      throw new UserError(
        `--report asks one policy pack for a report, and ${packs === 0 ? "none runs" : `${packs} run`}.`,
        packs === 0 ? "Name one with --policy-pack." : "Preview with one --policy-pack at a time.",
      );
    this.#before = new Map([...this.#files.keys()].map((file) => [file, versionOf(file)]));
  }

  /** What the pack's environment has to say for it. */
  environment(configPath: string | undefined): NodeJS.ProcessEnv {
    if (this.#files.size === 0) return {};
    const reports = [...this.#files].map(([file, format]) => `${format}=${file}`).join(";");
    return { POLICY_REPORTS: reports, ...(configPath !== undefined && { POLICY_CONFIG: resolve(configPath) }) };
  }

  /** What was asked for and not written, in words. */
  missing(): string[] {
    const files = [...this.#files.keys()].filter((file) => versionOf(file) === this.#before.get(file));
    return files.map(
      (file) => `The report ${file} was not written by the policy pack; what it printed above may say why.`,
    );
  }
}

/**
 * Refuses reports of several stacks in one file.
 * @throws UserError
 */
export function refuseOneFile(asked: readonly string[], stacks: readonly string[]): void {
  const shared = asked.find((each) => !each.includes(stackMark));
  if (stacks.length > 1 && shared !== undefined)
    throw new UserError(
      `--report ${shared} names one file, and there are ${stacks.length} stacks.`,
      `Write ${stackMark} in its name, as in html=report-${stackMark}.html, or name one stack with --stack.`,
    );
}

function readReport(asked: string, stack: string): [file: string, format: string] {
  const [, format, file] = /^([\w-]+)=([^;]+)$/.exec(asked) ?? [];
  if (format === undefined || file === undefined)
    throw new UserError(`--report ${asked} is no FORMAT=FILE.`, "Write, for example, --report html=report.html.");
  return [resolve(file.replaceAll(stackMark, stack)), format];
}

/** Tells one writing of a file from another; empty when it is not there. */
function versionOf(file: string): string {
  const found = statSync(file, { throwIfNoEntry: false, bigint: true });
  return found === undefined ? "" : `${found.ino} ${found.mtimeNs}`;
}
