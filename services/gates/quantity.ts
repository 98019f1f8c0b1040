const factors: Readonly<Record<string, number>> = {
  n: 1e-9,
  u: 1e-6,
  m: 1e-3,
  "": 1,
  k: 1e3,
  M: 1e6,
  G: 1e9,
  T: 1e12,
  P: 1e15,
  E: 1e18,
  Ki: 2 ** 10,
  Mi: 2 ** 20,
  Gi: 2 ** 30,
  Ti: 2 ** 40,
  Pi: 2 ** 50,
  Ei: 2 ** 60,
};

/** A Kubernetes quantity ("500m", "1Gi", 2, "1e3") as a number; undefined where it is none. */
export function quantity(value: string | number | undefined): number | undefined {
  const match = /^(\d+\.?\d*|\.\d+)(?:([eE][+-]?\d+)|([A-Za-z]{1,2}))?$/.exec(String(value ?? ""));
  if (match === null) return undefined;
  const [, number = "", exponent = "", suffix = ""] = match;
  const factor = Object.hasOwn(factors, suffix) ? factors[suffix] : undefined;
  return factor === undefined ? undefined : Number(number + exponent) * factor;
}
