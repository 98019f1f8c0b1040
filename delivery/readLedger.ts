import type { Entry } from "../ledger/schema.ts";
import { type Verified, verifyLedger } from "../ledger/verify.ts";
import { publicKeys, type ReadOptions } from "./ledgerOptions.ts";
import { type Release, ReleaseReader } from "./releases.ts";

/** A ledger that verified, as releases. */
export interface ReadLedger {
  readonly verified: Verified;
  readonly releases: readonly Release[];
}

/**
 * Verifies the ledger and reads its releases.
 * @param onEntry is told every entry; what it gathers counts only when this returns
 * @throws LedgerError what verification finds
 */
export function readLedger(options: ReadOptions, onEntry?: (entry: Entry) => void): ReadLedger {
  const reader = new ReleaseReader();
  const verified = verifyLedger(options.ledger, {
    keys: publicKeys(options.key),
    onEntry: ({ entry }) => {
      reader.add(entry);
      onEntry?.(entry);
    },
  });
  return { verified, releases: reader.releases() };
}
