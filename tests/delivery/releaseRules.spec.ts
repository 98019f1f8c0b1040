import assert from "node:assert/strict";
import fc from "fast-check";
import { DeliveryError } from "../../delivery/deliveryError.ts";
import { exitCodes } from "../../delivery/exitCodes.ts";
import { followFreeze, type Freeze, frozen, parseFreezes } from "../../delivery/freeze.ts";
import type { Intent } from "../../delivery/intent.ts";
import { checkRules, type Situation } from "../../delivery/releaseRules.ts";
import { findProof } from "../../delivery/promotion.ts";
import type { Release } from "../../delivery/releases.ts";
import { contractObjection, returnObjection, type SchemaStep } from "../../delivery/schemaContract.ts";
import { ada, at, image } from "./releaseEntries.ts";

const planned: Intent = { reason: "planned", schema: "none" };
const friday = new Date("2026-11-27T15:30:00Z");
const situation = (more: Partial<Situation> = {}): Situation => ({ stack: "production", freezes: [], begun: undefined, releases: [], live: image("1"), now: friday, ...more });
const refused = (act: () => unknown, message: RegExp): void => {
  assert.throws(act, (error) => {
    assert(error instanceof DeliveryError);
    assert.equal(error.exitCode, exitCodes.refused);
    assert.match(error.message, message);
    return true;
  });
};

/** Releases of one stack, each of an image of its own: letters in their order. */
const released = (...steps: readonly (SchemaStep | "taken-back")[]): Release[] =>
  steps.map((step, index): Release => {
    const bad = step === "taken-back";
    return { number: index + 1, id: `r-${index + 1}`, stack: "production", image: image(String(index + 1)), reason: "planned", started: at(index), committed: undefined, live: at(index), promoted: bad ? undefined : at(index), hurtSince: undefined, restored: undefined, outcome: bad ? "taken-back" : "released", schema: bad ? "migrate" : step, why: undefined, who: [], entries: [] };
  });

describe("delivery: freezes", () => {
  const weekend: Freeze = { weekly: "Fri 15:00 - Mon 07:00", reason: "nobody is there to help" };
  const holidays: Freeze = { from: "2026-12-23T00:00:00+01:00", until: "2027-01-04T00:00:00+01:00", reason: "the holidays" };

  const moments: readonly [string, Freeze, string, boolean][] = [
    ["within a week's window", weekend, "2026-11-27T15:00:00Z", true],
    ["over its Sunday", weekend, "2026-11-29T23:59:00Z", true],
    ["at its end", weekend, "2026-11-30T07:00:00Z", false],
    ["before it", weekend, "2026-11-27T14:59:59Z", false],
    ["in dated days, by their own offset", holidays, "2026-12-22T23:00:00Z", true],
    ["a moment before them", holidays, "2026-12-22T22:59:59Z", false],
    ["at their end", holidays, "2027-01-03T23:00:00Z", false],
  ];
  for (const [title, freeze, now, expected] of moments) {
    it(`${expected ? "stops" : "lets pass"} ${title}`, () => {
      assert.equal(frozen([freeze], undefined, new Date(now)) !== undefined, expected);
    });
  }

  it("a week's window and its complement share no minute and leave none out (property)", () => {
    const days = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];
    const moment = fc.tuple(fc.constantFrom(...days), fc.integer({ min: 0, max: 23 }), fc.integer({ min: 0, max: 59 })).map(([day, hour, minute]) => `${day} ${String(hour).padStart(2, "0")}:${String(minute).padStart(2, "0")}`);
    fc.assert(
      fc.property(moment, moment, fc.date({ min: new Date("2026-01-01"), max: new Date("2027-01-01"), noInvalidDate: true }), (from, until, now) => {
        fc.pre(from !== until);
        const [inside, outside] = [`${from} - ${until}`, `${until} - ${from}`].map((weekly) => frozen([{ weekly, reason: "r" }], undefined, now) !== undefined);
        assert.notEqual(inside, outside);
      }),
    );
  });

  it("one that somebody began holds until its time or until it is ended, by the ledger", () => {
    const entry = (data: { state: "begun" | "ended"; until?: string }) => ({ v: 1 as const, seq: 0, when: at(0), signer: "s", kind: "freeze" as const, stack: "production", who: { git: ada }, why: "an audit", data });
    const begun = followFreeze(undefined, entry({ state: "begun", until: "2026-11-27T16:00:00.000Z" }));
    assert.match(frozen([], begun, friday) ?? "", /until 2026-11-27T16:00:00.000Z: an audit/);
    assert.equal(frozen([], begun, new Date("2026-11-27T16:00:00Z")), undefined);
    assert.match(frozen([], followFreeze(undefined, entry({ state: "begun" })), new Date("2036-01-01")) ?? "", /until somebody ends it: an audit/);
    assert.equal(followFreeze(begun, entry({ state: "ended" })), undefined);
  });

  it("refuse a release with who and until when, and let an override pass that is recorded", () => {
    refused(() => checkRules(situation({ freezes: [weekend] }), planned), /production is frozen every week, Fri 15:00 - Mon 07:00 UTC: nobody is there to help\. Nothing was changed/);
    assert.deepEqual(checkRules(situation({ freezes: [weekend] }), { ...planned, overrideFreeze: "answers are wrong" }), [{ kind: "override", why: "answers are wrong", data: { rule: "freeze" } }]);
    assert.deepEqual(checkRules(situation(), { ...planned, overrideFreeze: "just in case" }), [], "there was nothing to override");
  });

  it("are read from the configuration's text, and nonsense is refused", () => {
    assert.deepEqual(parseFreezes(undefined), []);
    assert.deepEqual(parseFreezes(JSON.stringify([weekend, holidays])), [weekend, holidays]);
    for (const text of ["{}", "[", '[{"from":"soon","until":"later","reason":"r"}]']) assert.throws(() => parseFreezes(text), { exitCode: exitCodes.usage });
  });
});

