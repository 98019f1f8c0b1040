import canonicalize from "canonicalize";
import { z } from "zod";

const digest = z.string().regex(/^sha256:[0-9a-f]{64}$/, "must be sha256: and 64 lower-case hex digits");
/** Text with half a surrogate pair has no UTF-8 form, so what is hashed would not be what was sent. */
const text = (max: number) => z.string().min(1).max(max).refine((value) => value.isWellFormed(), "must be well-formed Unicode");
const artefact = z.strictObject({
  name: text(200),
  digest,
});

/**
 * One piece of human feedback, as a client posts it. Texts stay with the client: the trail holds their digests.
 * `annotator` is the client's own identifier of the person; it is replaced by a pseudonym before anything is stored.
 */
export const eventRequest = z.strictObject({
  occurred_at: z.iso.datetime({ offset: true, error: "must be a date and time with offset, such as 2026-01-31T12:00:00Z" }),
  annotator: text(256),
  preference: z
    .strictObject({
      prompt_digest: digest,
      chosen_digest: digest,
      rejected_digest: digest,
      /** How much better the chosen answer is: 1 slightly, 2 clearly, 3 by far. */
      strength: z.number().int().min(1).max(3).optional(),
    })
    .refine((p) => p.chosen_digest !== p.rejected_digest, { path: ["rejected_digest"], error: "must differ from chosen_digest: a preference is between two answers" }),
  /** The model whose answers were compared. */
  model: artefact,
  /** The annotation policy (guidelines) that the annotator followed. */
  policy: artefact,
});

/** A valid posted event. */
export type EventRequest = Readonly<z.infer<typeof eventRequest>>;

/** What is recorded for ever: the posted event with the pseudonym in the annotator's place. */
export type EventRecord = Readonly<
  Omit<EventRequest, "annotator"> & {
    /** Format of the record. */
    version: 1;
    /** UUID, given by the service. */
    id: string;
    /** The database's clock at the append, ISO 8601 in UTC. */
    recorded_at: string;
    annotator_pseudonym: string;
  }
>;

/** Puts a record together from its parts. */
export function eventRecord(request: EventRequest, made: Readonly<{ id: string; recordedAt: string; pseudonym: string }>): EventRecord {
  const { occurred_at, preference, model, policy } = request;
  return { version: 1, id: made.id, recorded_at: made.recordedAt, annotator_pseudonym: made.pseudonym, occurred_at, preference, model, policy };
}

/** The bytes that are hashed and stored: RFC 8785 canonical JSON. */
export function recordBytes(record: object): Buffer {
  const text = canonicalize(record);
  if (text === undefined) throw new Error("A record that has no JSON form cannot be stored");
  return Buffer.from(text, "utf8");
}

const stored = z.looseObject({ version: z.literal(1), id: z.string(), recorded_at: z.string(), annotator_pseudonym: z.string() });

/**
 * Reads stored bytes back.
 * @throws when they are not a record of a version that this release knows.
 */
export function parseRecord(bytes: Uint8Array): z.infer<typeof stored> {
  return stored.parse(JSON.parse(Buffer.from(bytes).toString("utf8")));
}

/** Whether two records say the same, their id and time of recording aside: what a repeated request must do. */
export function sameContent(a: object, b: object): boolean {
  const content = (record: object): Buffer => recordBytes({ ...record, id: "", recorded_at: "" });
  return content(a).equals(content(b));
}
