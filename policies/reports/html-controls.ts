/** The page's controls, by framework. */
import { CONTROLS, FRAMEWORKS, type Control } from "../controls.ts";
import { html as markup, table, type Markup } from "./markup.ts";
import type { Report } from "./report.ts";

/** What can be said of a control. */
interface ControlState {
  readonly control: Control;
  readonly state: "broken" | "advice" | "clear" | "off";
  readonly words: string;
  /** Policies in force that answer for it. */
  readonly inForce: number;
  /** Policies of it that found something. */
  readonly finding: readonly string[];
}

function states(report: Report): ControlState[] {
  const enforced = new Set(report.rules.map(({ id }) => id));
  return CONTROLS.map((control) => {
    const own = report.findings.filter(({ rule, status }) => status !== "waived" && control.rules.includes(rule));
    const inForce = control.rules.filter((rule) => enforced.has(rule)).length;
    const mandatory = own.filter(({ level }) => level === "mandatory").length;
    const waived = report.findings.filter(({ rule, status }) => status === "waived" && control.rules.includes(rule)).length;
    const state = inForce === 0 ? "off" : mandatory > 0 ? "broken" : own.length > 0 ? "advice" : "clear";
    const words = { off: "not judged", broken: `${mandatory} mandatory`, advice: `${own.length} advisory`, clear: "nothing found" }[state] + (waived > 0 ? `, ${waived} waived` : "");
    return { control, state, words, inForce, finding: [...new Set(own.map(({ rule }) => rule))].sort() };
  });
}

/** One line a framework. */
export function controlsInShort(report: Report): Markup {
  const all = states(report);
  const count = (framework: string, state: ControlState["state"]) => all.filter((one) => one.control.framework === framework && one.state === state).length;
  const heads = ["Framework", "Controls", "Nothing found", "Advice", "Broken", "Not judged"];
  const rows = Object.entries(FRAMEWORKS).map(([id, edition]) => [edition, all.filter((one) => one.control.framework === id).length, count(id, "clear"), count(id, "advice"), count(id, "broken"), count(id, "off")]);
  return markup`<p>A policy answers for the part of a control that a declaration shows. "Nothing found" means that none of these policies found anything, not that the control as a whole is met.</p>
${table(heads, rows)}`;
}

/** One table a framework. */
export function controlTables(report: Report): Markup[] {
  const all = states(report);
  return Object.entries(FRAMEWORKS).map(([id, edition]) => {
    const rows = all.filter((one) => one.control.framework === id).map(({ control, state, words, inForce, finding }) => [
      control.title,
      markup`<span class="${state}">${words}</span>${finding.length === 0 ? undefined : markup`<br><small>${finding.join(", ")}</small>`}`,
      `${inForce} of ${control.rules.length}`,
    ]);
    return markup`<h3>${edition}</h3>${table(["Control", "State", "Policies in force"], rows)}`;
  });
}
