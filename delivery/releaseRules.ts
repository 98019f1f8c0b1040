/** What must hold before a release is begun: no freeze, and no schema change that the old version could not return to. */
import type { Note } from "./releaseContext.ts";
import { DeliveryError } from "./deliveryError.ts";
import { exitCodes } from "./exitCodes.ts";
import { type BegunFreeze, type Freeze, frozen } from "./freeze.ts";
import type { Intent } from "./intent.ts";
import type { Release } from "./releases.ts";
import { contractObjection } from "./schemaContract.ts";

/** What is known of the stack before. */
export interface Situation {
  readonly stack: string;
  readonly freezes: readonly Freeze[];
  readonly begun: BegunFreeze | undefined;
  /** The stack's releases, oldest first. */
  readonly releases: readonly Release[];
  /** Digest of what has the traffic; undefined before the first version. */
  readonly live: string | undefined;
  readonly now: Date;
}

/**
 * @returns what has to be recorded of overrides, before anything is done
 * @throws DeliveryError `refused`
 */
export function checkRules(situation: Situation, { schema, overrideFreeze }: Intent): readonly Note[] {
  if (schema === "contract" && situation.live !== undefined) {
    const objection = contractObjection(situation.releases, situation.live);
    if (objection !== undefined) {
      throw new DeliveryError(exitCodes.refused, `The release declares "contract", and ${objection}. Nothing was changed.`, 'Release what no longer uses the old form first, with --schema migrate; once it has passed its watch, contract.');
    }
  }
  const freeze = frozen(situation.freezes, situation.begun, situation.now);
  if (freeze === undefined) return [];
  if (overrideFreeze === undefined) {
    throw new DeliveryError(exitCodes.refused, `Stack ${situation.stack} is frozen ${freeze}. Nothing was changed.`, "Wait until it is over, or give --override-freeze '<why>', which is recorded. `delivery rollback` is always allowed.");
  }
  return [{ kind: "override", why: overrideFreeze, data: { rule: "freeze" } }];
}
