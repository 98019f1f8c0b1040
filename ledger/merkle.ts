/**
 * RFC 6962 Merkle trees over a log whose complete subtrees are stored as they fill: an append or a proof reads O(log n) hashes. The one
 * definition of this algebra: the release ledger and the audit trail's service both build on it.
 */
import { hash as digest } from "node:crypto";

/** A complete subtree: it covers the leaves from `index * 2^level` up to `(index + 1) * 2^level`, end not included. */
export type NodeId = Readonly<{ level: number; index: number }>;
/** A complete subtree and its hash, 32 bytes. */
export type TreeNode = NodeId & Readonly<{ hash: Buffer }>;
/** Looks up the hash of a complete subtree; throws when it is not known. */
export type NodeLookup = (id: NodeId) => Buffer;

const sha256 = (...parts: readonly Uint8Array[]): Buffer => digest("sha256", Buffer.concat(parts), "buffer");
const leafPrefix = Buffer.of(0);
const nodePrefix = Buffer.of(1);

/** MTH({d}) = SHA-256(0x00 || d). */
export const leafHash = (data: Uint8Array): Buffer => sha256(leafPrefix, data);
/** SHA-256(0x01 || left || right). */
export const nodeHash = (left: Uint8Array, right: Uint8Array): Buffer => sha256(nodePrefix, left, right);
/** The root of a tree without leaves: SHA-256 of nothing. */
export const emptyRoot: Buffer = sha256();

/** The text key of a node, for maps. */
export const nodeKey = (id: NodeId): string => `${id.level}/${id.index}`;

/** A lookup over nodes held in memory. */
export function lookupIn(nodes: ReadonlyMap<string, Buffer>): NodeLookup {
  return (id) => {
    const hash = nodes.get(nodeKey(id));
    if (hash === undefined) throw new Error(`The Merkle tree's node ${nodeKey(id)} (level/index) is missing`);
    return hash;
  };
}

/** The largest power of two that is at most `n` (n >= 1), and its exponent. Doubling, as bit operations end at 32 bits. */
function powerWithin(n: number): { size: number; level: number } {
  let size = 1;
  let level = 0;
  while (size * 2 <= n) {
    size *= 2;
    level += 1;
  }
  return { size, level };
}

/** The complete subtrees, left to right, that the leaves `from` up to `to` fall into; `from` must be aligned as in an RFC 6962 tree. */
function cover(from: number, to: number): NodeId[] {
  const nodes: NodeId[] = [];
  for (let start = from; start < to; ) {
    const { size, level } = powerWithin(to - start);
    nodes.push({ level, index: start / size });
    start += size;
  }
  return nodes;
}

/** The complete subtrees that make up a tree of `size` leaves: what an append or the root needs. */
export const frontier = (size: number): NodeId[] => cover(0, size);

/** The root of the tree that `ids` make up, left to right. */
function fold(ids: readonly NodeId[], lookup: NodeLookup): Buffer {
  return ids.map(lookup).reduceRight((right, left) => nodeHash(left, right));
}

/** The root of a tree of `size` leaves. */
export function treeRoot(size: number, lookup: NodeLookup): Buffer {
  return size === 0 ? emptyRoot : fold(frontier(size), lookup);
}

/**
 * The nodes that come into being when `leaves` (leaf hashes) follow a tree of `size` leaves, in the order they are complete.
 * `lookup` must know `frontier(size)`.
 */
export function appendedNodes(size: number, leaves: readonly Buffer[], lookup: NodeLookup): TreeNode[] {
  const made = new Map<string, Buffer>();
  const nodes: TreeNode[] = [];
  const add = (node: TreeNode): void => {
    made.set(nodeKey(node), node.hash);
    nodes.push(node);
  };
  for (const [offset, hash] of leaves.entries()) {
    let node: TreeNode = { level: 0, index: size + offset, hash };
    add(node);
    while (node.index % 2 === 1) {
      const left: NodeId = { level: node.level, index: node.index - 1 };
      node = { level: node.level + 1, index: (node.index - 1) / 2, hash: nodeHash(made.get(nodeKey(left)) ?? lookup(left), node.hash) };
      add(node);
    }
  }
  return nodes;
}

/** The siblings on the way from leaf `index` to the root of a tree of `size` leaves, lowest first, each as the nodes it is made of. */
function siblings(index: number, size: number): NodeId[][] {
  const path: NodeId[][] = [];
  let from = 0;
  let to = size;
  while (to - from > 1) {
    const within = powerWithin(to - from - 1).size;
    const middle = from + within;
    if (index < middle) {
      path.unshift(cover(middle, to));
      to = middle;
    } else {
      path.unshift(cover(from, middle));
      from = middle;
    }
  }
  return path;
}

/** All nodes that `inclusionPath` will look up. */
export const inclusionNodes = (index: number, size: number): NodeId[] => siblings(index, size).flat();

/** PATH(index, D[size]) of RFC 6962, lowest sibling first. `index < size`. */
export function inclusionPath(index: number, size: number, lookup: NodeLookup): Buffer[] {
  return siblings(index, size).map((ids) => fold(ids, lookup));
}

