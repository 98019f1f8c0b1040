import assert from "node:assert/strict";
import fc from "fast-check";
import { quantileBound, slowerThan, type Histogram } from "../../services/gates/histogram.ts";
import { judgePerformance, type PerformanceDemand } from "../../services/gates/performance.ts";
import { Prometheus } from "../../services/gates/prometheus.ts";
import { quantity } from "../../services/gates/quantity.ts";
import { JsonReader } from "../../services/gates/reader.ts";
import { newcombe, wilson } from "../../services/gates/statistics.ts";
import { verdictOf } from "../../services/gates/verdict.ts";
import { digest, Stub } from "./gates-world.ts";

const about = (value: number, expected: number): void => assert.ok(Math.abs(value - expected) < 5e-5, `${value} is not ${expected}`);
/** 95 %, by which the published examples are made. */
const z95 = 1.959963984540054;

describe("gates: statistics", () => {
  it("give Wilson's and Newcombe's published examples", () => {
    // Newcombe 1998, "Two-sided confidence intervals for the single proportion": 81 of 263, 15 of 148, 0 of 20, 1 of 29.
    for (const [hits, total, low, high] of [[81, 263, 0.2553, 0.3662], [15, 148, 0.0624, 0.1605], [0, 20, 0, 0.1611], [1, 29, 0.0061, 0.1718]] as const) {
      const interval = wilson({ hits, total }, z95);
      about(interval.low, low);
      about(interval.high, high);
    }
    // Newcombe 1998, "Interval estimation for the difference between independent proportions", method 10: (a) to (h).
    for (const [a, m, b, n, low, high] of [[56, 70, 48, 80, 0.0524, 0.3339], [9, 10, 3, 10, 0.1705, 0.809], [6, 7, 2, 7, 0.0582, 0.8062], [5, 56, 0, 29, -0.0381, 0.1926], [0, 10, 0, 20, -0.1611, 0.2775], [0, 10, 0, 10, -0.2775, 0.2775], [10, 10, 0, 20, 0.6791, 1], [10, 10, 0, 10, 0.6075, 1]] as const) {
      const interval = newcombe({ hits: a, total: m }, { hits: b, total: n }, z95);
      about(interval.low, low);
      about(Math.min(1, interval.high), high);
    }
  });

  it("hold the share, stay between 0 and 1, get narrower with more requests, and turn with the sides", () => {
    const proportion = fc.tuple(fc.nat(500), fc.nat(500)).map(([hits, rest]) => ({ hits, total: hits + rest }));
    fc.assert(
      fc.property(proportion, proportion, (one, other) => {
        const { low, high } = wilson(one);
        const p = one.total === 0 ? 0 : one.hits / one.total;
        assert.ok(low >= 0 && high <= 1 && low <= p && p <= high);
        const more = wilson({ hits: one.hits * 10, total: one.total * 10 });
        assert.ok(more.high - more.low <= high - low + 1e-12);
        const [there, back] = [newcombe(one, other), newcombe(other, one)];
        assert.ok(Math.abs(there.low + back.high) < 1e-12 && there.low <= there.high);
      }),
    );
  });

  it("read histograms by their bounds, in favour of the release between two", () => {
    const histogram: Histogram = [{ le: 0.1, count: 50 }, { le: 0.5, count: 95 }, { le: Infinity, count: 100 }];
    assert.deepEqual(slowerThan(histogram, 0.5), { hits: 5, total: 100 });
    assert.deepEqual(slowerThan(histogram, 0.2), { hits: 5, total: 100 });
    assert.deepEqual(slowerThan(histogram, 2), { hits: 0, total: 100 });
    assert.deepEqual([0.5, 0.51, 0.95, 0.96].map((q) => quantileBound(histogram, q)), [0.1, 0.5, 0.5, Infinity]);
    assert.deepEqual([slowerThan([], 1), quantileBound([], 0.5)], [{ hits: 0, total: 0 }, Infinity]);
  });

  it("read Kubernetes' quantities", () => {
    assert.deepEqual(["500m", "2", 2, "1Gi", "1.5k", "1e3", ".5"].map(quantity), [0.5, 2, 2, 2 ** 30, 1500, 1000, 0.5]);
    for (const broken of ["", "Gi", "1Q", "-1", "1 Gi", undefined]) assert.equal(quantity(broken), undefined);
  });
});

