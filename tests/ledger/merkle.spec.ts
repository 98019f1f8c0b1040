import assert from "node:assert/strict";
import fc from "fast-check";
import {
  appendedNodes,
  consistencyNodes,
  consistencyPath,
  emptyRoot,
  frontier,
  GrowingTree,
  inclusionNodes,
  inclusionPath,
  leafHash,
  lookupIn,
  nodeHash,
  nodeKey,
  treeRoot,
  verifyConsistency,
  verifyInclusion,
} from "../../ledger/merkle.ts";

/** RFC 6962's definition, word for word and slow: what the stored tree must agree with. */
function definedRoot(leaves: readonly Buffer[]): Buffer {
  const only = leaves[0];
  if (only === undefined) return emptyRoot;
  if (leaves.length === 1) return only;
  let k = 1;
  while (k * 2 < leaves.length) k *= 2;
  return nodeHash(definedRoot(leaves.slice(0, k)), definedRoot(leaves.slice(k)));
}

const leavesOf = (count: number): Buffer[] => Array.from({ length: count }, (_, i) => leafHash(Buffer.from(`leaf ${i}`)));

/** Grows a stored tree by batches, as appends do. */
function grow(batches: readonly number[]): { leaves: Buffer[]; stored: Map<string, Buffer> } {
  const leaves = leavesOf(batches.reduce((sum, batch) => sum + batch, 0));
  const stored = new Map<string, Buffer>();
  let size = 0;
  for (const batch of batches) {
    const known = new Map(frontier(size).map((id) => [nodeKey(id), lookupIn(stored)(id)]));
    for (const node of appendedNodes(size, leaves.slice(size, size + batch), lookupIn(known))) stored.set(nodeKey(node), node.hash);
    size += batch;
  }
  return { leaves, stored };
}

const batches = fc.array(fc.integer({ min: 1, max: 20 }), { minLength: 1, maxLength: 8 });

