import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import fc from "fast-check";
import { eventRecord, eventRequest, parseRecord, recordBytes, sameContent } from "../../services/audit-trail/event.ts";
import { PrivacyEngine } from "../../services/audit-trail/pseudonyms.ts";
import { anEvent } from "./fixtures.ts";

const made = { id: "6f1c1f0e-0000-4000-8000-000000000000", recordedAt: "2026-01-31T12:00:01.000Z", pseudonym: "ann_00" };

describe("services: events", () => {
  it("have one form of bytes, whatever the order of their fields", () => {
    const record = eventRecord(anEvent(), made);
    const reversed = Object.fromEntries(Object.entries(record).reverse());
    assert.deepEqual(recordBytes(record), recordBytes(reversed));
    assert.deepEqual(parseRecord(recordBytes(record)), record);
    assert.doesNotMatch(recordBytes(record).toString(), /ada@example\.org|"annotator":/);
  });

  it("are the same content only when everything but id and time of recording is", () => {
    const record = eventRecord(anEvent(), made);
    assert.ok(sameContent(record, { ...record, id: "other", recorded_at: "other" }));
    for (const change of [{ occurred_at: "2026-01-31T12:00:02Z" }, { annotator_pseudonym: "ann_01" }, { extra: 1 }]) assert.ok(!sameContent(record, { ...record, ...change }));
  });

  const sha = `sha256:${"2".repeat(64)}`;
  const wrong: Readonly<Record<string, unknown>> = {
    "an unknown field": { ...anEvent(), note: "x" },
    "no annotator": { ...anEvent(), annotator: "" },
    "half a surrogate pair": anEvent({ annotator: "a\ud800" }),
    "a time without offset": anEvent({ occurred_at: "2026-01-31T12:00:00" }),
    "an impossible day": anEvent({ occurred_at: "2026-02-30T12:00:00Z" }),
    "an upper-case digest": anEvent({ model: { name: "m", digest: sha.toUpperCase() } }),
    "one answer twice": anEvent({ preference: { prompt_digest: sha, chosen_digest: sha, rejected_digest: sha } }),
    "a fraction as strength": { ...anEvent(), preference: { ...anEvent().preference, strength: 1.5 } },
    "a list": [anEvent()],
  };
  for (const [what, value] of Object.entries(wrong)) it(`are refused with ${what}`, () => assert.equal(eventRequest.safeParse(value).success, false));
});

describe("services: pseudonyms", () => {
  const key = randomBytes(32);
  const privacy = new PrivacyEngine([key]);

  it("bring any identifier back, under this key only, and only with its own pseudonym", () => {
    const stranger = new PrivacyEngine([randomBytes(32)]);
    fc.assert(
      fc.property(fc.string({ unit: "grapheme", minLength: 1 }), (identifier) => {
        const sealed = privacy.seal(identifier);
        assert.equal(privacy.open(sealed), identifier);
        assert.equal(new PrivacyEngine([randomBytes(32), key]).open(sealed), identifier);
        assert.throws(() => stranger.open(sealed), /No key of this release/);
        assert.throws(() => privacy.open({ ...sealed, pseudonym: privacy.seal(identifier).pseudonym }));
      }),
      { numRuns: 50 },
    );
  });

  it("do not open when any bit was changed", () => {
    fc.assert(
      fc.property(fc.nat(), fc.integer({ min: 0, max: 7 }), (place, bit) => {
        const identity = privacy.seal("ada@example.org");
        const sealed = Buffer.from(identity.sealed);
        const at = place % sealed.length;
        sealed[at] = sealed[at]! ^ (1 << bit);
        assert.throws(() => privacy.open({ ...identity, sealed }));
      }),
    );
  });

  it("are found again by key and identifier, and tell nothing without the key", () => {
    assert.deepEqual(privacy.lookups("ada"), privacy.lookups("ada"));
    assert.notDeepEqual(privacy.lookups("ada"), privacy.lookups("Ada"));
    assert.notDeepEqual(privacy.lookups("ada"), new PrivacyEngine([randomBytes(32)]).lookups("ada"));
    assert.notEqual(privacy.seal("ada").pseudonym, privacy.seal("ada").pseudonym);
    assert.ok(privacy.roundTrip());
  });
});
