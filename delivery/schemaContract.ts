/**
 * Schema changes in three releases: expand (the new form beside the old one), migrate (nothing uses the old form any more), contract (the
 * old form goes). As every release must be able to return to the version before it, only what follows a migrate may contract.
 */
import type { Release } from "./releases.ts";

/** What a release does to the database's schema. */
export const schemaSteps = ["none", "expand", "migrate", "contract"] as const;
export type SchemaStep = (typeof schemaSteps)[number];

/**
 * Why a release may not contract; undefined when it may.
 * @param releases those of one stack, oldest first
 * @param live digest of what has the traffic: what must be able to return
 */
export function contractObjection(releases: readonly Release[], live: string): string | undefined {
  const since = releases.findLastIndex(({ image, outcome }) => image === live && outcome === "released");
  if (since === -1) return `the ledger does not know how ${live} was released, so nobody can tell whether it still uses what would go`;
  const migrated = releases.slice(0, since + 1).findLast(({ outcome, schema }) => outcome === "released" && (schema === "migrate" || schema === "contract"));
  if (migrated !== undefined && migrated.schema === "migrate") return undefined;
  return `${live} may have to return, and no release that declared "migrate" was made ${migrated === undefined ? "before it" : `since the last contract (${migrated.id})`}, so it may use what would go`;
}

/**
 * Why there is no way back to a release; undefined when there is.
 * @param releases those of one stack, oldest first
 */
export function returnObjection(releases: readonly Release[], target: Release): string | undefined {
  const at = releases.indexOf(target);
  const contracted = releases.findLastIndex(({ schema, promoted }) => schema === "contract" && promoted !== undefined);
  if (contracted <= at) return undefined;
  const migrated = releases.slice(0, contracted).findLastIndex(({ schema, promoted }) => schema === "migrate" && promoted !== undefined);
  if (at >= migrated) return undefined;
  return `release ${releases[contracted]?.id ?? ""} has contracted the schema, and ${target.id} is older than the release that stopped using what is gone`;
}
