/** What a gate found about a release. `no`: it must not go on. `not-yet`: it cannot be judged now, so it must not go on now. */
export interface Finding {
  readonly outcome: "no" | "not-yet";
  /** A clause for people, without full stop: what is wrong, where, and what would be right. Holds no secret. */
  readonly text: string;
}

export function no(text: string): Finding {
  return { outcome: "no", text };
}
