/**
 * Who is behind a pseudonym. The ledger holds pseudonyms only; this file, kept apart from it, holds what they stand for. Each person has a
 * secret key of their own here, and the pseudonym is a hash under it: with the row gone nobody can find or confirm the person any more,
 * not even by trying names, and the ledger verifies as before.
 */
import { createHmac, randomBytes } from "node:crypto";
import { z } from "zod";
import { LedgerError } from "./errors.ts";
import { readText, replaceFile } from "./files.ts";
import { acquireLock } from "./lock.ts";
import { schemaProblem } from "./schema.ts";
import { pseudonym } from "./values.ts";

const identityKind = z.enum(["git", "ci"]);
/** Where an identity comes from: a Git author or committer, or a pipeline's account. */
export type IdentityKind = z.infer<typeof identityKind>;

const fileSchema = z.strictObject({
  version: z.literal(1),
  people: z.array(z.strictObject({ pseudonym, kind: identityKind, identity: z.string().min(1), key: z.base64() })),
});

/** One person, or one account. */
export interface Person {
  readonly pseudonym: string;
  readonly kind: IdentityKind;
  /** As the source gives it, e.g. `Ada Lovelace <ada@example.com>`. */
  readonly identity: string;
  /** 32 bytes, base64. */
  readonly key: string;
}

/** Everyone in the file; nobody when there is no file yet. */
export function readPeople(path: string): readonly Person[] {
  const text = readText(path);
  if (text === undefined) return [];
  const checked = fileSchema.safeParse(parse(text));
  if (!checked.success) throw new LedgerError("io", `${path} is no file of pseudonyms: ${schemaProblem(checked.error)}.`, "Restore it from its backup: without it nobody knows whom the ledger's pseudonyms stand for.");
  const wrong = checked.data.people.find((person) => pseudonymOf(person) !== person.pseudonym);
  if (wrong !== undefined) throw new LedgerError("io", `${path}: ${wrong.pseudonym} does not stand for the identity beside it: the file was changed.`, "Restore it from its backup.");
  return checked.data.people;
}

/** The pseudonym of an identity; a new one, recorded in the file, when it has none. */
export function pseudonymFor(path: string, kind: IdentityKind, identity: string): string {
  return changing(path, (people) => {
    const known = people.find((person) => person.kind === kind && person.identity === identity);
    if (known !== undefined) return { people, result: known.pseudonym };
    const fresh = { kind, identity, key: randomBytes(32).toString("base64") };
    const person = { ...fresh, pseudonym: pseudonymOf(fresh) };
    return { people: [...people, person], result: person.pseudonym };
  });
}

/**
 * Erases people: those with this pseudonym or identity.
 * @returns whom, by pseudonym; empty when there is nobody
 */
export function forget(path: string, who: string): readonly string[] {
  return changing(path, (people) => {
    const gone = people.filter((person) => person.pseudonym === who || person.identity === who);
    return { people: people.filter((person) => !gone.includes(person)), result: gone.map((person) => person.pseudonym) };
  });
}

function pseudonymOf({ kind, identity, key }: Omit<Person, "pseudonym">): string {
  const hash = createHmac("sha256", Buffer.from(key, "base64")).update(`${kind}\0${identity}`, "utf8").digest("hex");
  return `p-${hash.slice(0, 32)}`;
}

function changing<T>(path: string, change: (people: readonly Person[]) => { people: readonly Person[]; result: T }): T {
  const lock = acquireLock(`${path}.lock`, "change who is behind the pseudonyms");
  try {
    const before = readPeople(path);
    const { people, result } = change(before);
    if (people.length !== before.length) replaceFile(path, `${JSON.stringify({ version: 1, people }, null, 2)}\n`, 0o600);
    return result;
  } finally {
    lock.release();
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
