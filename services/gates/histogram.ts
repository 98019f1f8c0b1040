import type { Proportion } from "./statistics.ts";

/** Requests that took at most `le` seconds, cumulative, in ascending order; the last bound is Infinity and counts all. */
export type Histogram = readonly { readonly le: number; readonly count: number }[];

/** All requests of the histogram. */
export function total(histogram: Histogram): number {
  return histogram.at(-1)?.count ?? 0;
}

/**
 * How many requests were slower than a limit, in seconds. Exact where the limit is a bound of the histogram; between two bounds the
 * upper one is taken, in favour of the release.
 */
export function slowerThan(histogram: Histogram, limit: number): Proportion {
  const all = total(histogram);
  const within = histogram.find(({ le }) => le >= limit)?.count ?? all;
  return { hits: Math.max(0, all - within), total: all };
}

/** The upper bound of the bucket that the quantile lies in, in seconds: it took no longer. Infinity above the last bound, and for no requests. */
export function quantileBound(histogram: Histogram, quantile: number): number {
  const wanted = quantile * total(histogram);
  return total(histogram) > 0 ? (histogram.find(({ count }) => count >= wanted)?.le ?? Infinity) : Infinity;
}
