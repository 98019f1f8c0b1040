/**
 * Errors for people. A `UserError` is complete as it stands: what was wrong, where, and how to mend it. It is printed without a stack.
 */
import { distance } from "fastest-levenshtein";

/** Exit statuses of the command line. */
export const ExitCode = { clean: 0, error: 1, violation: 2, interrupted: 130 } as const;
export type ExitCode = (typeof ExitCode)[keyof typeof ExitCode];

/** An error whose message needs no stack trace. */
export class UserError extends Error {
  /** One sentence that says what to do, shown on a line of its own. */
  readonly fix: string | undefined;
  constructor(message: string, fix?: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "UserError";
    this.fix = fix;
  }
}

/** The run was ended by a signal: the exit status is 130 and nothing more is said. */
export class Interrupted extends Error {
  /** `SIGINT`, … */
  readonly signal: string;
  constructor(signal: string) {
    super(`interrupted by ${signal}`);
    this.name = "Interrupted";
    this.signal = signal;
  }
}

/**
 * The text shown for an error.
 * @param debug show the stack and the causes, too
 */
export function describeError(error: unknown, debug = false): string {
  if (!(error instanceof Error)) return String(error);
  const lines = [debug || !(error instanceof UserError) ? stackOrMessage(error, debug) : error.message];
  if (error instanceof UserError && error.fix !== undefined) lines.push(`  ${error.fix}`);
  if (debug && error.cause !== undefined) lines.push(`caused by: ${describeError(error.cause, true)}`);
  return lines.join("\n");
}

function stackOrMessage(error: Error, debug: boolean): string {
  if (debug) return error.stack ?? error.message;
  return `${error.message} (an unexpected error: --debug shows where it came from)`;
}

/** The error code of a failed system call (`ENOENT`, …), if `error` is one. */
export function systemCode(error: unknown): string | undefined {
  return error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : undefined;
}

/**
 * The candidate nearest to a mistyped name: the smallest edit distance, the first in order among equals; none when more than
 * half of the name (or two letters of a short one) would have to change.
 */
function nearest(name: string, candidates: readonly string[]): string | undefined {
  let best: string | undefined;
  let least = Math.max(2, Math.floor(name.length / 2)) + 1;
  for (const candidate of [...candidates].sort()) {
    const d = distance(name.toLowerCase(), candidate.toLowerCase());
    if (d < least && d < Math.max(name.length, candidate.length)) {
      best = candidate;
      least = d;
    }
  }
  return best;
}

/** `Did you mean "x"? ` when something is near, and the list of what there is. */
export function suggestion(name: string, candidates: readonly string[], what: string): string {
  const near = nearest(name, candidates);
  const list = candidates.length === 0 ? `there are no ${what}` : `${what}: ${[...candidates].sort().join(", ")}`;
  return near === undefined ? `Known ${list}.` : `Did you mean "${near}"? Known ${list}.`;
}
