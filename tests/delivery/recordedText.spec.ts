import assert from "node:assert/strict";
import fc from "fast-check";
import { recordedText } from "../../delivery/recordedText.ts";
import { text } from "../../ledger/values.ts";

describe("what a cluster said, for the record", () => {
  it("is taken by the ledger, whatever it is", () => {
    const pieces = fc.constantFrom("ErrImagePull: ghcr.io/terragonlabs/audit@sha256:0a1b.", "ada@example.org", "\n\t", "\u0000", "\ud83d", "🙂", "a".repeat(300), " at ");
    fc.assert(fc.property(fc.array(fc.oneof(pieces, fc.string({ unit: "binary", minLength: 1 })), { minLength: 1 }), (words) => assert.ok(text.safeParse(recordedText(words.join(""))).success)));
    assert.ok(!text.safeParse("asked ada@example.org").success, "the ledger takes no address as it is");
  });

  it("stays readable", () => {
    assert.equal(recordedText('pulling "x@sha256:0a": denied\nby y'), 'pulling "x at sha256:0a": denied by y');
  });
});
