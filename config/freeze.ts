import { z } from "zod";
import { key } from "./key.ts";
import { line } from "./values.ts";

const moment = (description: string) =>
  key(z.iso.datetime({ offset: true }), { description, rule: "a date and a time with its offset from UTC", example: "2026-12-23T16:00:00Z" });

/** Times in which nothing is released. Roll-backs are always allowed, and an override is recorded. */
export const freezes = key(
  z
    .array(
      z.union([
        z.strictObject({ from: moment("Its begin."), until: moment("Its end."), reason: line(200, { description: "Why, for who is stopped by it." }) }),
        z.strictObject({
          weekly: key(z.string().regex(/^(Mon|Tue|Wed|Thu|Fri|Sat|Sun) ([01]\d|2[0-3]):[0-5]\d - (Mon|Tue|Wed|Thu|Fri|Sat|Sun) ([01]\d|2[0-3]):[0-5]\d$/), {
            description: "Its begin and end in every week, in UTC.",
            rule: 'two days with times, such as "Fri 15:00 - Mon 07:00"',
            example: "Fri 15:00 - Mon 07:00",
          }),
          reason: line(200, { description: "Why, for who is stopped by it." }),
        }),
      ]),
    )
    .max(50),
  { description: "Times in which nothing is released; a release in them needs an override, which is recorded. Roll-backs are always allowed.", rule: "a list of at most 50 windows, each with from and until, or weekly" },
).default([]);
