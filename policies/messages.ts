/** How a verdict reads. */
import type { Verdict } from "./evaluate.ts";

/** One verdict for a person, beginning with a stable mark: `[rule-id]`, with `waived` or `undecided` beside it where it is so. */
export function verdictMessage(verdict: Verdict): string {
  const { rule, status, path, message, waiver } = verdict;
  if (waiver) return `[${rule.id} waived] ${place(path)}${message}. Waived until ${waiver.expires} by ${waiver.approver} for ${waiver.requestedBy}: ${waiver.reason}`;
  if (status === "error") return `[${rule.id} error] ${message}`;
  const mark = status === "undecided" ? `[${rule.id} undecided]` : `[${rule.id}]`;
  return `${mark} ${place(path)}${message}. ${rule.fix}`;
}

function place(path: string): string {
  return path === "" ? "" : `${path}: `;
}
