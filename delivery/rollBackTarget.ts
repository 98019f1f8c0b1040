/** Which earlier release a roll-back goes to. */
import { DeliveryError } from "./deliveryError.ts";
import { exitCodes } from "./exitCodes.ts";
import type { Release } from "./releases.ts";
import { returnObjection } from "./schemaContract.ts";

/**
 * @param all releases of all stacks, oldest first
 * @param number as `history` shows it
 * @throws DeliveryError `usage` for a number that the ledger does not have, `refused` when the schema has moved on
 */
export function findTarget(all: readonly Release[], stack: string, number: number): Release {
  const releases = all.filter((one) => one.stack === stack);
  const target = releases.find((one) => one.number === number);
  if (target?.promoted === undefined) throw noSuchRelease(number, stack, releases);
  const objection = returnObjection(releases, target);
  if (objection !== undefined) throw new DeliveryError(exitCodes.refused, `There is no way back to release ${number}: ${objection}. Nothing was changed.`, "Release a version that can work with today's schema.");
  return target;
}

function noSuchRelease(number: number, stack: string, releases: readonly Release[]): DeliveryError {
  const proven = releases.filter(({ promoted }) => promoted !== undefined).slice(-5).map((one) => one.number);
  return new DeliveryError(
    exitCodes.usage,
    `Stack ${stack} has no release ${number} that has passed its watch. Nothing was changed.`,
    proven.length === 0 ? "The ledger has none at all." : `There are ${proven.join(", ")}; \`delivery history --stack ${stack}\` shows them.`,
  );
}
