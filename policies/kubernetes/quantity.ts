/** Kubernetes quantities and Go durations. */

const SUFFIX: Readonly<Record<string, number>> = {
  n: 1e-9, u: 1e-6, m: 1e-3, "": 1, k: 1e3, M: 1e6, G: 1e9, T: 1e12, P: 1e15, E: 1e18,
  Ki: 2 ** 10, Mi: 2 ** 20, Gi: 2 ** 30, Ti: 2 ** 40, Pi: 2 ** 50, Ei: 2 ** 60,
};

/**
 * A quantity as a number in its base unit (cores, bytes): `500m` → 0.5, `1Gi` → 1073741824, `1e3` → 1000.
 * @returns undefined when it isn't a quantity
 */
export function parseQuantity(value: unknown): number | undefined {
  if (typeof value === "number") return Number.isFinite(value) ? value : undefined;
  if (typeof value !== "string") return undefined;
  const match = /^([+-]?(?:\d+\.?\d*|\.\d+))(?:([eE][+-]?\d+)|([KMGTPE]i|[numkMGTPE]))?$/.exec(value.trim());
  if (!match) return undefined;
  const [, digits = "", exponent, suffix = ""] = match;
  const factor = SUFFIX[suffix];
  return factor === undefined ? undefined : Number(digits + (exponent ?? "")) * factor;
}

const UNIT: Readonly<Record<string, number>> = { ns: 1e-9, us: 1e-6, "µs": 1e-6, ms: 1e-3, s: 1, m: 60, h: 3600 };

/** A Go duration in seconds: `1h30m` → 5400, `0` → 0. @returns undefined when it isn't one */
export function parseDuration(value: unknown): number | undefined {
  if (value === 0 || value === "0") return 0;
  if (typeof value !== "string" || !/^[+-]?(?:(?:\d+\.?\d*|\.\d+)(?:ns|us|µs|ms|s|m|h))+$/.test(value)) return undefined;
  const sign = value.startsWith("-") ? -1 : 1;
  let seconds = 0;
  for (const [, amount = "", unit = ""] of value.matchAll(/(\d+\.?\d*|\.\d+)(ns|us|µs|ms|s|m|h)/g)) seconds += Number(amount) * (UNIT[unit] ?? 0);
  return sign * seconds;
}
