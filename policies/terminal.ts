/** Findings as a person reads them at a terminal: by resource, the worst first. */
import { styleText } from "node:util";
import type { InputProblem } from "./documents.ts";
import { stops, type Verdict } from "./evaluate.ts";
import type { ScanCounts, ScanListener } from "./scan.ts";
import type { Severity } from "./rule.ts";

const WORST_FIRST: readonly Severity[] = ["critical", "high", "medium", "low"];
/** Findings that are held back to be grouped. A scan with more of them is printed in parts, and a resource with findings of stack rules may come twice. */
const HELD = 20_000;

/** Prints what a scan finds. */
export class TerminalReport implements ScanListener {
  readonly #write: (text: string) => void;
  readonly #colour: boolean;
  #groups = new Map<string, Verdict[]>();
  #problems: InputProblem[] = [];
  #held = 0;
  #started = false;

  /** @param colour whether the reader's terminal shows colour */
  constructor(write: (text: string) => void, colour: boolean) {
    this.#write = write;
    this.#colour = colour;
  }

  readonly verdicts = (verdicts: readonly Verdict[]): void => {
    for (const verdict of verdicts) {
      const id = verdict.resource?.id ?? "stack";
      const group = this.#groups.get(id);
      if (group) group.push(verdict);
      else this.#groups.set(id, [verdict]);
      this.#held += 1;
      if (this.#held >= HELD) this.#print();
    }
  };

  readonly problem = (problem: InputProblem): void => {
    this.#problems.push(problem);
    this.#held += 1;
    if (this.#held >= HELD) this.#print();
  };

  /** Prints the rest, and the line of counts. */
  end(counts: ScanCounts): void {
    this.#print();
    const parts = [`${counts.resources} resources`, `${counts.mandatory} mandatory`, `${counts.advisory} advisory`, `${counts.waived} waived`];
    if (counts.unread > 0) parts.push(`${counts.unread} could not be read`);
    this.#write(`${this.#started ? "\n" : ""}${parts.join(", ")}\n`);
  }

  #print(): void {
    const lines = this.#problems.map((problem) => `${this.#paint("red", "error")} ${problem.file}${problem.line === undefined ? "" : `:${problem.line}`}: ${problem.message}`);
    for (const [id, verdicts] of this.#groups) lines.push("", ...this.#group(id, verdicts));
    this.#groups = new Map();
    this.#problems = [];
    this.#held = 0;
    if (lines.length === 0) return;
    if (!this.#started && lines[0] === "") lines.shift();
    this.#started = true;
    this.#write(`${lines.join("\n")}\n`);
  }

  #group(id: string, verdicts: readonly Verdict[]): string[] {
    const source = verdicts[0]?.resource?.source;
    const lines = [this.#paint("bold", id) + (source ? this.#paint("dim", `  ${source.file}:${source.line}`) : "")];
    for (const verdict of verdicts.toSorted((a, b) => rank(a) - rank(b))) {
      const mark = verdict.status === "waived" ? this.#paint("cyan", "waived   ") : stops(verdict) ? this.#paint("red", "mandatory") : this.#paint("yellow", "advisory ");
      lines.push(`  ${mark} ${verdict.rule.severity.padEnd(8)} ${this.#paint("bold", verdict.rule.id)}  ${verdict.path === "" ? "" : `${verdict.path}: `}${verdict.message}`);
      if (verdict.waiver) lines.push(`            until ${verdict.waiver.expires} by ${verdict.waiver.approver}: ${verdict.waiver.reason}`);
      else if (verdict.status !== "error") lines.push(this.#paint("dim", `            fix: ${verdict.rule.fix}`));
    }
    return lines;
  }

  #paint(format: Parameters<typeof styleText>[0], text: string): string {
    return this.#colour ? styleText(format, text, { validateStream: false }) : text;
  }
}

function rank(verdict: Verdict): number {
  return (stops(verdict) ? 0 : 10) + WORST_FIRST.indexOf(verdict.rule.severity);
}
