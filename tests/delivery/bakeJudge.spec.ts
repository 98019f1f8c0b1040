import assert from "node:assert/strict";
import fc from "fast-check";
import { judge } from "../../delivery/bakeJudge.ts";
import { type BakeRules, patienceSeconds } from "../../delivery/bakeRules.ts";
import { type Counters, quantile, type Sample } from "../../delivery/bakeWindow.ts";

const rules: BakeRules = { durationSeconds: 300, maxErrorRatio: 0.05, maxLatencySeconds: 2, maxMemoryShare: 0.85, maxCpuShare: 0.8, minRequests: 20, availability: 0.999, unjudged: "roll-back" };

/** What pods count that get `rate` requests a second for a time, of which a share fails, each answered after `latency` seconds. */
const counted = (at: number, { rate = 100, errors = 0, latency = 0.05, cores = 0.1, grows = 0 }: { rate?: number; errors?: number; latency?: number; cores?: number; grows?: number }): Counters => {
  const requests = Math.round(rate * at);
  return {
    requests,
    cpuSeconds: cores * at,
    memoryBytes: 100e6 + grows * at,
    errors: Math.round(requests * errors),
    seconds: requests * latency,
    buckets: [0.1, 0.5, 1, 2, 5, Infinity].map((bound) => [bound, latency <= bound ? requests : 0] as const),
  };
};
type Life = Parameters<typeof counted>[1] & { until?: number; every?: number; pods?: (at: number) => Partial<Sample>; blind?: (at: number) => boolean };
const life = ({ until = 300, every = 2, pods = () => ({}), blind = () => false, ...traffic }: Life): Sample[] =>
  Array.from({ length: Math.floor(until / every) + 1 }, (_, index) => {
    const at = index * every;
    return { at, ready: 3, wanted: 3, restarts: 0, limits: { cpu: 1.5, memory: 500e6 }, ...(blind(at) ? {} : { traffic: counted(at, traffic) }), ...pods(at) };
  });
/** Judges as a release does, at each sample, until it is decided. */
const follow = (samples: readonly Sample[], own: Partial<BakeRules> = {}, baseline?: { requests: number; errors: number }) => {
  for (let seen = 1; seen <= samples.length; seen++) {
    const { decision, because } = judge(samples.slice(0, seen), { ...rules, ...own }, baseline);
    if (decision !== "wait") return { decision, because, at: samples[seen - 1]?.at };
  }
  return { decision: "wait", because: "", at: samples.at(-1)?.at };
};

