import assert from "node:assert/strict";
import fc from "fast-check";
import { formatDuration, milliseconds, parseDuration, seconds } from "../../config/duration.ts";

const amount = fc.integer({ min: 0, max: 400 * 24 * 3_600_000 });

describe("a duration", () => {
  const read: readonly (readonly [string, number])[] = [
    ["15m", 900_000],
    ["30s", 30_000],
    ["1h30m", 5_400_000],
    ["500ms", 500],
    ["1m5ms", 60_005],
    ["2160h", 7_776_000_000],
    ["0s", 0],
    ["90m", 5_400_000],
  ];
  for (const [text, value] of read) it(`reads ${text}`, () => assert.equal(milliseconds(text), value));

  for (const text of ["", "15", "m", "-5s", "1.5h", "30m1h", "5s5s", "15 m", "1d", "1H", "5us", "1e3s", "15m\n"]) {
    it(`refuses ${JSON.stringify(text)}`, () => {
      assert.equal(parseDuration(text), undefined);
      assert.throws(() => milliseconds(text), /must be a duration of whole hours, minutes, seconds or milliseconds/);
    });
  }

  it("is read back as it was written", () => {
    fc.assert(fc.property(amount, (value) => parseDuration(formatDuration(value)) === value));
  });

  it("is written in one way only", () => {
    fc.assert(
      fc.property(amount, (value) => formatDuration(milliseconds(formatDuration(value))) === formatDuration(value)),
    );
  });

  it("counts a thousand milliseconds as a second", () => {
    fc.assert(fc.property(amount, (value) => Math.round(seconds(formatDuration(value)) * 1000) === value));
  });

  it("never throws on any text", () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        const value = parseDuration(text);
        return value === undefined || value >= 0;
      }),
    );
  });
});
