/** How a command that failed says so: a sentence, what to do, and an exit status; one JSON document on standard output under `--json`. */
import { UserError } from "../engine/errors.ts";
import { LedgerError } from "../ledger/errors.ts";
import { exitCodes } from "./exitCodes.ts";
import { ledgerExitCodes } from "./ledgerExitCodes.ts";

/** What went wrong, for people and programs. */
interface Failure {
  /** A word for programs. */
  readonly code: string;
  readonly message: string;
  readonly fix: string | undefined;
  readonly exitCode: number;
}

/**
 * Prints an error.
 * @param args the command's words: `--json` counts
 * @returns the exit status
 */
export function fail(error: unknown, args: readonly string[]): number {
  const failure = describe(error);
  if (args.includes("--json")) process.stdout.write(`${JSON.stringify({ error: failure })}\n`);
  else process.stderr.write(`${failure.message}\n${failure.fix === undefined ? "" : `  ${failure.fix}\n`}`);
  if (process.env.DELIVERY_DEBUG !== undefined && error instanceof Error) process.stderr.write(`${error.stack ?? ""}\n`);
  return failure.exitCode;
}

function describe(error: unknown): Failure {
  if (error instanceof LedgerError) return { code: error.code, message: error.message, fix: error.fix, exitCode: ledgerExitCodes[error.code] };
  if (error instanceof UserError) {
    const exitCode = "exitCode" in error && typeof error.exitCode === "number" ? error.exitCode : exitCodes.failed;
    return { code: nameOf(exitCode), message: error.message, fix: error.fix, exitCode };
  }
  return { code: "failed", message: error instanceof Error ? error.message : String(error), fix: "This is unexpected: DELIVERY_DEBUG=1 shows where it came from.", exitCode: exitCodes.failed };
}

function nameOf(exitCode: number): string {
  return Object.entries(exitCodes).find(([, code]) => code === exitCode)?.[0] ?? "failed";
}
