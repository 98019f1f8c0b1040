/** Times in which nothing is released: those of the stack's configuration, and those that somebody began in the ledger. */
import { z } from "zod";
import type { Entry } from "../ledger/schema.ts";
import { DeliveryError } from "./deliveryError.ts";
import { exitCodes } from "./exitCodes.ts";

/** A window of the configuration. Times are RFC 3339; `weekly` is in UTC. */
export type Freeze = { readonly from: string; readonly until: string; readonly reason: string } | { readonly weekly: string; readonly reason: string };

/** The program has checked them before: this only reads. */
const schema = z.array(z.union([z.object({ from: z.iso.datetime({ offset: true }), until: z.iso.datetime({ offset: true }), reason: z.string() }), z.object({ weekly: z.string(), reason: z.string() })])).default([]);

/** What a command has begun. */
export interface BegunFreeze {
  /** RFC 3339; undefined lasts until it is ended. */
  readonly until: string | undefined;
  readonly why: string;
}

/**
 * Reads the configuration's windows.
 * @param text JSON of the key `freezes`; undefined without it
 * @throws DeliveryError `usage`
 */
export function parseFreezes(text: string | undefined): readonly Freeze[] {
  const checked = schema.safeParse(text === undefined ? undefined : asJson(text));
  if (checked.success) return checked.data;
  throw new DeliveryError(exitCodes.usage, `The stack's freezes can't be read: ${checked.error.issues[0]?.message ?? "they break the schema"}. Nothing was changed.`, "npm run preview names everything that is wrong with the configuration.");
}

/** Why nothing may be released now; undefined when it may. */
export function frozen(freezes: readonly Freeze[], begun: BegunFreeze | undefined, now: Date): string | undefined {
  if (begun !== undefined && (begun.until === undefined || now < new Date(begun.until))) return `${begun.until === undefined ? "until somebody ends it" : `until ${begun.until}`}: ${begun.why}`;
  for (const freeze of freezes) {
    if ("weekly" in freeze ? inWeek(freeze.weekly, now) : now >= new Date(freeze.from) && now < new Date(freeze.until)) {
      return `${"weekly" in freeze ? `every week, ${freeze.weekly} UTC` : `until ${freeze.until}`}: ${freeze.reason}`;
    }
  }
  return undefined;
}

/** The freeze that a stack's entries leave in force, given in the ledger's order; times that are over count as in force here. */
export function followFreeze(before: BegunFreeze | undefined, entry: Entry): BegunFreeze | undefined {
  if (entry.kind !== "freeze") return before;
  return entry.data.state === "begun" ? { until: entry.data.until, why: entry.why } : undefined;
}

const days = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"] as const;
const week = 7 * 24 * 60;

/** Half open: its first minute is in it, its last one is not. A window from a moment to the same one is the whole week. */
function inWeek(weekly: string, now: Date): boolean {
  const [from = 0, until = 0] = weekly.split(" - ").map(minuteOfWeek);
  const minute = ((now.getUTCDay() + 6) % 7) * 1440 + now.getUTCHours() * 60 + now.getUTCMinutes();
  const length = (until - from + week) % week || week;
  return (minute - from + week) % week < length;
}

function minuteOfWeek(text: string): number {
  const [day = "", time = ""] = text.split(" ");
  const [hours = 0, minutes = 0] = time.split(":").map(Number);
  return days.indexOf(day as (typeof days)[number]) * 1440 + hours * 60 + minutes;
}

function asJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
