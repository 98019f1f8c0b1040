/** Failures of one resource, told with its name. */
import { UserError } from "./errors.ts";

/** The error with what it is about in front; an error that is complete as it stands is returned unchanged. */
export function about(subject: string, error: unknown): UserError {
  if (error instanceof UserError) return error;
  return new UserError(`${subject}: ${error instanceof Error ? error.message : String(error)}`, undefined, { cause: error });
}
