/** What can be wrong with a ledger, each told apart from the others: callers branch on `code`, people read `message` and `fix`. */

/**
 * - `missing`, `exists`: there is no ledger in the folder, or already one
 * - `truncated`: the end is gone: fewer entries than were signed, or than a checkpoint kept elsewhere names
 * - `removed`, `inserted`, `reordered`: entries from the middle are gone, foreign ones stand between, or the order is another
 * - `edited`: an entry's bytes are not those that were signed
 * - `invalid-entry`: an entry (signed, or about to be) breaks the schema
 * - `bad-checkpoint`: the checkpoint is not there or is none
 * - `bad-signature`: the checkpoint names a trusted key, and its signature does not fit: it was changed
 * - `other-key`: the checkpoint is signed, by none of the trusted keys
 * - `fork`: two histories under the same name that do not continue each other
 * - `clock`: the clock went back
 * - `locked`: another process writes
 * - `bad-key`, `bad-proof`: a key or a proof that cannot be read or does not hold
 * - `mirror`: the mirror cannot be read or written
 * - `io`: the file system refused
 */
export type LedgerErrorCode =
  | "missing"
  | "exists"
  | "truncated"
  | "removed"
  | "inserted"
  | "reordered"
  | "edited"
  | "invalid-entry"
  | "bad-checkpoint"
  | "bad-signature"
  | "other-key"
  | "fork"
  | "clock"
  | "locked"
  | "bad-key"
  | "bad-proof"
  | "mirror"
  | "io";

/** An error that is complete as it stands: what is wrong and where in `message`, what to do in `fix`. */
export class LedgerError extends Error {
  readonly code: LedgerErrorCode;
  readonly fix: string;
  constructor(code: LedgerErrorCode, message: string, fix: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "LedgerError";
    this.code = code;
    this.fix = fix;
  }
}

/** The error code of a failed system call (`ENOENT`, …), if `error` is one. */
export function systemCode(error: unknown): string | undefined {
  return error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : undefined;
}
