// Powers of ten, relative to one nano: the finest step that Kubernetes stores.
const decimalExponents: Readonly<Record<string, number>> = {
  n: 0,
  u: 3,
  m: 6,
  "": 9,
  k: 12,
  M: 15,
  G: 18,
  T: 21,
  P: 24,
  E: 27,
};
const binaryExponents: Readonly<Record<string, number>> = { Ki: 10, Mi: 20, Gi: 30, Ti: 40, Pi: 50, Ei: 60 };
const pattern = /^(\d{1,18})(?:\.(\d{1,18}))?(?:([KMGTPE]i|[numkMGTPE])|[eE]([+-]?\d{1,2}))?$/;

const nanosPerUnit = 1_000_000_000n;
const nanosPerMilli = 1_000_000n;

/**
 * Reads a Kubernetes quantity exactly.
 * @param text for example `500m`, `2`, `1.5`, `4Gi`, `1e3`
 * @returns the amount in billionths (of a core, of a byte), or undefined where the text is no quantity or is finer
 */
export function parseQuantity(text: string): bigint | undefined {
  const match = pattern.exec(text);
  if (match === null) return undefined;
  const whole = match[1] ?? "";
  const fraction = match[2] ?? "";
  const suffix = match[3] ?? "";
  const binary = binaryExponents[suffix];
  const exponent =
    binary !== undefined ? 9 : match[4] !== undefined ? 9 + Number(match[4]) : (decimalExponents[suffix] ?? 9);
  const digits = BigInt(whole + fraction) * (binary === undefined ? 1n : 2n ** BigInt(binary));
  const shift = exponent - fraction.length;
  if (shift >= 0) return digits * 10n ** BigInt(shift);
  const divisor = 10n ** BigInt(-shift);
  return digits % divisor === 0n ? digits / divisor : undefined;
}

/**
 * Billionths in a quantity that the schema has already accepted.
 * @throws RangeError where the text is not a quantity
 */
export function nanos(text: string): bigint {
  const value = parseQuantity(text);
  if (value === undefined)
    throw new RangeError(`${JSON.stringify(text)} must be a Kubernetes quantity such as "500m", "2" or "4Gi".`);
  return value;
}

/** Orders two quantities: negative, zero or positive, as `a` is less than, equal to or more than `b`. */
export function compareQuantities(a: string, b: string): number {
  const left = nanos(a);
  const right = nanos(b);
  return left < right ? -1 : left > right ? 1 : 0;
}

/** Whether the text is a CPU amount that Kubernetes takes: more than nothing, in whole thousandths of a core. */
export function isCpu(text: string): boolean {
  const value = parseQuantity(text);
  return value !== undefined && value > 0n && value % nanosPerMilli === 0n;
}

/** Whether the text is memory or storage: whole bytes, and at least 1Mi, because `512m` would mean half a byte. */
export function isMemory(text: string): boolean {
  const value = parseQuantity(text);
  return value !== undefined && value % nanosPerUnit === 0n && value >= (1n << 20n) * nanosPerUnit;
}

/** Writes billionths of a core as CPU: 2 cores are `2`, half a core is `500m`. Rounded up to a thousandth. */
export function formatCpu(value: bigint): string {
  if (value % nanosPerUnit === 0n) return String(value / nanosPerUnit);
  return `${String((value + nanosPerMilli - 1n) / nanosPerMilli)}m`;
}

/** Writes billionths of a byte in the largest binary unit that divides them: `4Gi`, `1536Mi`. Rounded up to a byte. */
export function formatMemory(value: bigint): string {
  const bytes = (value + nanosPerUnit - 1n) / nanosPerUnit;
  for (const [suffix, power] of Object.entries(binaryExponents).reverse()) {
    const unit = 1n << BigInt(power);
    if (bytes !== 0n && bytes % unit === 0n) return `${String(bytes / unit)}${suffix}`;
  }
  return String(bytes);
}