describe("The judgement of a bake", () => {
  it("promotes a good release at the end of its bake, and not before", () => {
    const { decision, at } = follow(life({ errors: 0.0005 }));
    assert.deepEqual({ decision, at }, { decision: "promote", at: 300 });
  });

  const bad: readonly [string, Life, RegExp, latest: number][] = [
    ["20 % errors", { errors: 0.2 }, /error ratio .* 20 %, and surely above 5 %/, 4],
    ["6 % errors", { errors: 0.06 }, /error ratio .* 6 %, above 5 %/, 32],
    ["2 % errors, which burn the budget", { errors: 0.02 }, /burns 20 and 20 times too fast/, 32],
    ["slow answers", { latency: 3 }, /95th percentile .* above 4 s/, 4],
    ["somewhat slow answers", { latency: 1.99 }, /95th percentile .* above 1.5 s/, 32],
    ["a restart", { pods: (at) => ({ restarts: at >= 100 ? 1 : 0 }) }, /restarted 1 time since/, 100],
    ["no ready pod", { pods: (at) => (at >= 50 ? { ready: 0 } : {}) }, /none of its pods is ready/, 50],
    ["one pod that does not come back", { pods: (at) => (at >= 50 ? { ready: 2 } : {}) }, /2 of its 3 pods/, 50 + patienceSeconds + 2],
    ["measurements that went away", { blind: (at) => at > 100 }, /nothing could be measured/, 100 + patienceSeconds + 2],
    ["memory that fills", { grows: 4e6 }, /used 8[5-9].* of its memory's limit or more for 3 looks, above 85 %/, 90],
    ["a processor that is always busy", { cores: 1.3 }, /used 86.7 % of their processor's limit in the last 30 s, above 80 %/, 30],
    ["no requests", { rate: 0 }, /only 0 requests/, 300],
  ];
  for (const [title, samples, reason, latest] of bad) {
    it(`takes back a release with ${title}`, () => {
      const { decision, because, at = Infinity } = follow(life(samples), title.startsWith("somewhat") ? { maxLatencySeconds: 1.5 } : {});
      assert.equal(decision, "roll-back");
      assert.match(because, reason);
      assert(at <= latest, `decided after ${at} s`);
    });
  }

  it("takes back what is plainly worse than the old version, though below every bound", () => {
    const release = life({ errors: 0.012, until: 60 });
    assert.equal(follow(release).decision, "wait");
    const { decision, because } = follow(release, {}, { requests: 30_000, errors: 3 });
    assert.equal(decision, "roll-back");
    assert.match(because, /old version had 0.01 %/);
    assert.equal(follow(release, {}, { requests: 30_000, errors: 350 }).decision, "wait", "the old one was no better");
  });

  it("waits where that is configured when nothing can be measured, but never passes", () => {
    const blind = life({ blind: (at) => at > 100, until: 700 });
    const { decision, at } = follow(blind, { unjudged: "wait" });
    assert.deepEqual({ decision, at }, { decision: "roll-back", at: 600 });
    const back = life({ blind: (at) => at > 100 && at < 400, until: 700 });
    assert.deepEqual(follow(back, { unjudged: "wait" }).decision, "promote");
  });

  it("lets a moment's errors pass, and a few among few requests", () => {
    const jolt = life({}).map((sample) => ({ ...sample, traffic: { ...counted(sample.at, {}), errors: sample.at >= 60 ? 8 : 0 } }));
    assert.equal(follow(jolt).decision, "promote");
    const quiet = life({ rate: 0.2 }).map((sample) => ({ ...sample, traffic: { ...counted(sample.at, { rate: 0.2 }), errors: sample.at >= 60 ? 1 : 0 } }));
    assert.equal(follow(quiet).decision, "promote");
  });

  it("never promotes with more errors what it takes back with fewer (property)", () => {
    const share = fc.double({ min: 0, max: 1, noNaN: true });
    fc.assert(
      fc.property(share, share, fc.integer({ min: 1, max: 500 }), (one, other, rate) => {
        const [fewer, more] = [Math.min(one, other), Math.max(one, other)];
        const outcome = (errors: number) => follow(life({ errors, rate, every: 10 })).decision;
        assert(!(outcome(fewer) === "roll-back" && outcome(more) === "promote"));
        if (more > rules.maxErrorRatio && rate * 30 >= rules.minRequests) assert.equal(outcome(more + 0.01), "roll-back");
      }),
      { numRuns: 60 },
    );
  });

  it("promotes nothing before its time, and nothing that it has not measured at the end (property)", () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 299 }), fc.array(fc.boolean(), { minLength: 31, maxLength: 31 }), (until, blinds) => {
        const samples = life({ until, every: 10, blind: (at) => blinds[at / 10] === true });
        assert.notEqual(judge(samples, rules).decision, "promote");
        const whole = life({ every: 10, blind: (at) => blinds[at / 10] === true });
        if (blinds[30] === true) assert.notEqual(judge(whole, rules).decision, "promote");
      }),
    );
  });
});

describe("A quantile of a histogram", () => {
  it("lies in the bucket of its rank and grows with the share (property)", () => {
    const bounds = [0.1, 0.5, 1, 2, Infinity];
    fc.assert(
      fc.property(fc.array(fc.nat(50), { minLength: 5, maxLength: 5 }), fc.double({ min: 0.01, max: 1, noNaN: true }), fc.double({ min: 0.01, max: 1, noNaN: true }), (counts, a, b) => {
        let sum = 0;
        const buckets = counts.map((count, index) => [bounds[index] as number, (sum += count)] as const);
        const [low, high] = [Math.min(a, b), Math.max(a, b)];
        assert(quantile(low, buckets) <= quantile(high, buckets));
        if (sum === 0) return;
        const index = buckets.findIndex(([, count]) => count >= high * sum);
        const upper = bounds[index] as number;
        const lower = index === 0 ? 0 : (bounds[index - 1] as number);
        assert(quantile(high, buckets) >= lower && quantile(high, buckets) <= (upper === Infinity ? lower : upper));
      }),
    );
  });
});
