import { UserError } from "../engine/errors.ts";
import type { ExitCode } from "./exitCodes.ts";

/** An error for people, with the exit status that tells programs which one it is. */
export class DeliveryError extends UserError {
  readonly exitCode: ExitCode;
  /** @param fix one sentence that says what to do */
  constructor(exitCode: ExitCode, message: string, fix: string, options?: ErrorOptions) {
    super(message, fix, options);
    this.name = "DeliveryError";
    this.exitCode = exitCode;
  }
}
