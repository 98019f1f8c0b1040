import type { LedgerErrorCode } from "../ledger/errors.ts";

/** Exit statuses for what can be wrong with a ledger, from 20 on; docs/delivery.md explains them. */
export const ledgerExitCodes = {
  missing: 20,
  exists: 21,
  truncated: 22,
  removed: 23,
  inserted: 24,
  reordered: 25,
  edited: 26,
  "invalid-entry": 27,
  "bad-checkpoint": 28,
  "bad-signature": 29,
  "other-key": 30,
  fork: 31,
  clock: 32,
  locked: 33,
  "bad-key": 34,
  "bad-proof": 35,
  mirror: 36,
  io: 37,
} as const satisfies Record<LedgerErrorCode, number>;
