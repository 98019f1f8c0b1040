/** The resources of a plan as a tree by parent. */
import { type Operation, type Step } from "./model.ts";
import { changeLines, valueLines } from "./displayValues.ts";
import { isReplacement } from "./plan.ts";
import { plainMap } from "./plain.ts";
import { type Meaning, type Style } from "./style.ts";
import { isDefaultProvider } from "./urn.ts";

/** Changed properties shown for one resource, unless everything is asked for. */
const shownChanges = 8;

const looks: { readonly [operation in Operation]: { sign: string; word: string; meaning: Meaning } } = {
  same: { sign: " ", word: "", meaning: "faint" },
  create: { sign: "+", word: "create", meaning: "create" },
  update: { sign: "~", word: "update", meaning: "update" },
  delete: { sign: "-", word: "delete", meaning: "delete" },
  replace: { sign: "+-", word: "replace", meaning: "replace" },
  "create-replacement": { sign: "+-", word: "replace", meaning: "replace" },
  "delete-replaced": { sign: "+-", word: "replace", meaning: "replace" },
  read: { sign: ">", word: "read", meaning: "read" },
  refresh: { sign: "~", word: "refresh", meaning: "update" },
};

interface Node {
  step: Step;
  children: Node[];
}

/**
 * The tree, one line for a resource and below it what changes. Unchanged resources are left out, unless something below them changes.
 * @param full all properties: of created resources the inputs, of changed ones every difference
 */
export function treeLines(steps: readonly Step[], style: Style, full: boolean): string[] {
  const declared = steps.filter(({ urn }) => !isDefaultProvider(urn));
  const roots = makeTree(oneStepEach(declared)).filter(isWorthShowing);
  const width = Math.max(0, ...roots.flatMap((root) => widths(root, 0)));
  const lines: string[] = [];
  for (const root of roots) nodeLines(root, "", "", { style, full, width }, lines);
  return lines;
}

/** A replacement is several steps and one line: the one that carries the changes. */
function oneStepEach(steps: readonly Step[]): Step[] {
  const best = new Map<string, Step>();
  for (const step of steps) {
    const known = best.get(step.urn);
    if (known === undefined || rank(step) > rank(known)) best.set(step.urn, step);
  }
  return [...best.values()];
}

function rank(step: Step): number {
  if (!isReplacement(step.operation)) return step.operation === "delete" ? 0 : 1;
  return step.operation === "delete-replaced" ? 2 : 3 + step.changes.length;
}

function makeTree(steps: readonly Step[]): Node[] {
  const nodes = new Map<string, Node>(steps.map((step) => [step.urn, { step, children: [] }]));
  const roots: Node[] = [];
  for (const node of nodes.values()) {
    const parent = node.step.parent === undefined ? undefined : nodes.get(node.step.parent);
    (parent === undefined || parent === node ? roots : parent.children).push(node);
  }
  return roots;
}

function isWorthShowing(node: Node): boolean {
  node.children = node.children.filter(isWorthShowing);
  return node.step.operation !== "same" || node.step.note !== undefined || node.children.length > 0;
}

function widths({ step, children }: Node, depth: number): number[] {
  return [step.type.length + depth * 3, ...children.flatMap((child) => widths(child, depth + 1))];
}

interface Look {
  style: Style;
  full: boolean;
  width: number;
}

function nodeLines({ step, children }: Node, branch: string, trunk: string, look: Look, lines: string[]): void {
  const { style, width } = look;
  const { sign, word, meaning } = looks[step.operation];
  const type = step.type.padEnd(width - branch.length);
  const marks = [word, step.protect && word === "delete" ? "(protected)" : ""].filter((mark) => mark !== "").join(" ");
  lines.push(
    ` ${style(meaning, sign.padEnd(2))} ${style("faint", branch)}${type}  ${style("strong", step.name)}${marks === "" ? "" : `  ${style(meaning, marks)}`}`,
  );
  const below = `    ${style("faint", trunk + (children.length > 0 ? "│" : " "))}     `;
  for (const line of detailLines(step, look)) lines.push((below + line).trimEnd());
  for (const [index, child] of children.entries()) {
    const last = index === children.length - 1;
    nodeLines(child, `${trunk}${last ? "└─ " : "├─ "}`, `${trunk}${last ? "   " : "│  "}`, look, lines);
  }
}

function detailLines(step: Step, { style, full }: Look): string[] {
  const lines = step.note === undefined ? [] : [style("faint", `note: ${step.note}`)];
  if (step.operation === "create" || step.operation === "read") {
    if (full) lines.push(...valueLines(plainMap(step.after?.inputs ?? {})).filter((line) => line !== "{}"));
    return lines;
  }
  const shown = full ? step.changes : step.changes.slice(0, shownChanges);
  lines.push(...shown.flatMap((change) => changeLines(change, style, full)));
  const rest = step.changes.length - shown.length;
  if (rest > 0) lines.push(style("faint", `… and ${rest} more: --diff shows all`));
  if (
    isReplacement(step.operation) &&
    !step.changes.some(({ replaces }) => replaces) &&
    step.replaceReasons.length > 0
  ) {
    lines.push(style("replace", `replaced because of ${step.replaceReasons.join(", ")}`));
  }
  return lines;
}
