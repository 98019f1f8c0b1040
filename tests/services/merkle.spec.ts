import assert from "node:assert/strict";
import fc from "fast-check";
import {
  appendedNodes,
  emptyRoot,
  frontier,
  inclusionNodes,
  inclusionPath,
  leafHash,
  lookupIn,
  nodeHash,
  nodeKey,
  treeRoot,
  verifyInclusion,
} from "../../services/audit-trail/merkle.ts";

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

describe("services: Merkle tree", () => {
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

  it("reads few hashes: at most 2 log2 n for a proof and log2 n for an append", () => {
    const size = 2 ** 40 - 3;
    assert.ok(frontier(size).length <= 40);
    assert.ok(inclusionNodes(123_456_789, size).length <= 80);
  });
});
