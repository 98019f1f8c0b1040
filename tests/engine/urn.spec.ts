import assert from "node:assert/strict";
import fc from "fast-check";
import { parseDuration } from "../../engine/goal.ts";
import { createUrn, formatProviderReference, parseProviderReference, parseUrn, rootStackUrn } from "../../engine/urn.ts";

const word = fc.stringMatching(/^[a-z][a-z0-9-]{0,8}$/);
const type = fc.tuple(word, word, word).map((parts) => parts.join(":"));

describe("urn", () => {
  it("takes apart what it made, whatever is in the name", () => {
    fc.assert(fc.property(word, word, type, fc.string(), type, fc.string(), (stack, project, parentType, parentName, own, name) => {
      const parent = createUrn({ stack, project, type: parentType, name: parentName });
      const parts = parseUrn(createUrn({ stack, project, parent, type: own, name }));
      assert.deepEqual(parts, { stack, project, qualifiedType: `${parentType}$${own}`, type: own, name });
    }));
  });

  it("keeps the whole chain of ancestors, but not the stack", () => {
    const base = { stack: "dev", project: "p" };
    const root = rootStackUrn("dev", "p");
    assert.equal(root, "urn:pulumi:dev::p::pulumi:pulumi:Stack::p-dev");
    const a = createUrn({ ...base, parent: root, type: "x:y:A", name: "a" });
    assert.equal(a, "urn:pulumi:dev::p::x:y:A::a");
    const b = createUrn({ ...base, parent: a, type: "x:y:B", name: "b" });
    assert.equal(createUrn({ ...base, parent: b, type: "x:y:C", name: "c" }), "urn:pulumi:dev::p::x:y:A$x:y:B$x:y:C::c");
  });

  it("takes provider references apart, also after names with colons", () => {
    const reference = { urn: "urn:pulumi:dev::p::pulumi:providers:test::a::b", id: "0000" };
    assert.deepEqual(parseProviderReference(formatProviderReference(reference)), reference);
  });

  for (const text of ["", "urn:pulumi:dev::p", "dev::p::t::n", "urn:other:a::b::c::d"]) {
    it(`refuses "${text}" as URN`, () => assert.throws(() => parseUrn(text), /is not a URN: expected urn:pulumi:/));
  }
  for (const text of ["", "no-reference", "urn:pulumi:dev::p::t::n::"]) {
    it(`refuses "${text}" as provider reference`, () => assert.throws(() => parseProviderReference(text), /not a (provider reference|URN)/));
  }
});

describe("durations", () => {
  for (const [text, seconds] of [["0", 0], ["30s", 30], ["5m", 300], ["1h30m", 5400], ["1.5h", 5400], ["250ms", 0.25]] as const) {
    it(`reads ${text}`, () => assert.equal(parseDuration(text), seconds));
  }
  for (const text of ["", "5", "m", "5 m", "5d", "-5m", "5m!"]) {
    it(`refuses "${text}"`, () => assert.throws(() => parseDuration(text), /is not a duration: expected e\.g\./));
  }
});
