import type { Judgement } from "./bakeJudge.ts";

/** Where a release is: each step is told when it begins, but for `switched` and the ends, which are told when they are true. */
export type ReleaseStep = "started" | "resumed" | "updating" | "switched" | "baking" | "reverting" | "traffic-back" | "settling" | "released" | "taken-back" | "failed";

/** What a release tells while it runs: a line for people, a JSON line for programs. */
export interface ReleaseEvent {
  readonly step: ReleaseStep;
  /** RFC 3339. */
  readonly at: string;
  /** One line. */
  readonly text: string;
  /** While it bakes. */
  readonly judgement?: Judgement;
}

/** Takes what is told. */
export type Tell = (step: ReleaseStep, text: string, judgement?: Judgement) => void;