describe("delivery: schema changes", () => {
  it("a contract follows a migrate that has passed its watch, and nothing else", () => {
    assert.equal(contractObjection(released("expand", "migrate"), image("2")), undefined);
    assert.equal(contractObjection(released("expand", "migrate", "none"), image("3")), undefined, "a later build of the migrated version");
    assert.match(contractObjection(released("expand"), image("1")) ?? "", /no release that declared "migrate" was made before it/);
    assert.match(contractObjection(released("migrate", "contract"), image("2")) ?? "", /since the last contract \(r-2\)/);
    assert.match(contractObjection(released("expand", "taken-back"), image("1")) ?? "", /no release that declared "migrate"/, "one that was taken back has migrated nothing");
    assert.match(contractObjection(released("migrate"), image("9")) ?? "", /does not know how .* was released/);
  });

  it("refuse a release that contracts too early, before anything is changed", () => {
    refused(() => checkRules(situation({ releases: released("expand"), live: image("1") }), { ...planned, schema: "contract" }), /declares "contract".*may have to return/);
    assert.deepEqual(checkRules(situation({ releases: released("expand", "migrate"), live: image("2") }), { ...planned, schema: "contract" }), []);
  });

  it("there is no way back across a contract to what used the old form", () => {
    const releases = released("none", "expand", "migrate", "none", "contract", "none");
    const reachable = releases.filter((target) => returnObjection(releases, target) === undefined).map(({ number }) => number);
    assert.deepEqual(reachable, [3, 4, 5, 6]);
    assert.match(returnObjection(releases, releases[0]!) ?? "", /r-5 has contracted the schema, and r-1 is older/);
  });
});

describe("delivery promote", () => {
  const staged = (release: Partial<Release>): Release => ({ ...released("none")[0]!, stack: "staging", ...release });
  const ask = { from: "staging", digest: undefined, maxAgeDays: 14, now: new Date(at(86_400)) };

  it("takes what the other stack proved last, or the image that is named", () => {
    const releases = [staged({ id: "r-1", image: image("a") }), staged({ id: "r-2", image: image("b") }), staged({ id: "r-3", stack: "local", image: image("c") })];
    assert.equal(findProof(releases, ask).id, "r-2");
    assert.equal(findProof(releases, { ...ask, digest: image("a") }).id, "r-1");
  });

  it("refuses what was never there, is not done, was taken back since, or was proven too long ago", () => {
    refused(() => findProof([], ask), /knows of no release of any image on stack staging/);
    refused(() => findProof([staged({ image: image("a") })], { ...ask, digest: image("b") }), /knows of no release of sha256:b+ on stack staging/);
    refused(() => findProof([staged({ id: "r-1", outcome: "open", promoted: undefined })], { ...ask, digest: image("1") }), /r-1 .* is not done/);
    refused(() => findProof([staged({ id: "r-1" }), staged({ id: "r-2", outcome: "taken-back", why: "error ratio 20 %" })], ask), /r-2 .* is taken-back \(error ratio 20 %\)/);
    refused(() => findProof([staged({ id: "r-1" })], { ...ask, now: new Date(at(86_400 * 20)) }), /19 days ago, and a proof counts for 14|20 days ago, and a proof counts for 14/);
  });
});
