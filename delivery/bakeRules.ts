/** What a release must hold to while it bakes. */
export interface BakeRules {
  /** How long the new version is watched after the switch, in seconds. */
  readonly durationSeconds: number;
  /** Largest share of failed requests, 0 to 1. */
  readonly maxErrorRatio: number;
  /** Longest p95 and mean of the time to answer, in seconds. */
  readonly maxLatencySeconds: number;
  /** Largest shares of their limits that the pods may use of memory and, over the slow window, of the processor: 0 to 1. */
  readonly maxMemoryShare: number;
  readonly maxCpuShare: number;
  /** Answers below which a window can't be judged. */
  readonly minRequests: number;
  /** Share of requests that the service promises to answer without error, 0 to 1. */
  readonly availability: number;
  /** What follows when nothing can be judged: take the release back, or watch on, up to once more the duration. It never passes. */
  readonly unjudged: "roll-back" | "wait";
}

/**
 * Windows in seconds. Two of each sort: the short one acts on what is plain, the long one on what is not, and both together keep a single
 * bad second from taking a good release back.
 */
export const windows = { fast: 10, slow: 30, burnShort: 60, burnLong: 300 } as const;

/** In the fast window latency may be this many times its bound. */
export const fastFactor = 2;

/** In the fast window the error ratio's lower confidence bound (Wilson score interval, this many standard errors) must lie above the limit. */
export const sureSigmas = 3;

/** Speed at which the error budget may burn: at 14.4 a month's budget is gone in fifty hours (the SRE workbook's paging alert). */
export const maxBurnRate = 14.4;

/** Standard errors by which the new version's error ratio must lie above the old one's to count as worse (one-sided two-proportion test). */
export const worseBySigmas = 4;

/** Seconds for which pods may be missing, or measurements be away, before it counts. */
export const patienceSeconds = 15;

/** Looks one after the other in which memory must be too full before it counts. */
export const memorySamples = 3;
