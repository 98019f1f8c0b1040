import assert from "node:assert/strict";
import fc from "fast-check";
import type { AnalysisArgs } from "../../components/index.ts";
import { timesOf } from "../../components/canaryAnalysis.ts";

describe("The canary's ticks", () => {
  it("agree with a real Flagger: interval 10 s, threshold 2, weights 25 and 50", () => {
    assert.deepEqual(timesOf({ interval: "10s", threshold: 2, traffic: { kind: "weights", maxWeight: 50, stepWeight: 25 } }), {
      promoteSeconds: 50,
      rollBackSeconds: 40,
      exposureSeconds: 30,
    });
  });

  it("are one more where requests were mirrored: all traffic goes to the version before it is promoted", () => {
    const seconds = (traffic: AnalysisArgs["traffic"]): number => timesOf({ interval: "10s", traffic }).promoteSeconds;
    assert.equal(seconds({ kind: "abTest", iterations: 3, headers: { "x-canary": { exact: "insider" } } }), 60);
    assert.equal(seconds({ kind: "mirror", iterations: 3 }), 70);
  });

  it("agree with a run of Flagger's loop, tick by tick", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 10, max: 120 }),
        fc.integer({ min: 1, max: 20 }),
        fc.integer({ min: 1, max: 10 }),
        fc.integer({ min: 1, max: 10 }),
        (interval, threshold, stepWeight, steps) => {
          const times = timesOf({ interval: `${interval}s`, threshold, traffic: { kind: "weights", maxWeight: steps * stepWeight, stepWeight } });
          assert.equal(times.promoteSeconds, loop({ steps, threshold, bad: false }).end * interval);
          const bad = loop({ steps, threshold, bad: true });
          assert.equal(times.rollBackSeconds, bad.end * interval);
          assert.equal(times.exposureSeconds, (bad.end - bad.firstTraffic) * interval);
        },
      ),
    );
  });
});

/** Flagger's loop, reduced to its ticks: the first finds the pods ready, checks run under traffic only, failures act one tick later. */
function loop({ steps, threshold, bad }: { steps: number; threshold: number; bad: boolean }): { end: number; firstTraffic: number } {
  let [weight, failed, firstTraffic] = [0, 0, 0];
  for (let tick = 1; ; tick++) {
    if (failed >= threshold) return { end: tick, firstTraffic };
    if (weight > 0 && bad) failed++;
    else if (weight < steps) weight++;
    // Promoting now, then Finalising, then Succeeded.
    else return { end: tick + 2, firstTraffic };
    if (weight === 1 && firstTraffic === 0) firstTraffic = tick;
  }
}