describe("ledger: Merkle tree", () => {
  it("has the roots of the Certificate Transparency reference vectors", () => {
    const inputs = ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"];
    const leaves = inputs.map((hex) => leafHash(Buffer.from(hex, "hex")));
    const stored = new Map(appendedNodes(0, leaves, lookupIn(new Map())).map((node) => [nodeKey(node), node.hash]));
    const roots: Record<number, string> = {
      0: "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
      1: "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
      2: "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
      3: "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
      5: "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
      8: "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
    };
    for (const [size, root] of Object.entries(roots)) assert.equal(treeRoot(Number(size), lookupIn(stored)).toString("hex"), root, `size ${size}`);
  });

  it("has the defined root at every size, however the leaves came in batches", () => {
    fc.assert(
      fc.property(batches, (sizes) => {
        const { leaves, stored } = grow(sizes);
        for (let size = 0; size <= leaves.length; size += 1) assert.deepEqual(treeRoot(size, lookupIn(stored)), definedRoot(leaves.slice(0, size)));
      }),
      { numRuns: 30 },
    );
  });

  it("proves every leaf in every tree that holds it, from the nodes it names", () => {
    const { leaves, stored } = grow([37]);
    for (let size = 1; size <= leaves.length; size += 1)
      for (let index = 0; index < size; index += 1) {
        const named = new Map(inclusionNodes(index, size).map((id) => [nodeKey(id), lookupIn(stored)(id)]));
        const path = inclusionPath(index, size, lookupIn(named));
        assert.ok(verifyInclusion({ index, size, leaf: leaves[index]!, path, root: definedRoot(leaves.slice(0, size)) }), `leaf ${index} of ${size}`);
      }
  });

  it("accepts no proof for another leaf, place, size or path", () => {
    fc.assert(
      fc.property(fc.integer({ min: 2, max: 60 }), fc.nat(), fc.nat(), fc.integer({ min: 0, max: 3 }), (size, a, b, change) => {
        const { leaves, stored } = grow([size]);
        const index = a % size;
        const other = (index + 1 + (b % (size - 1))) % size;
        const proof = { index, size, leaf: leaves[index]!, path: inclusionPath(index, size, lookupIn(stored)), root: definedRoot(leaves) };
        const forged = [
          { ...proof, leaf: leaves[other]! },
          { ...proof, index: other },
          { ...proof, path: proof.path.slice(1) },
          { ...proof, path: proof.path.map((hash, place) => (place === b % proof.path.length ? leafHash(hash) : hash)) },
        ][change]!;
        assert.equal(verifyInclusion(forged), false);
      }),
    );
  });

  /** RFC 6962's PROOF and SUBPROOF, word for word. */
  function definedConsistency(first: number, leaves: readonly Buffer[]): Buffer[] {
    const subproof = (m: number, d: readonly Buffer[], known: boolean): Buffer[] => {
      if (m === d.length) return known ? [] : [definedRoot(d)];
      let k = 1;
      while (k * 2 < d.length) k *= 2;
      return m <= k ? [...subproof(m, d.slice(0, k), known), definedRoot(d.slice(k))] : [...subproof(m - k, d.slice(k), false), definedRoot(d.slice(0, k))];
    };
    return first === 0 ? [] : subproof(first, leaves, true);
  }

  it("proves every older tree consistent with every newer one, with the defined proof, from the nodes it names", () => {
    const { leaves, stored } = grow([40]);
    for (let second = 0; second <= leaves.length; second += 1)
      for (let first = 0; first <= second; first += 1) {
        const named = new Map(consistencyNodes(first, second).map((id) => [nodeKey(id), lookupIn(stored)(id)]));
        const path = consistencyPath(first, second, lookupIn(named));
        assert.deepEqual(path, definedConsistency(first, leaves.slice(0, second)), `${first} in ${second}`);
        const roots = { firstRoot: definedRoot(leaves.slice(0, first)), secondRoot: definedRoot(leaves.slice(0, second)) };
        assert.ok(verifyConsistency({ first, second, path, ...roots }), `${first} in ${second}`);
      }
  });

  it("accepts no consistency proof for another tree, size or path", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 59 }), fc.integer({ min: 1, max: 59 }), fc.nat(), fc.integer({ min: 0, max: 5 }), (a, b, at, change) => {
        const second = a + b;
        const first = a;
        const { leaves, stored } = grow([second]);
        const path = consistencyPath(first, second, lookupIn(stored));
        const proof = { first, second, path, firstRoot: definedRoot(leaves.slice(0, first)), secondRoot: definedRoot(leaves) };
        const forged = [
          { ...proof, firstRoot: leafHash(proof.firstRoot) },
          { ...proof, secondRoot: leafHash(proof.secondRoot) },
          { ...proof, path: path.slice(1) },
          { ...proof, path: [...path, leafHash(Buffer.from("one more"))] },
          { ...proof, path: path.map((hash, place) => (place === at % path.length ? leafHash(hash) : hash)) },
          { ...proof, first: second, second: first },
        ][change]!;
        assert.equal(verifyConsistency(forged), false);
      }),
    );
  });

  it("grows leaf by leaf to the same nodes and roots, and a copy goes its own way", () => {
    const { leaves, stored } = grow([70]);
    const seen = new Map<string, Buffer>();
    const tree = new GrowingTree((node) => seen.set(nodeKey(node), node.hash));
    assert.deepEqual(tree.root(), emptyRoot);
    for (const [index, leaf] of leaves.entries()) {
      tree.add(leaf);
      assert.deepEqual(tree.root(), treeRoot(index + 1, lookupIn(stored)));
      assert.equal(tree.size, index + 1);
    }
    assert.deepEqual(seen, stored);
    const before = tree.root();
    const copy = tree.copy();
    copy.add(leaves[0]!);
    assert.deepEqual(tree.root(), before);
    assert.notDeepEqual(copy.root(), before);
  });

  it("reads few hashes: at most 2 log2 n for a proof and log2 n for an append", () => {
    const size = 2 ** 40 - 3;
    assert.ok(frontier(size).length <= 40);
    assert.ok(inclusionNodes(123_456_789, size).length <= 80);
  });
});
