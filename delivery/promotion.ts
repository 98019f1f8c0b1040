/** The gate between stacks: only what one stack has proven goes to the next. */
import { DeliveryError } from "./deliveryError.ts";
import { exitCodes } from "./exitCodes.ts";
import type { Release } from "./releases.ts";

/** What is asked to go on. */
export interface Promotion {
  /** The stack that has proven it. */
  readonly from: string;
  /** `sha256:…`; undefined takes what `from` proved last. */
  readonly digest: string | undefined;
  /** Days after which a proof counts no more. */
  readonly maxAgeDays: number;
  readonly now: Date;
}

const day = 86_400_000;

/**
 * The release that proves it: it passed its watch there, nothing of that image was taken back there since, and it is not too old.
 * @param all releases of all stacks, oldest first
 * @throws DeliveryError `refused` without such a proof
 */
export function findProof(all: readonly Release[], { from, digest, maxAgeDays, now }: Promotion): Release {
  const there = all.filter(({ stack }) => stack === from);
  const last = digest === undefined ? there.findLast(({ promoted }) => promoted !== undefined) : there.findLast(({ image }) => image === digest);
  const what = digest ?? "any image";
  if (last === undefined) throw refused(`The ledger knows of no release of ${what} on stack ${from}`, `Release it there first: delivery release --stack ${from} --image …`);
  if (last.outcome !== "released" || last.promoted === undefined) {
    const why = last.why === undefined ? "" : ` (${last.why})`;
    throw refused(`Release ${last.id} of ${last.image} on stack ${from} is ${last.outcome === "open" ? "not done" : last.outcome}${why}`, "Only what has passed its watch there goes on.");
  }
  const age = (now.getTime() - Date.parse(last.promoted)) / day;
  if (age > maxAgeDays) throw refused(`Release ${last.id} has passed its watch on stack ${from} ${Math.floor(age)} days ago, and a proof counts for ${maxAgeDays}`, `Release it on ${from} again, or say --max-age ${Math.ceil(age)}.`);
  return last;
}

const refused = (what: string, fix: string): DeliveryError => new DeliveryError(exitCodes.refused, `${what}. Nothing was changed.`, fix);
