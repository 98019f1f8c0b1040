/** What a gate found about a release. `no`: it must not go on. `not-yet`: it cannot be judged now, so it must not go on now. */
export interface Finding {
  readonly outcome: "no" | "not-yet";
  /** A clause for people, without full stop: what is wrong, where, and what would be right. Holds no secret. */
  readonly text: string;
}

/** What a gate decides. */
export interface Verdict {
  readonly outcome: "pass" | "no" | "not-yet";
  /** The sentence that people read in Flagger's event. */
  readonly reason: string;
  /** SHA-256 of everything that was looked at, by name. */
  readonly inputs: Readonly<Record<string, string>>;
}

/** How an outcome is answered. 403 and 409 and not 5xx, since Flagger tries those again and then drops the reason. */
export const statuses = { pass: 200, no: 403, "not-yet": 409 } as const satisfies Record<Verdict["outcome"], number>;

/** What a judge says: its findings, and the sentence of a release without any. */
export interface Judgement {
  readonly findings: readonly Finding[];
  readonly good: string;
  readonly inputs: Readonly<Record<string, string>>;
}

/** A finding that ends the judging, because nothing after it could be looked at. */
export class Halt extends Error {
  readonly finding: Finding;
  constructor(outcome: Finding["outcome"], text: string, options?: ErrorOptions) {
    super(text, options);
    this.name = "Halt";
    this.finding = { outcome, text };
  }
}

export function no(text: string): Finding {
  return { outcome: "no", text };
}

export function notYet(text: string): Finding {
  return { outcome: "not-yet", text };
}

/** Most characters of a reason: a Kubernetes event holds 1024, and Flagger puts the hook's name before it. */
const longestReason = 800;

/** A judgement in one sentence: all that is wrong, the decisive findings first. A `no` outweighs a `not-yet`. */
export function verdictOf({ findings, good, inputs }: Judgement): Verdict {
  const sorted = [...findings.filter(({ outcome }) => outcome === "no"), ...findings.filter(({ outcome }) => outcome === "not-yet")];
  const outcome = sorted[0]?.outcome ?? "pass";
  const opening = { pass: "Passed", no: "No", "not-yet": "Not yet" }[outcome];
  return { outcome, reason: `${opening}: ${shortened(sorted.length === 0 ? [good] : sorted.map(({ text }) => text))}.`, inputs };
}

function shortened(texts: readonly string[]): string {
  let said = "";
  for (const [index, text] of texts.entries()) {
    const next = index === 0 ? oneLine(text) : `${said}; ${oneLine(text)}`;
    if (next.length > longestReason) return index === 0 ? `${next.slice(0, longestReason)}…` : `${said}; and ${texts.length - index} more`;
    said = next;
  }
  return said;
}

/** Texts quote documents that others wrote: no line breaks or control characters in an event. */
function oneLine(text: string): string {
  return text.replace(/[\p{Cc}\p{Zl}\p{Zp}]+/gu, " ").toWellFormed();
}
