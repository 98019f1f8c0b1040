import assert from "node:assert/strict";
import { LedgerError, type LedgerErrorCode } from "../../ledger/errors.ts";

/** For `assert.throws`: a LedgerError with this code, a message that fits, and advice. */
export function refused(code: LedgerErrorCode, message?: RegExp): (error: unknown) => true {
  return (error) => {
    assert.ok(error instanceof LedgerError, String(error));
    assert.equal(error.code, code, error.message);
    if (message !== undefined) assert.match(error.message, message);
    assert.ok(error.fix.length > 0);
    return true;
  };
}
