/** Keys that sign evidence and approvals, and the file that says which keys count. */
import { readFileSync } from "node:fs";
import { type Command, Option } from "commander";
import { AttestationError } from "../attestation/failure.ts";
import { DeliveryError } from "./deliveryError.ts";
import { exitCodes } from "./exitCodes.ts";

/** Where a project keeps its trust file, unless told otherwise. */
const defaultTrust = ".delivery/trust.json";

/** Adds `--trust`. */
export function trustOption(command: Command): Command {
  return command.addOption(new Option("--trust <file>", "the keys that count, as the gates know them").env("DELIVERY_TRUST").default(defaultTrust));
}

/** Adds `--sign-with`. */
export function signWithOption(command: Command): Command {
  return command.addOption(new Option("--sign-with <file>", "private ed25519 key (PEM) that signs; `delivery keygen` makes one").env("DELIVERY_SIGN_WITH").makeOptionMandatory());
}

/**
 * Does something with attestations.
 * @param what what it is about, as a sentence begins: "The evidence"
 * @throws DeliveryError `usage` where keys can't be used, `refused` where the attestation breaks a rule
 */
export function attesting<T>(what: string, act: () => T): T {
  try {
    return act();
  } catch (error) {
    if (!(error instanceof AttestationError)) throw error;
    const keys = error.code === "TRUST" || error.code === "SIGNATURE";
    throw new DeliveryError(keys ? exitCodes.usage : exitCodes.refused, `${what} does not count: ${error.message}. Nothing was written.`, keys ? "docs/gates.md says which key may sign what; `delivery keygen` makes keys." : "docs/gates.md says what a gate asks of it.", { cause: error });
  }
}

/**
 * The text of a file that a command was given.
 * @param called what it is, for the message: "trust file"
 * @throws DeliveryError `usage`
 */
export function givenText(path: string, called: string, fix: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (cause) {
    throw new DeliveryError(exitCodes.usage, `The ${called} ${path} can't be read: ${cause instanceof Error && "code" in cause ? String(cause.code) : String(cause)}.`, fix, { cause });
  }
}
