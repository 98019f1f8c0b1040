import assert from "node:assert/strict";
import fc from "fast-check";
import { dora } from "../../delivery/dora.ts";
import { type Release, ReleaseReader } from "../../delivery/releases.ts";
import { ada, at, failed, image, ledgerOf, promoted, rolledBack, started, switched, type Timed } from "./releaseEntries.ts";

function releasesOf(entries: readonly Timed[]): readonly Release[] {
  const reader = new ReleaseReader();
  for (const entry of ledgerOf(entries).entries) reader.add(entry);
  return reader.releases();
}

const window = (releases: readonly Release[], days = 30) => dora(releases, Date.parse(at(0)) - days * 86_400_000, Date.parse(at(86_400)));

describe("delivery: releases out of the ledger", () => {
  it("tells how each ended, and numbers them by stack", () => {
    const releases = releasesOf([
      started("r-good", 0, { committed: -600 }),
      started("r-elsewhere", 1, { stack: "staging" }),
      switched("r-good", 10),
      promoted("r-good", 310),
      started("r-bad", 400),
      switched("r-bad", 410),
      rolledBack("r-bad", 425, 415),
      failed("r-bad", 426),
      started("r-never", 500),
      failed("r-never", 510),
      started("r-open", 600),
      promoted("r-unknown", 700),
    ]);
    assert.deepEqual(
      releases.map(({ number, id, stack, outcome }) => [number, id, stack, outcome]),
      [
        [1, "r-good", "production", "released"],
        [1, "r-elsewhere", "staging", "open"],
        [2, "r-bad", "production", "taken-back"],
        [3, "r-never", "production", "failed"],
        [4, "r-open", "production", "open"],
      ],
    );
    const [good, , bad] = releases;
    assert.deepEqual([good?.committed, good?.live, good?.promoted, good?.image, good?.who, good?.entries], [at(-600), at(10), at(310), image("1"), [ada], [0, 2, 3]]);
    assert.deepEqual([bad?.hurtSince, bad?.restored, bad?.why], [at(415), at(425), "the new version did not start"]);
  });

  it("a release that passed and was taken back later counts as taken back", () => {
    assert.deepEqual(releasesOf([started("r-1", 0), switched("r-1", 1), promoted("r-1", 2), rolledBack("r-1", 3)]).map(({ outcome }) => outcome), ["taken-back"]);
  });
});

describe("delivery: DORA's five measures", () => {
  it("measures what reached users, and judges by the targets", () => {
    const measures = window(
      releasesOf([
        ...[0, 1, 2].flatMap((n) => [started(`r-${n}`, n * 1000, { committed: n * 1000 - 600 - n }), switched(`r-${n}`, n * 1000 + 10), promoted(`r-${n}`, n * 1000 + 310)]),
        started("r-bad", 4000),
        switched("r-bad", 4010),
        rolledBack("r-bad", 4025, 4015),
        started("r-stopped", 5000),
        failed("r-stopped", 5010),
        started("r-mend", 6000, { reason: "incident" }),
        switched("r-mend", 6010),
      ]),
    );
    assert.deepEqual([measures.from, measures.until, measures.deployments], [at(0), at(86_400), 5]);
    assert.deepEqual([measures.leadTime.value, measures.leadTime.worst, measures.leadTime.of, measures.leadTime.met], [911, 912, 3, true]);
    assert.deepEqual([measures.frequency.value, measures.frequency.met], [5, false]);
    assert.deepEqual([measures.recoveryTime.value, measures.recoveryTime.of, measures.recoveryTime.met], [10, 1, true]);
    assert.deepEqual([measures.changeFailRate.value, measures.changeFailRate.of, measures.changeFailRate.met], [1 / 5, 5, false]);
    assert.deepEqual([measures.reworkRate.value, measures.reworkRate.met], [1 / 5, undefined]);
  });

  it("says nothing of what it has no data for, and never takes an hour's two releases for many a day", () => {
    const none = window([]);
    for (const measure of [none.leadTime, none.recoveryTime, none.changeFailRate, none.reworkRate]) assert.deepEqual([measure.value, measure.met], [undefined, undefined]);
    const releases = releasesOf([started("r-1", 0), switched("r-1", 1), started("r-2", 2), switched("r-2", 3)]);
    assert.equal(dora(releases, Date.parse(at(0)), Date.parse(at(3600))).frequency.value, 2);
  });

  it("rates are shares, and a taken-back deployment never makes one better", () => {
    const base: Release = { number: 1, id: "r", stack: "production", image: image("1"), reason: "planned", started: at(0), committed: undefined, live: at(1), promoted: at(2), hurtSince: undefined, restored: undefined, outcome: "released", schema: "none", why: undefined, who: [], entries: [] };
    fc.assert(
      fc.property(fc.array(fc.boolean(), { minLength: 1, maxLength: 30 }), (good) => {
        const releases = good.map((fine): Release => (fine ? base : { ...base, outcome: "taken-back", restored: at(60) }));
        const before = window(releases);
        const after = window([...releases, { ...base, outcome: "taken-back", restored: at(60) }]);
        assert.ok(before.changeFailRate.value! >= 0 && after.changeFailRate.value! <= 1);
        assert.ok(after.changeFailRate.value! >= before.changeFailRate.value!);
        assert.equal(after.recoveryTime.value, 59);
      }),
    );
  });
});
