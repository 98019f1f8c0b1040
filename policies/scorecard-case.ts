/** A labelled case, as a line of a file of cases. */
import type { Obj } from "./value.ts";

/** A labelled case. */
export interface Case {
  readonly id: string;
  readonly source: string;
  readonly rule: string;
  readonly checks: readonly string[];
  readonly expect: "allow" | "deny";
  readonly pulumiType: string;
  readonly resource: Obj;
  readonly context?: readonly Obj[];
  readonly params?: Obj;
  readonly flags?: readonly string[];
}
