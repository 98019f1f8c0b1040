import { DeliveryError } from "./deliveryError.ts";
import { exitCodes } from "./exitCodes.ts";
import type { Release } from "./releases.ts";

/** The error for a release that the ledger does not know; it names the newest that it does know. */
export function unknownRelease(id: string, releases: readonly Release[]): DeliveryError {
  const newest = releases.slice(-3).map((release) => release.id);
  return new DeliveryError(exitCodes.usage, `There is no release "${id}" in the ledger.`, newest.length === 0 ? "It has no releases yet." : `The newest are ${newest.join(", ")}; \`delivery history\` lists them.`);
}
