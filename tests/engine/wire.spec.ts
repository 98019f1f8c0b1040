import assert from "node:assert/strict";
import fc from "fast-check";
import { AssetValue, OutputValue, ResourceReference, Secret, Unknown, type PropertyMap, type PropertyValue } from "../../engine/model.ts";
import {
  ASSET_SIGNATURE,
  decodeStruct,
  encodeStruct,
  flattenMapOutputs,
  fromWire,
  mapFromWire,
  mapToWire,
  OUTPUT_SIGNATURE,
  RESOURCE_SIGNATURE,
  SECRET_SIGNATURE,
  SIGNATURE_KEY,
  toWire,
  UNKNOWN_SENTINEL,
} from "../../engine/wire.ts";

// The protocol's own library loses the key __proto__ of a Struct, in Pulumi's SDK as here; state files keep it, as a test below shows.
const key = fc.string({ minLength: 1, maxLength: 12 }).filter((text) => text !== SIGNATURE_KEY && text !== "__proto__");
const urn = fc.constantFrom("urn:pulumi:dev::p::t:i:T::a", "urn:pulumi:dev::p::t:i:T::b");
const leaf: fc.Arbitrary<PropertyValue> = fc.oneof(
  fc.constant(null),
  fc.boolean(),
  fc.double({ noNaN: true, noDefaultInfinity: true }),
  fc.string(),
  fc.constant(new Unknown()),
  fc.tuple(urn, fc.option(fc.string({ minLength: 1 }), { nil: undefined })).map(([of, id]) => new ResourceReference(of, id)),
  urn.map((of) => new ResourceReference(of, new Unknown(), "1.2.3")),
  fc.string().map((text) => new AssetValue({ [SIGNATURE_KEY]: ASSET_SIGNATURE, text, hash: "h" })),
);
const { value } = fc.letrec<{ value: PropertyValue }>((tie) => ({
  value: fc.oneof(
    { depthSize: "small", withCrossShrink: true },
    leaf,
    fc.array(tie("value"), { maxLength: 4 }),
    fc.dictionary(key, tie("value"), { maxKeys: 4, noNullPrototype: true }),
    tie("value").map((inner) => new Secret(inner)),
  ),
}));
const map: fc.Arbitrary<PropertyMap> = fc.dictionary(key, value, { maxKeys: 5, noNullPrototype: true });

describe("wire", () => {
  it("carries every value through a Struct and back", () => {
    fc.assert(fc.property(map, (properties) => assert.deepEqual(decodeStruct(encodeStruct(properties)), properties)));
  });

  it("carries every value through JSON and back", () => {
    fc.assert(fc.property(map, (properties) => {
      const json = JSON.parse(JSON.stringify(mapToWire(properties))) as ReturnType<typeof mapToWire>;
      // JSON has no negative zero.
      assert.equal(JSON.stringify(mapToWire(mapFromWire(json))), JSON.stringify(json));
    }));
  });

  it("carries secrets and unknowns as outputs, and gives them back flattened", () => {
    fc.assert(fc.property(map, (properties) => {
      const sent = decodeStruct(encodeStruct(properties, { outputs: true }), { outputs: true });
      assert.deepEqual(flattenMapOutputs(sent), properties);
    }));
  });

  it("keeps the key __proto__ of a state file", () => {
    const properties = JSON.parse('{"a":{"__proto__":"x"}}') as PropertyMap;
    assert.deepEqual(mapFromWire(mapToWire(properties)), properties);
  });

  it("keeps dependencies of outputs", () => {
    const output = new OutputValue("v", true, true, ["urn:a"]);
    const sent = toWire(output, { outputs: true });
    assert.deepEqual(sent, { [SIGNATURE_KEY]: OUTPUT_SIGNATURE, value: "v", secret: true, dependencies: ["urn:a"] });
    assert.deepEqual(fromWire(sent, { outputs: true }), output);
    assert.deepEqual(fromWire(sent), new Secret("v"));
    assert.deepEqual(fromWire({ [SIGNATURE_KEY]: OUTPUT_SIGNATURE, secret: true }), new Secret(new Unknown()));
  });

  it("unwraps secrets, leaves unknowns out and reduces references on demand", () => {
    assert.deepEqual(mapToWire({ a: new Secret("s"), b: [new Secret(1)] }, { secrets: false }), { a: "s", b: [1] });
    assert.deepEqual(mapToWire({ a: new Unknown(), b: [new Unknown(), 1], c: new Secret(new Unknown()) }, { unknowns: false }), { b: [1] });
    assert.equal(toWire(new ResourceReference("urn:a", "id"), { resources: false }), "id");
    assert.equal(toWire(new ResourceReference("urn:a"), { resources: false }), "urn:a");
    assert.equal(toWire(new ResourceReference("urn:a", new Unknown()), { resources: false }), UNKNOWN_SENTINEL);
  });

  it("knows the unknown sentinel of every type", () => {
    for (const sentinel of [
      "1c4a061d-8072-4f0a-a4cb-0ff528b18fe7",
      "3eeb2bf0-c639-47a8-9e75-3b44932eb421",
      "6a19a0b0-7e62-4c92-b797-7f8e31da9cc2",
      "030794c1-ac77-496b-92df-f27374a8bd58",
      "e48ece36-62e2-4504-bad9-02848725956a",
      "dd056dcd-154b-4c76-9bd3-c8f88648b5ff",
    ]) assert.deepEqual(fromWire(sentinel), new Unknown());
  });

  const malformed: [string, Parameters<typeof fromWire>[0], RegExp][] = [
    ["secret without value", { [SIGNATURE_KEY]: SECRET_SIGNATURE }, /malformed secret in property "p"/],
    ["output whose secret is a text", { [SIGNATURE_KEY]: OUTPUT_SIGNATURE, secret: "yes" }, /"secret" is not a boolean/],
    ["output whose dependencies are numbers", { [SIGNATURE_KEY]: OUTPUT_SIGNATURE, dependencies: [1] }, /not a list of URNs/],
    ["reference without URN", { [SIGNATURE_KEY]: RESOURCE_SIGNATURE }, /"urn" is not a string/],
    ["reference with a number as id", { [SIGNATURE_KEY]: RESOURCE_SIGNATURE, urn: "urn:a", id: 5 }, /"id" is not a string/],
    ["unknown signature", { [SIGNATURE_KEY]: "abc" }, /unrecognized signature "abc" in property "p"/],
    ["bytes", { [SIGNATURE_KEY]: "803fd3297a5875dc03ca845dda5d2a98", value: "/w==" }, /not UTF-8/],
  ];
  for (const [name, wire, message] of malformed) {
    it(`refuses a ${name}`, () => assert.throws(() => fromWire(wire, {}, "p"), message));
  }
});
