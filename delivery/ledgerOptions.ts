/** Where commands find the ledger and what they verify it with. */
import { type Command, Option } from "commander";
import { LedgerError } from "../ledger/errors.ts";
import { readText } from "../ledger/files.ts";
import { parsePublicKey, parseSecretKey, type PublicKey, type SecretKey } from "../ledger/note.ts";

/** Where a project keeps its ledger, unless told otherwise. */
export const defaultLedger = ".delivery/ledger";

/** The options that reading commands share. */
export interface ReadOptions {
  readonly ledger: string;
  readonly key: readonly string[];
}

/** Adds `--key`. */
export function keyOption(command: Command): Command {
  return command.addOption(new Option("--key <public-key>", "public key that must have signed, as text or a file; give it again for each after a change of keys").env("DELIVERY_LEDGER_KEY").default([`${defaultLedger}.pub`], `${defaultLedger}.pub`).argParser(collect));
}

/** Adds `--ledger` and `--key`. */
export function readOptions(command: Command): Command {
  return keyOption(command.addOption(new Option("--ledger <folder>", "the ledger").env("DELIVERY_LEDGER").default(defaultLedger)));
}

/** Adds `--signing-key`. */
export function signingKeyOption(command: Command): Command {
  return command.addOption(new Option("--signing-key <file>", "file with the secret key that signs the ledger").env("DELIVERY_LEDGER_SIGNING_KEY").default(`${defaultLedger}.key`));
}

/** Adds `--people`. */
export function peopleOption(command: Command): Command {
  return command.addOption(new Option("--people <file>", "file that says whom pseudonyms stand for").env("DELIVERY_PEOPLE").default(".delivery/people.json"));
}

/** Adds what commands that attest need for the record: without `--ledger` nothing is recorded. */
export function ledgerOfAttestations(command: Command): Command {
  return peopleOption(signingKeyOption(command)).addOption(new Option("--ledger <folder>", "record it in this ledger").env("DELIVERY_LEDGER"));
}

/** The public keys behind `--key`: each a key as text, or a file that holds one. */
export function publicKeys(given: readonly string[]): readonly PublicKey[] {
  return given.map((text) => (/^[^+\s]+\+[0-9a-f]{8}\+/.test(text) || text.startsWith("PRIVATE+KEY+") ? parsePublicKey(text, "--key") : parsePublicKey(fileText(text, "public key", "Give the ledger's public key with --key (its text or its file)."), text)));
}

/** The secret key behind `--signing-key`. */
export function secretKey(path: string): SecretKey {
  return parseSecretKey(fileText(path, "signing key", "Give its file with --signing-key, or make a pair with `delivery ledger keygen`."), path);
}

function fileText(path: string, what: string, fix: string): string {
  const text = readText(path);
  if (text === undefined) throw new LedgerError("bad-key", `There is no ${what} in ${path}.`, fix);
  return text;
}

/** Every --key adds one; the first takes the default's place. */
function collect(value: string, before: unknown): readonly string[] {
  const given = Array.isArray(before) ? (before as readonly string[]) : [];
  return given.length === 1 && given[0] === `${defaultLedger}.pub` ? [value] : [...given, value];
}
