import assert from "node:assert/strict";
import fc from "fast-check";
import { applyIgnoreChanges, applyReplaceOnChanges, cloneMap, diffMaps, hasUnknown, revealMap, valuesEqual } from "../../engine/diff.ts";
import { AssetValue, Secret, Unknown, type PropertyChange, type PropertyMap, type PropertyValue } from "../../engine/model.ts";
import { formatPath, parsePath, pathContains, type PropertyPath } from "../../engine/propertyPath.ts";

const key = fc.oneof(fc.stringMatching(/^[a-z]{1,3}$/), fc.constantFrom("a.b/c", 'q"uote', "sp ace", "9", ""));
const { value } = fc.letrec<{ value: PropertyValue }>((tie) => ({
  value: fc.oneof(
    { depthSize: "small" },
    fc.constant(null),
    fc.integer({ min: 0, max: 2 }),
    fc.constantFrom("x", "y"),
    fc.array(tie("value"), { maxLength: 3 }),
    fc.dictionary(key, tie("value"), { maxKeys: 3, noNullPrototype: true }),
  ),
}));
const map: fc.Arbitrary<PropertyMap> = fc.dictionary(key, value, { maxKeys: 3, noNullPrototype: true });

/** Makes the changes on a copy, so that a diff can be checked by what it leads to. */
function patch(before: PropertyMap, changes: PropertyChange[]): PropertyMap {
  const result = cloneMap(before);
  // From the back, so that removing list items does not move those still to go.
  for (const { path, after } of [...changes].reverse()) {
    const keys = parsePath(path);
    const last = keys.pop()!;
    let holder: PropertyValue = result;
    for (const step of keys) holder = (holder as { [key: string | number]: PropertyValue })[step]!;
    if (after !== undefined) {
      if (Array.isArray(holder) && typeof last === "number" && last >= holder.length) holder.splice(holder.length, 0, ...Array<PropertyValue>(last - holder.length).fill(null), after);
      else (holder as { [key: string | number]: PropertyValue })[last] = after;
    } else if (Array.isArray(holder)) holder.splice(last as number, 1);
    else Reflect.deleteProperty(holder as PropertyMap, last);
  }
  return result;
}

describe("diff", () => {
  it("is empty exactly for equal maps", () => {
    fc.assert(fc.property(map, map, (a, b) => {
      assert.deepEqual(diffMaps(a, cloneMap(a)), []);
      assert.equal(diffMaps(a, b).length === 0, valuesEqual(a, b));
    }));
  });

  it("leads from the old value to the new one", () => {
    fc.assert(fc.property(map, map, (a, b) => assert.deepEqual(patch(a, diffMaps(a, b)), b)));
  });

  it("is mirrored when the sides are", () => {
    const mirror = { add: "delete", delete: "add", update: "update" } as const;
    fc.assert(fc.property(map, map, (a, b) => {
      const there = diffMaps(a, b).map(({ path, kind }) => `${mirror[kind]} ${path}`);
      assert.deepEqual(diffMaps(b, a).map(({ path, kind }) => `${kind} ${path}`).sort(), there.sort());
    }));
  });

  it("names the deepest paths", () => {
    const before = { metadata: { annotations: { "a.b/c": "1" } }, list: [{ image: "a" }, { image: "b" }], gone: 1 };
    const after = { metadata: { annotations: { "a.b/c": "2" } }, list: [{ image: "a" }, { image: "c" }, { image: "d" }] };
    assert.deepEqual(
      diffMaps(before, after).map(({ path, kind }) => [kind, path]),
      [["update", 'metadata.annotations["a.b/c"]'], ["update", "list[1].image"], ["add", "list[2]"], ["delete", "gone"]],
    );
  });

  it("keeps secrets secret, wherever they stand", () => {
    const [change] = diffMaps({ a: new Secret({ b: "x" }) }, { a: new Secret({ b: "y" }) });
    assert.deepEqual(change, { path: "a.b", kind: "update", replaces: false, before: new Secret("x"), after: new Secret("y") });
    assert.deepEqual(diffMaps({ a: "x" }, { a: new Secret("x") }).length, 1);
    assert.deepEqual(revealMap({ a: [new Secret({ b: new Secret(1) })] }), { a: [{ b: 1 }] });
  });

  it("takes an unknown for a change", () => {
    assert.deepEqual(diffMaps({ a: "x" }, { a: new Unknown() }).map(({ path }) => path), ["a"]);
    assert.equal(hasUnknown({ a: [new Secret(new Unknown())] }), true);
    assert.equal(hasUnknown({ a: [new Secret(1)] }), false);
  });

  it("compares assets by their hash", () => {
    const asset = (hash: string, path: string): AssetValue => new AssetValue({ hash, path });
    assert.equal(valuesEqual(asset("1", "a"), asset("1", "b")), true);
    assert.equal(valuesEqual(asset("1", "a"), asset("2", "a")), false);
  });
});

