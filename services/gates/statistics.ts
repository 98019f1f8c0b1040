/** Two-sided 99 %: a gate is asked at every tick, so a release that is as good as the old one must hardly ever look worse by chance. */
const z99 = 2.5758293035489004;

/** So many of so many. Not necessarily whole: Prometheus extrapolates. */
export interface Proportion {
  readonly hits: number;
  readonly total: number;
}

export interface Interval {
  readonly low: number;
  readonly high: number;
}

/** The share itself; 0 of nothing is 0. */
export function share({ hits, total }: Proportion): number {
  return total > 0 ? Math.min(1, Math.max(0, hits / total)) : 0;
}

/**
 * Wilson's score interval of a proportion: holds its level for small numbers and shares near 0 or 1, where the textbook's interval does not.
 * Of nothing it is everything, 0 to 1.
 */
export function wilson(proportion: Proportion, z = z99): Interval {
  const { total } = proportion;
  if (!(total > 0)) return { low: 0, high: 1 };
  const p = share(proportion);
  const square = (z * z) / total;
  const centre = (p + square / 2) / (1 + square);
  const half = (z / (1 + square)) * Math.sqrt((p * (1 - p)) / total + square / (4 * total));
  return { low: p === 0 ? 0 : Math.max(0, centre - half), high: p === 1 ? 1 : Math.min(1, centre + half) };
}

/**
 * Newcombe's hybrid score interval (his method 10) of a difference of two independent proportions, `one` minus `other`:
 * made of the two Wilson intervals, so it does not fail at 0 errors as the test by the normal distribution does.
 */
export function newcombe(one: Proportion, other: Proportion, z = z99): Interval {
  const [p1, p2] = [share(one), share(other)];
  const [i1, i2] = [wilson(one, z), wilson(other, z)];
  return {
    low: p1 - p2 - Math.hypot(p1 - i1.low, i2.high - p2),
    high: p1 - p2 + Math.hypot(i1.high - p1, p2 - i2.low),
  };
}
