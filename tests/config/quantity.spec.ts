import assert from "node:assert/strict";
import fc from "fast-check";
import {
  compareQuantities,
  formatCpu,
  formatMemory,
  isCpu,
  isMemory,
  nanos,
  parseQuantity,
} from "../../config/quantity.ts";

const suffix = fc.constantFrom("", "m", "k", "M", "G", "Ki", "Mi", "Gi");
const quantity = fc
  .tuple(fc.integer({ min: 0, max: 1_000_000 }), fc.integer({ min: 0, max: 999 }), suffix)
  .map(([whole, part, unit]) => `${whole}.${part}${unit}`);

describe("a quantity", () => {
  const equal: readonly (readonly [string, string])[] = [
    ["1", "1000m"],
    ["0.5", "500m"],
    ["1Ki", "1024"],
    ["1Gi", "1073741824"],
    ["1.5Gi", "1536Mi"],
    ["1k", "1000"],
    ["1e3", "1k"],
    ["2E0", "2"],
    ["5e-1", "500m"],
    ["1000u", "1m"],
    ["0", "0Gi"],
  ];
  for (const [a, b] of equal) it(`takes ${a} for ${b}`, () => assert.equal(compareQuantities(a, b), 0));

  const less: readonly (readonly [string, string])[] = [
    ["999m", "1"],
    ["1000Mi", "1Gi"],
    ["1G", "1Gi"],
    ["9", "10"],
    ["1Ti", "1Pi"],
  ];
  for (const [a, b] of less) {
    it(`puts ${a} below ${b}`, () => {
      assert.equal(compareQuantities(a, b), -1);
      assert.equal(compareQuantities(b, a), 1);
    });
  }

  for (const text of [
    "",
    "m",
    "1 Gi",
    "-1",
    "+1",
    ".5",
    "1.",
    "1KB",
    "1gi",
    "1Ki2",
    "1e",
    "1e3m",
    "0x10",
    "NaN",
    "0.0000000001",
    "1\n",
  ]) {
    it(`refuses ${JSON.stringify(text)}`, () => {
      assert.equal(parseQuantity(text), undefined);
      assert.throws(() => nanos(text), RangeError);
    });
  }

  it("is CPU in whole thousandths, and more than nothing", () => {
    assert.deepEqual(["1", "1m", "0.001", "0", "0.0005", "1500u", "x"].map(isCpu), [
      true,
      true,
      true,
      false,
      false,
      false,
      false,
    ]);
  });

  it("is memory in whole bytes, and at least 1Mi", () => {
    assert.deepEqual(["1Mi", "4Gi", "1048576", "1048575", "512m", "0.5Gi", "1048576.5"].map(isMemory), [
      true,
      true,
      true,
      false,
      false,
      true,
      false,
    ]);
  });

  it("is ordered totally", () => {
    fc.assert(
      fc.property(quantity, quantity, quantity, (a, b, c) => {
        assert.equal(compareQuantities(a, b) + compareQuantities(b, a), 0);
        assert.equal(compareQuantities(a, a), 0);
        if (compareQuantities(a, b) <= 0 && compareQuantities(b, c) <= 0) assert.ok(compareQuantities(a, c) <= 0);
      }),
    );
  });

  it("is written so that it reads the same", () => {
    fc.assert(
      fc.property(fc.bigInt({ min: 0n, max: 10n ** 17n }), (value) => {
        assert.equal(nanos(formatCpu(value * 1_000_000n)), value * 1_000_000n);
        assert.equal(nanos(formatMemory(value * 1_000_000_000n)), value * 1_000_000_000n);
      }),
      { examples: [[0n], [1n << 30n]] },
    );
  });

  it("is written as people write it", () => {
    assert.deepEqual(
      [formatCpu(nanos("2")), formatCpu(nanos("1.5")), formatCpu(1n), formatMemory(nanos("1.5Gi")), formatMemory(1n)],
      ["2", "1500m", "1m", "1536Mi", "1"],
    );
  });

  it("never throws on any text", () => {
    fc.assert(fc.property(fc.string(), (text) => (parseQuantity(text) ?? 0n) >= 0n));
  });
});
