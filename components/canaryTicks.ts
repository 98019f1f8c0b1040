/** What the length of an analysis follows from. */
export interface Ticks {
  /** Time between two ticks, in seconds. */
  readonly intervalSeconds: number;
  /** Ticks from the first traffic to the end of the analysis: weight steps, or rounds of an A/B test. */
  readonly steps: number;
  /** Failed checks at which the release is taken back. */
  readonly threshold: number;
}

/** How long a release takes when the pods are ready at once and every gate answers; all in seconds, from the moment Flagger sees the revision. */
export interface AnalysisTimes {
  /** A good release, until all traffic is on it: one tick to each step, then promote, finalise, succeed. Flagger sees a revision up to one interval late. */
  readonly promoteSeconds: number;
  /** A bad one, until it has no traffic: one tick to be ready, one until its first check, then the failures, of which the last acts one tick later. */
  readonly rollBackSeconds: number;
  /** How long users meet a bad one: from its first request until it has none. */
  readonly exposureSeconds: number;
}

/** Flagger moves in ticks only; measured with its own binary, these hold to within a second. */
export function analysisTimes({ intervalSeconds, steps, threshold }: Ticks): AnalysisTimes {
  return {
    promoteSeconds: (steps + 3) * intervalSeconds,
    rollBackSeconds: (threshold + 2) * intervalSeconds,
    exposureSeconds: (threshold + 1) * intervalSeconds,
  };
}
