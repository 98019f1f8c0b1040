import assert from "node:assert/strict";
import fc from "fast-check";
import { contentHash, stableJson } from "../../components/contentHash.ts";

/** The same value with every object's keys in another order. */
function reordered(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(reordered);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .reverse()
      .map(([key, item]) => [key, reordered(item)]),
  );
}

describe("The content hash", () => {
  it("does not depend on the order of keys", () => {
    fc.assert(fc.property(fc.jsonValue(), (value) => contentHash(value) === contentHash(reordered(value))));
  });

  it("differs wherever the JSON differs", () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.jsonValue(), (a, b) => {
        const same = stableJson(a) === stableJson(b);
        assert.equal(contentHash(a) === contentHash(b), same);
        // JSON has no -0.
        if (same) assert.deepEqual(JSON.parse(JSON.stringify(a)), JSON.parse(JSON.stringify(b)));
      }),
    );
  });

  it("takes an undefined value for a missing one, and keeps the order of lists", () => {
    assert.equal(contentHash({ a: 1, b: undefined }), contentHash({ a: 1 }));
    assert.notEqual(contentHash([1, 2]), contentHash([2, 1]));
  });

  it("writes readable JSON that parses back", () => {
    fc.assert(fc.property(fc.jsonValue(), (value) => assert.deepEqual(JSON.parse(stableJson(value)), JSON.parse(JSON.stringify(value)))));
  });

  it("fits into the name of an object", () => {
    assert.match(contentHash({ spec: {} }), /^[0-9a-f]{10}$/);
  });
});
