import { z } from "zod";
import { AttestationError, rulesBroken } from "./failure.ts";
import { sha256Digest } from "./values.ts";

/** The type of every statement: in-toto's, version 1. */
const statementType = "https://in-toto.io/Statement/v1";

const statementSchema = z.object({
  _type: z.literal(statementType, { error: `must be ${statementType}` }),
  subject: z
    .array(z.object({ name: z.string().max(1024).optional(), digest: z.record(z.string().max(64), z.string().regex(/^[0-9a-f]{1,256}$/, "must be lower-case hex")) }))
    .min(1)
    .max(1024),
  predicateType: z.string().max(1024),
  predicate: z.record(z.string(), z.unknown()),
});

/** Something signed about some artefacts. */
export type Statement = Readonly<z.output<typeof statementSchema>>;

/** A statement about images (`sha256:…`), by name where they have one. */
export function statementAbout(subjects: readonly { readonly name?: string; readonly digest: string }[], predicateType: string, predicate: Record<string, unknown>): Statement {
  const subject = subjects.map(({ name, digest }) => ({
    ...(name === undefined ? {} : { name }),
    digest: { sha256: sha256Digest.parse(digest).slice("sha256:".length) },
  }));
  return { _type: statementType, subject, predicateType, predicate };
}

/**
 * Reads the payload of an envelope.
 * @throws AttestationError STATEMENT
 */
export function parseStatement(payload: Uint8Array): Statement {
  let content: unknown;
  try {
    content = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(payload));
  } catch (error) {
    throw new AttestationError("STATEMENT", `what was signed is not JSON in UTF-8 (${error instanceof Error ? error.name : "unknown error"})`);
  }
  const parsed = statementSchema.safeParse(content);
  if (!parsed.success) throw new AttestationError("STATEMENT", `what was signed is not an in-toto statement: ${rulesBroken(parsed.error.issues)}`);
  return parsed.data;
}

/** Whether one of the statement's subjects is the image with this digest (`sha256:…`). */
export function isAbout(statement: Statement, digest: string): boolean {
  return statement.subject.some((subject) => `sha256:${subject.digest["sha256"] ?? ""}` === digest);
}

/** @throws AttestationError SUBJECT when the statement is about other things than `digest`. */
export function mustBeAbout(statement: Statement, digest: string): void {
  if (!isAbout(statement, digest)) throw new AttestationError("SUBJECT", `it is not about ${digest}`);
}
