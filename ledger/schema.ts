/** What can be recorded. An entry is never changed and never removed, so its schema only ever grows: new kinds, new optional fields. */
import { z } from "zod";
import { commitId, count, digest, leafDigest, name, pseudonym, seconds, slot, text, timestamp } from "./values.ts";

/** The format of entries that this code writes and reads. */
export const entryVersion = 1;

/** Who did it, by pseudonym; a release from a pipeline has both. */
const actor = z.strictObject({ git: pseudonym.optional(), ci: pseudonym.optional() });

/** What it was done to, by digest: the image, the stack's configuration, the policy pack and its configuration. */
const subject = z.strictObject({ image: digest, config: digest, pack: digest.optional(), policies: digest.optional() });

const evidence = z.strictObject({ name, digest });

/** Fields that every kind may have. */
const common = {
  stack: name,
  /** Id of the release that it belongs to. */
  release: name.optional(),
  slot: slot.optional(),
  who: actor,
  what: subject.partial().optional(),
  why: text.optional(),
  /** Digests of what it rests on: gate reports, attestations, bake samples kept elsewhere. */
  evidence: z.array(evidence).max(100).optional(),
};

/** Of one release: its id is the same in all its entries. */
const ofRelease = { ...common, release: name };

/** Each kind's fields, apart from those that the ledger adds. */
const kinds = {
  "release-started": {
    ...ofRelease,
    what: subject,
    data: z.strictObject({
      strategy: z.enum(["blue-green", "canary"]),
      /** `incident`: an unplanned release that mends what users met. DORA's rework rate counts these. */
      reason: z.enum(["planned", "incident"]),
      /** The commit that the image was built from, and when it was made: where the lead time starts. */
      commit: commitId.optional(),
      committed: timestamp.optional(),
      /** What has the traffic before. */
      live: z.strictObject({ slot: slot.optional(), image: digest }).optional(),
      /** What the release does to the database's schema. */
      schema: z.enum(["none", "expand", "migrate", "contract"]).optional(),
    }),
  },
  deployed: { ...ofRelease, data: z.strictObject({ seconds }) },
  verified: { ...ofRelease, data: z.strictObject({ seconds }) },
  "gate-verdict": { ...ofRelease, data: z.strictObject({ gate: name, verdict: z.enum(["pass", "fail", "cannot-judge"]), findings: count, waived: count }) },
  approval: {
    ...common,
    data: z.strictObject({ verdict: z.enum(["approved", "rejected"]), key: text, expires: timestamp.optional() }),
  },
  /** Evidence about an image was signed for an environment: `key` is the key's id. */
  "evidence-signed": { ...common, data: z.strictObject({ environment: name, key: text, expires: timestamp }) },
  switched: { ...ofRelease, data: z.strictObject({ from: slot.optional(), to: slot }) },
  "bake-sample": {
    ...ofRelease,
    /** Seconds since the switch; measures by name, null for what could not be read. */
    data: z.strictObject({ at: seconds, measures: z.record(z.string().regex(/^[a-z][A-Za-z0-9.-]{0,62}$/), z.number().nullable()) }),
  },
  "bake-decision": { ...ofRelease, data: z.strictObject({ decision: z.enum(["promote", "roll-back", "wait"]), because: text }) },
  promoted: { ...ofRelease, data: z.strictObject({ baked: seconds }) },
  "rolled-back": {
    ...ofRelease,
    data: z.strictObject({
      from: slot.optional(),
      to: slot.optional(),
      cause: z.enum(["bake", "verification", "gate", "interrupted", "operator"]),
      /** The release whose version has the traffic again, when an operator named one. */
      restored: name.optional(),
      /** When users first got a bad answer, when that is known: where the recovery time starts. */
      hurtSince: timestamp.optional(),
    }),
  },
  override: { ...common, why: text, data: z.strictObject({ rule: name }) },
  freeze: { ...common, why: text, data: z.strictObject({ state: z.enum(["begun", "ended"]), until: timestamp.optional() }) },
  resumed: { ...ofRelease, data: z.strictObject({ step: name }) },
  failed: { ...ofRelease, data: z.strictObject({ step: name, exitCode: z.int().min(1).max(255), because: text }) },
} as const;

/** The kinds of entry. */
export type EntryKind = keyof typeof kinds;

/** Fields that the ledger adds. */
const stamped = {
  v: z.literal(entryVersion),
  /** Number of the entry, from 0. */
  seq: count,
  /** Leaf hash of the entry before; absent in the first. */
  previous: leafDigest.optional(),
  when: timestamp,
  /** How far `when` lies before the latest time recorded earlier, in milliseconds: the clock went back and somebody said to go on. */
  clockBehindMs: z.int().min(1).optional(),
  /** The key that signed the checkpoint which first covered the entry, `name+keyId`. */
  signer: text,
};

type Shape<K extends EntryKind> = (typeof kinds)[K];
type DraftOf<K extends EntryKind> = { kind: K } & z.output<z.ZodObject<Shape<K>>>;
type EntryOf<K extends EntryKind> = DraftOf<K> & z.output<z.ZodObject<typeof stamped>>;

/** What a writer gives. */
export type Draft = { [K in EntryKind]: DraftOf<K> }[EntryKind];
/** What stands in the ledger. */
export type Entry = { [K in EntryKind]: EntryOf<K> }[EntryKind];

const union = (extra: z.ZodRawShape): z.ZodType =>
  z.discriminatedUnion("kind", Object.entries(kinds).map(([kind, shape]) => z.strictObject({ kind: z.literal(kind), ...extra, ...shape })) as unknown as [z.ZodObject<{ kind: z.ZodLiteral<string> }>]);

/** Checks a draft. */
export const draftSchema = union({}) as z.ZodType<Draft>;
/** Checks an entry. */
export const entrySchema = union(stamped) as z.ZodType<Entry>;

/** The first problem in words: where, and what it must be. */
export function schemaProblem(error: z.ZodError): string {
  const [issue] = error.issues;
  if (issue === undefined) return "it breaks the schema";
  const path = issue.path.map(String).join(".");
  return `${path === "" ? "" : `${path}: `}${issue.message}`;
}