/** Whether `path` proves that `leaf` (a leaf hash) is number `index` of the tree of `size` leaves with `root`. Never throws. */
export function verifyInclusion(proof: Readonly<{ index: number; size: number; leaf: Buffer; path: readonly Buffer[]; root: Buffer }>): boolean {
  const { index, size, leaf, path, root } = proof;
  if (!Number.isSafeInteger(index) || !Number.isSafeInteger(size) || index < 0 || index >= size) return false;
  let hash = leaf;
  let position = index;
  let last = size - 1;
  for (const sibling of path) {
    if (last === 0) return false;
    if (position % 2 === 1 || position === last) {
      hash = nodeHash(sibling, hash);
      while (position % 2 === 0 && position !== 0) {
        position /= 2;
        last = Math.floor(last / 2);
      }
    } else {
      hash = nodeHash(hash, sibling);
    }
    position = Math.floor(position / 2);
    last = Math.floor(last / 2);
  }
  return last === 0 && hash.equals(root);
}

/** The subtrees of PROOF(first, D[second]) of RFC 6962, in the proof's order, each as the nodes it is made of. */
function consistencySubtrees(first: number, second: number): NodeId[][] {
  if (first === 0 || first === second) return [];
  const proof: NodeId[][] = [];
  let from = 0;
  let to = second;
  // The larger tree holds the smaller one's last leaf; the walk ends at the largest subtree that both have whole.
  while (to !== first) {
    const middle = from + powerWithin(to - from - 1).size;
    if (first <= middle) {
      proof.unshift(cover(middle, to));
      to = middle;
    } else {
      proof.unshift(cover(from, middle));
      from = middle;
    }
  }
  // Left out when it is the whole of the smaller tree, whose root the verifier has.
  if (from !== 0) proof.unshift(cover(from, to));
  return proof;
}

/** All nodes that `consistencyPath` will look up. */
export const consistencyNodes = (first: number, second: number): NodeId[] => consistencySubtrees(first, second).flat();

/** PROOF(first, D[second]) of RFC 6962. `0 <= first <= second`; empty for a first tree without leaves and for equal sizes. */
export function consistencyPath(first: number, second: number, lookup: NodeLookup): Buffer[] {
  return consistencySubtrees(first, second).map((ids) => fold(ids, lookup));
}

/** What a consistency proof speaks of: two sizes, the roots at them, and the hashes between. */
export type ConsistencyProof = Readonly<{ first: number; second: number; firstRoot: Buffer; secondRoot: Buffer; path: readonly Buffer[] }>;

/** Whether `path` proves that the tree of `second` leaves only adds to the tree of `first`. Never throws. */
export function verifyConsistency({ first, second, firstRoot, secondRoot, path }: ConsistencyProof): boolean {
  if (!Number.isSafeInteger(first) || !Number.isSafeInteger(second) || first < 0 || first > second) return false;
  if (first === second) return path.length === 0 && firstRoot.equals(secondRoot);
  if (first === 0) return path.length === 0 && firstRoot.equals(emptyRoot);
  let place = first - 1;
  let last = second - 1;
  while (place % 2 === 1) {
    place = Math.floor(place / 2);
    last = Math.floor(last / 2);
  }
  const whole = place === 0; // the smaller tree is itself a complete subtree: its root starts both
  const start = whole ? firstRoot : path[0];
  if (start === undefined) return false;
  let older = start;
  let newer = start;
  for (const sibling of whole ? path : path.slice(1)) {
    if (last === 0) return false;
    if (place % 2 === 1 || place === last) {
      older = nodeHash(sibling, older);
      newer = nodeHash(sibling, newer);
      while (place % 2 === 0 && place !== 0) {
        place /= 2;
        last = Math.floor(last / 2);
      }
    } else {
      newer = nodeHash(newer, sibling);
    }
    place = Math.floor(place / 2);
    last = Math.floor(last / 2);
  }
  return last === 0 && older.equals(firstRoot) && newer.equals(secondRoot);
}

/** A tree that grows leaf by leaf and keeps only the right edge: memory and the root cost O(log n). */
export class GrowingTree {
  /** Complete subtrees from left to right, each smaller than the one before. */
  #edge: TreeNode[] = [];
  #size = 0;
  readonly #onNode: ((node: TreeNode) => void) | undefined;

  /** @param onNode is told every node once, as it is complete: how proofs gather the nodes that they need */
  constructor(onNode?: (node: TreeNode) => void) {
    this.#onNode = onNode;
  }

  /** Leaves so far. */
  get size(): number {
    return this.#size;
  }

  /** Adds a leaf, given by its leaf hash. */
  add(leaf: Buffer): void {
    let node: TreeNode = { level: 0, index: this.#size, hash: leaf };
    this.#onNode?.(node);
    for (let left = this.#edge.at(-1); left?.level === node.level; left = this.#edge.at(-1)) {
      this.#edge.pop();
      node = { level: node.level + 1, index: left.index / 2, hash: nodeHash(left.hash, node.hash) };
      this.#onNode?.(node);
    }
    this.#edge.push(node);
    this.#size += 1;
  }

  /** The root over the leaves so far, 32 bytes. */
  root(): Buffer {
    return this.#edge.length === 0 ? emptyRoot : this.#edge.map((node) => node.hash).reduceRight((right, left) => nodeHash(left, right));
  }

  /** Another tree with the same leaves; what is added to one is not in the other. Its nodes are told to nobody. */
  copy(): GrowingTree {
    const copy = new GrowingTree();
    copy.#edge = [...this.#edge];
    copy.#size = this.#size;
    return copy;
  }
}