describe("gates: performance", () => {
  const demand: PerformanceDemand = {
    windowSeconds: 60,
    minRequests: 50,
    maxErrorRatio: 0.01,
    maxErrorIncrease: 0.005,
    maxLatency: { p50: Infinity, p95: 0.5, p99: 1 },
    maxLatencyRatio: 1.2,
    maxCpuRatio: 0.8,
    maxMemoryRatio: 0.85,
  };
  const limits = { cpu: "1", memory: "1Gi" };
  const canary = 'pod=~"app-[0-9a-zA-Z]+(';
  const primary = 'pod=~"app-primary-';
  let stub: Stub;
  let reader: JsonReader;
  beforeEach(async () => {
    stub = await Stub.start();
    reader = new JsonReader();
    measured({ requests: 1000, errors: 0, latency: [950, 1000, 1000, 1000] }, { requests: 9000, errors: 9, latency: [8500, 9000, 9000, 9000] });
  });
  afterEach(async () => {
    reader.close();
    await stub.stop();
  });

  interface Version {
    requests: number;
    errors: number;
    /** Requests up to 0.1, 0.5 and 1 s, and all. */
    latency: [number, number, number, number];
  }
  /** Puts both versions into Prometheus; a canary's query names its pods, a primary's the others. */
  function measured(one: Version, other: Version, cpu = "0.5", memory = String(2 ** 29)): void {
    stub.samples.clear();
    for (const [pods, { requests, errors, latency }] of [[canary, one], [primary, other]] as const) {
      const select = `{namespace="shop",${pods}`;
      stub.samples.set(`http_requests_total${select}`, [[{}, String(requests)]]);
      const [regex] = pods === canary ? ['app-[0-9a-zA-Z]+(-[0-9a-zA-Z]+)'] : ['app-primary-[0-9a-zA-Z]+(-[0-9a-zA-Z]+)'];
      stub.samples.set(`pod=~"${regex}",status=~"5.."`, errors === 0 ? [] : [[{}, String(errors)]]);
      stub.samples.set(`http_request_duration_seconds_bucket${select}`, ["0.1", "0.5", "1", "+Inf"].map((le, n) => [{ le }, String(latency[n])]));
    }
    stub.samples.set("container_cpu_usage_seconds_total", [[{}, cpu]]);
    stub.samples.set("container_memory_working_set_bytes", [[{}, memory]]);
  }
  async function answer(change: Partial<PerformanceDemand> = {}, resources: Record<string, string> = limits): Promise<string> {
    const release = { canary: "app", target: "app", digests: [digest], containers: [{ name: "app", image: "", resources: { limits: resources } }], templateDigest: digest, webhooks: [] };
    const prometheus = new Prometheus(stub.address, reader, new Date(), AbortSignal.timeout(20_000));
    const { outcome, reason } = verdictOf(await judgePerformance(prometheus, "shop", release, { ...demand, ...change }));
    return `${outcome}: ${reason}`;
  }
  const well: Version = { requests: 9000, errors: 9, latency: [8500, 9000, 9000, 9000] };

  it("passes a canary that is as good as the primary, and asks for both versions apart", async () => {
    assert.match(await answer(), /^pass: Passed: 1000 requests with 0 % errors and p95 up to 100 ms, the primary 9000 with 0.1 % and 500 ms\.$/);
    assert.equal(stub.asked.length, 8);
    assert.equal(new Set(stub.asked.map(({ query }) => query)).size, 8);
  });

  it("asks for processor and memory over a minute at the least: cAdvisor looks seldom, and a rate needs two looks", async () => {
    const over = async (windowSeconds: number): Promise<string[]> => {
      stub.asked.length = 0;
      await answer({ windowSeconds });
      return stub.asked.map(({ query }) => `${/container_\w+|http_\w+/.exec(query)?.[0] ?? ""} ${/\[\d+s\]/.exec(query)?.[0] ?? ""}`);
    };
    const [short, long] = [await over(30), await over(300)];
    for (const series of ["container_cpu_usage_seconds_total", "container_memory_working_set_bytes"]) assert.ok(short.includes(`${series} [60s]`) && long.includes(`${series} [300s]`), short.join());
    assert.ok(short.includes("http_requests_total [30s]") && long.includes("http_requests_total [300s]"), short.join());
  });

  it("takes too few requests, of either, for not yet and never for good; but enough errors among few are enough", async () => {
    measured({ requests: 49, errors: 0, latency: [49, 49, 49, 49] }, well);
    assert.match(await answer(), /^not-yet: Not yet: the canary answered 49 requests in 60 s; 50 are needed/);
    measured({ requests: 0, errors: 0, latency: [0, 0, 0, 0] }, well);
    assert.match(await answer(), /^not-yet/);
    measured({ requests: 100, errors: 0, latency: [100, 100, 100, 100] }, { requests: 10, errors: 0, latency: [10, 10, 10, 10] });
    assert.match(await answer(), /^not-yet: Not yet: the primary answered 10 requests/);
    measured({ requests: 20, errors: 10, latency: [20, 20, 20, 20] }, well);
    assert.match(await answer(), /^no: No: 50 % of 20 answers are errors/);
    stub.samples.clear();
    assert.match(await answer(), /^not-yet: Not yet: the canary answered 0 requests.*Prometheus has no CPU use/);
  });

  it("says no to errors above the limit, or above the primary's, and waits where it may be chance", async () => {
    measured({ requests: 200, errors: 40, latency: [200, 200, 200, 200] }, well);
    assert.match(await answer(), /^no: No: 20 % of 200 answers are errors; 1 % are allowed; its error ratio is 19.9 % above the primary's, by at least/);
    measured({ requests: 1000, errors: 50, latency: [1000, 1000, 1000, 1000] }, well);
    assert.match(await answer(), /^no: No: 5 % of 1000/);
    measured({ requests: 100, errors: 2, latency: [100, 100, 100, 100] }, well);
    assert.match(await answer(), /^not-yet: Not yet: 2 % of 100 answers are errors; 1 % are allowed, but so few requests may be chance/);
    measured({ requests: 2000, errors: 60, latency: [2000, 2000, 2000, 2000] }, well);
    assert.match(await answer({ maxErrorRatio: 0.05 }), /^no: No: its error ratio is 2.9 % above the primary's/);
  });

  it("says no to quantiles above their limits, or slower than the primary's", async () => {
    measured({ requests: 1000, errors: 0, latency: [0, 900, 1000, 1000] }, well);
    assert.match(await answer(), /^no: No: .*10 % of the requests take longer than 500 ms; p95 allows 5 %/);
    measured({ requests: 1000, errors: 0, latency: [400, 1000, 1000, 1000] }, { ...well, latency: [8990, 9000, 9000, 9000] });
    assert.match(await answer(), /^pass/);
    measured({ requests: 1000, errors: 0, latency: [400, 700, 1000, 1000] }, { ...well, latency: [8990, 9000, 9000, 9000] });
    const slower = await answer({ maxLatency: { p50: Infinity, p95: Infinity, p99: Infinity } });
    assert.match(slower, /^no: No: its p95 is slower than 1.2 times the primary's: 30 % of the requests take longer than 120 ms/);
    measured({ requests: 100, errors: 0, latency: [90, 93, 100, 100] }, well);
    assert.match(await answer(), /^not-yet: Not yet: 7 % of the requests take longer than 500 ms; p95 allows 5 %, but so few requests may be chance/);
  });

  it("says no to CPU and memory near their limits, and to a container without limits", async () => {
    measured(well, well, "0.81");
    assert.match(await answer(), /^no: No: container app uses 81 % of its CPU limit; 80 % are allowed/);
    measured(well, well, "0.5", String(0.9 * 2 ** 30));
    assert.match(await answer(), /^no: No: container app uses 90 % of its memory limit; 85 % are allowed/);
    assert.match(await answer({}, { cpu: "1" }), /^no: No: container app has no memory limit/);
    measured(well, well, "NaN");
    assert.match(await answer(), /^not-yet: Not yet: Prometheus has no CPU use/);
  });

  it("waits while Prometheus is away or answers garbage", async () => {
    for (const reply of [{ status: 503, body: "{}" }, { status: 200, body: "<html>" }, { status: 200, body: JSON.stringify({ status: "success", data: { resultType: "matrix", result: [] } }) }]) {
      stub.replies.set("/api/v1/query", reply);
      await assert.rejects(answer(), /Prometheus answered \d+ for .*, which cannot be used/);
    }
    stub.replies.set("/api/v1/query", "cut");
    await assert.rejects(answer(), /Prometheus cannot be reached/);
  });

  it("finds a release with 5 % errors at 200 requests nearly always, and hardly ever refuses one as good as the primary", () => {
    const draw = random(1);
    let found = 0;
    let wrong = 0;
    const runs = 500;
    const sample = (n: number, p: number): number => Array.from({ length: n }).reduce<number>((sum) => sum + (draw() < p ? 1 : 0), 0);
    for (let run = 0; run < runs; run++) {
      const beside = { hits: sample(500, 0.002), total: 500 };
      found += newcombe({ hits: sample(200, 0.05), total: 200 }, beside).low > 0.005 ? 1 : 0;
      wrong += newcombe({ hits: sample(200, 0.002), total: 200 }, beside).low > 0.005 ? 1 : 0;
    }
    assert.ok(found / runs > 0.75, `found ${found} of ${runs}`);
    assert.ok(wrong / runs <= 0.004, `${wrong} of ${runs} wrongly`);
  });
});

/** A repeatable source of numbers from 0 to 1 (xorshift32). */
function random(seed: number): () => number {
  let state = seed;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 2 ** 32;
  };
}