describe("ignoreChanges", () => {
  it("leaves no change at an ignored path", () => {
    fc.assert(fc.property(map, map, (old, now) => {
      for (const name of new Set([...Object.keys(old), ...Object.keys(now)])) {
        const path: PropertyPath = [name];
        const { inputs, invalidPaths } = applyIgnoreChanges(now, old, [formatPath(path)]);
        assert.deepEqual(invalidPaths, []);
        assert.deepEqual(inputs[name], old[name]);
        assert.deepEqual(diffMaps(now, inputs).filter((change) => !pathContains(path, parsePath(change.path))), []);
      }
    }));
  });

  const old = { a: { b: 1, c: 2 }, list: [{ n: 1, m: 1 }, { n: 2, m: 2 }], s: new Secret({ t: "x" }) };
  const table: [string, PropertyMap, string[], PropertyMap, string[]][] = [
    ["a nested key", { a: { b: 9, c: 9 } }, ["a.b"], { a: { b: 1, c: 9 } }, []],
    ["a removed key", { a: { c: 2 } }, ["a.b"], { a: { c: 2, b: 1 } }, []],
    ["an added key", { a: { b: 1, c: 2, d: 3 } }, ["a.d"], { a: { b: 1, c: 2 } }, []],
    ["an item", { list: [{ n: 9, m: 9 }, { n: 9, m: 9 }] }, ["list[1].n"], { list: [{ n: 9, m: 9 }, { n: 2, m: 9 }] }, []],
    ["all items", { list: [{ n: 9, m: 9 }, { n: 9, m: 9 }] }, ["list[*].n"], { list: [{ n: 1, m: 9 }, { n: 2, m: 9 }] }, []],
    ["an item that is not there", { list: [{ n: 9, m: 9 }] }, ["list[1].n"], { list: [{ n: 9, m: 9 }] }, ["list[1].n"]],
    ["a list that grew", { list: [{ n: 9 }, { n: 9 }, { n: 9 }] }, ["list[*].n"], { list: [{ n: 9 }, { n: 9 }, { n: 9 }] }, ["list[*].n"]],
    ["below a secret", { s: new Secret({ t: "y" }) }, ["s.t"], { s: new Secret({ t: "x" }) }, []],
    ["what became plain, as secret", { s: { t: "y" } }, ["s.t"], { s: { t: new Secret("x") } }, []],
  ];
  for (const [name, now, paths, inputs, invalidPaths] of table) {
    it(`sets back ${name}`, () => assert.deepEqual(applyIgnoreChanges(now, old, paths), { inputs, invalidPaths }));
  }
});

describe("property paths", () => {
  it("are read as they were written", () => {
    const path = fc.array(fc.oneof(fc.nat(20), key, fc.string({ minLength: 1 })), { minLength: 1, maxLength: 5 });
    fc.assert(fc.property(path, (keys) => assert.deepEqual(parsePath(formatPath(keys)), keys)));
  });
  for (const text of [".a", "a.", "a[", "a[x]", 'a["b]', "a[-1]"]) {
    it(`refuses ${text}`, () => assert.throws(() => parsePath(text), /property path "/));
  }
  it("marks what replaceOnChanges names, or holds", () => {
    const changes: PropertyChange[] = ["spec.a", "spec.list[0].b", "other"].map((path) => ({ path, kind: "update", replaces: false }));
    const marked = (patterns: string[]): string[] => applyReplaceOnChanges(changes, patterns).filter(({ replaces }) => replaces).map(({ path }) => path);
    assert.deepEqual(marked(["spec"]), ["spec.a", "spec.list[0].b"]);
    assert.deepEqual(marked(["spec.list[*].b"]), ["spec.list[0].b"]);
    assert.deepEqual(marked(["*"]), ["spec.a", "spec.list[0].b", "other"]);
    assert.deepEqual(marked(["spec.a.deeper"]), []);
  });
});
