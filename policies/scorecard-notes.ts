/** Why the pack and a source disagree, where they do for a reason. */
import type { Case } from "./scorecard.ts";

interface Note {
  readonly rule: RegExp;
  readonly expect: "allow" | "deny";
  readonly why: string;
}

const NOTES: readonly Note[] = [];

/** The reason for a disagreement; undefined when none was written down. */
export function explain(found: Case): string | undefined {
  return NOTES.find((note) => note.expect === found.expect && note.rule.test(found.rule))?.why;
}
