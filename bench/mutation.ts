/** How many small mistakes in the rules their own examples notice. */
import { readdirSync, readFileSync } from "node:fs";
import { registerHooks } from "node:module";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { readEvidence } from "../policies/evidence-files.ts";
import { judgedExamples, type JudgedExample } from "../policies/example-findings.ts";
import type { Rule } from "../policies/rule.ts";
import { mutantsOf, type Mutant } from "./mutants.ts";
import type { Report } from "./measure.ts";

const DIRECTORY = join(import.meta.dirname, "..", "policies", "rules");
/** These hold no rules. */
const OTHERS = new Set(["index.ts", "examples.ts"]);
const QUERY = "?mutant=";

interface FileScore {
  readonly file: string;
  readonly mutants: number;
  readonly survivors: readonly Mutant[];
}

/** What all rules of a module say of their examples, as one text; the mistake is noticed when it is another one, or none. */
type Judge = (module: Record<string, unknown>) => string;

function judge(): Judge {
  const evidence = readEvidence(join(import.meta.dirname, "..", "compliance"));
  const context = { now: new Date("2026-11-23T12:00:00Z"), ...(evidence && { evidence }) };
  return (module) => JSON.stringify(Object.values(module).filter(isRule).map((rule) => ({ id: rule.id, kinds: rule.scope === "resource" ? rule.kinds : [], examples: judgedExamples(rule, context).map(asTested) })));
}

/** What the tests hold fast: words where all is known, and else only that something is said. */
function asTested({ example, findings }: JudgedExample): unknown {
  return { example, findings: example.includes("hidden") ? findings.length > 0 : findings };
}

function isRule(value: unknown): value is Rule {
  return typeof value === "object" && value !== null && "check" in value && "scope" in value;
}

/** Puts sources in place of files, by number. */
class Substitutes {
  readonly #sources = new Map<string, string>();
  #next = 0;

  constructor() {
    registerHooks({
      load: (url, context, nextLoad) => {
        const source = this.#sources.get(url);
        return source === undefined ? nextLoad(url, context) : { format: "module-typescript", source, shortCircuit: true };
      },
    });
  }

  /** Loads a module with another source; its own imports stay as they are. */
  async load(path: string, source: string): Promise<Record<string, unknown>> {
    const url = `${pathToFileURL(path).href}${QUERY}${this.#next++}`;
    this.#sources.set(url, source);
    try {
      return (await import(url)) as Record<string, unknown>;
    } finally {
      this.#sources.delete(url);
    }
  }
}

async function scoreFile(file: string, substitutes: Substitutes, judgeModule: Judge): Promise<FileScore> {
  const path = join(DIRECTORY, file);
  const source = readFileSync(path, "utf8");
  const expected = judgeModule(await substitutes.load(path, source));
  const mutants = mutantsOf(source, file);
  const survivors: Mutant[] = [];
  for (const mutant of mutants) if (!(await notices(path, mutant, expected, substitutes, judgeModule))) survivors.push(mutant);
  return { file, mutants: mutants.length, survivors };
}

async function notices(path: string, mutant: Mutant, expected: string, substitutes: Substitutes, judgeModule: Judge): Promise<boolean> {
  try {
    return judgeModule(await substitutes.load(path, mutant.source)) !== expected;
  } catch {
    // A module that doesn't load, or a rule that throws on its own example, is noticed by every test.
    return true;
  }
}

const percent = ({ mutants, survivors }: Pick<FileScore, "mutants" | "survivors">) => (mutants === 0 ? 100 : (100 * (mutants - survivors.length)) / mutants);

/** Runs the rules' examples against every mutant of every file of rules, or of the one that MUTATION_FILE names (`rbac.ts`). Nothing in it is random: one run is enough. */
export async function run(): Promise<Report> {
  const substitutes = new Substitutes();
  const judgeModule = judge();
  const scores: FileScore[] = [];
  const wanted = process.env.MUTATION_FILE;
  for (const file of readdirSync(DIRECTORY).filter((name) => name.endsWith(".ts") && !OTHERS.has(name) && (wanted === undefined || name === wanted))) scores.push(await scoreFile(file, substitutes, judgeModule));
  const all = { mutants: scores.reduce((sum, { mutants }) => sum + mutants, 0), survivors: scores.flatMap(({ survivors }) => survivors) };
  return {
    title: "Mistakes in policies/rules that the rules' own examples notice",
    figures: [
      ...scores.map((score) => ({ name: score.file, unit: "%" as const, digits: 1, samples: [percent(score)] })),
      { name: "all", unit: "%" as const, digits: 1, samples: [percent(all)] },
      { name: "mistakes tried", unit: "count" as const, digits: 0, samples: [all.mutants] },
    ],
    notes: scores.flatMap(({ file, survivors }) => survivors.map(({ line, original, replacement }) => `${file}:${line} unnoticed: ${shorten(original)} → ${shorten(replacement)}`)),
  };
}

function shorten(text: string): string {
  const line = text.replace(/\s+/g, " ");
  return line.length > 80 ? `${line.slice(0, 79)}…` : line;
}
