import { CommanderError } from "commander";
import { DeliveryError } from "./deliveryError.ts";
import { exitCodes } from "./exitCodes.ts";
import { fail } from "./failure.ts";
import { buildProgram } from "./program.ts";

/**
 * Runs one command; it prints what it has to say.
 * @param args the words after the program's name
 * @returns the exit status
 */
export async function run(args: readonly string[]): Promise<number> {
  try {
    const program = await buildProgram(args);
    await program.parseAsync(args, { from: "user" });
    return typeof process.exitCode === "number" ? process.exitCode : exitCodes.done;
  } catch (error) {
    if (!(error instanceof CommanderError)) return fail(error, args);
    return error.exitCode === 0 ? exitCodes.done : misused(error, args);
  }
}

/** Commander has told people what was wrong; programs get it here. */
function misused(error: CommanderError, args: readonly string[]): number {
  return args.includes("--json") ? fail(new DeliveryError(exitCodes.usage, error.message, "Run it with --help for what there is."), args) : exitCodes.usage;
}
