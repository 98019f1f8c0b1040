const millisecondsPerUnit = { h: 3_600_000, m: 60_000, s: 1000, ms: 1 } as const;
type Unit = keyof typeof millisecondsPerUnit;

// Units descend and each occurs once, as Go prints them: `1h30m`, never `30m1h`.
const pattern = /^(?=.)(?:(\d{1,9})h)?(?:(\d{1,9})m(?!s))?(?:(\d{1,9})s)?(?:(\d{1,9})ms)?$/;
const units: readonly Unit[] = ["h", "m", "s", "ms"];

/** Says in words what `parseDuration` takes. */
export const durationRule =
  'a duration of whole hours, minutes, seconds or milliseconds such as "1h30m", "15m", "30s" or "500ms"';

/**
 * Reads a duration as Go and Kubernetes write it.
 * @param text for example `15m`, `1h30m`, `500ms`
 * @returns milliseconds, or undefined where the text is not a duration
 */
export function parseDuration(text: string): number | undefined {
  const match = pattern.exec(text);
  if (match === null) return undefined;
  let total = 0;
  units.forEach((unit, index) => {
    total += Number(match[index + 1] ?? 0) * millisecondsPerUnit[unit];
  });
  return total;
}

/**
 * Milliseconds of a duration that the schema has already accepted.
 * @throws RangeError where the text is not a duration
 */
export function milliseconds(text: string): number {
  const value = parseDuration(text);
  if (value === undefined) throw new RangeError(`${JSON.stringify(text)} must be ${durationRule}.`);
  return value;
}

/** Seconds, possibly fractional, of a duration that the schema has already accepted. */
export function seconds(text: string): number {
  return milliseconds(text) / 1000;
}

/**
 * Writes milliseconds as the shortest duration in descending units: 5 400 000 is `1h30m`, 0 is `0s`.
 * @param value whole milliseconds, not negative
 */
export function formatDuration(value: number): string {
  let rest = value;
  let text = "";
  for (const unit of units) {
    const count = Math.floor(rest / millisecondsPerUnit[unit]);
    rest -= count * millisecondsPerUnit[unit];
    if (count > 0) text += `${count}${unit}`;
  }
  return text === "" ? "0s" : text;
}
