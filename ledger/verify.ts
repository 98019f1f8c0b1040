/** Verification, top-down: the checkpoint's signature, the entries' numbers and links, the root of their tree, and what others have seen before. */
import { type Checkpoint, openCheckpoint, type SignedCheckpoint } from "./checkpoint.ts";
import { damaged, misplaced, truncated } from "./damage.ts";
import { after, clockProblem, type Line, type Position, readLine, start } from "./entry.ts";
import { LedgerError } from "./errors.ts";
import { checkpointPath, listSegments, readFolder, readText } from "./files.ts";
import { coveredEnd, coveredLines, type End, type Tail, tailAfter } from "./lines.ts";
import { GrowingTree, leafHash, type TreeNode } from "./merkle.ts";
import type { PublicKey } from "./note.ts";

/** What to verify with. */
export interface VerifyOptions {
  /** Public keys that are trusted to sign this ledger; more than one after a change of keys. */
  readonly keys: readonly PublicKey[];
  /** Notes of checkpoints seen earlier, or kept by a mirror: the ledger must continue each of them. */
  readonly seen?: readonly string[] | undefined;
  /** Is told every entry, in order, before the root is known to be right: act only when `verifyLedger` has returned. */
  readonly onEntry?: ((line: Line) => void) | undefined;
  /** Is told every complete subtree, in order. */
  readonly onNode?: ((node: TreeNode) => void) | undefined;
}

/** A ledger that holds what was signed. */
export interface Verified {
  readonly checkpoint: SignedCheckpoint;
  /** Entries that say that the clock went back before them. */
  readonly clockFlags: number;
  readonly tail: Tail;
  /** The tree over all entries. */
  readonly tree: GrowingTree;
  /** Where the next entry goes. */
  readonly position: Position;
  readonly end: End;
}

/**
 * The ledger's checkpoint, its signature checked and its entries not.
 * @throws LedgerError `missing`, `bad-checkpoint`, `bad-signature`, `other-key`
 */
export function readCheckpoint(dir: string, keys: readonly PublicKey[]): SignedCheckpoint {
  const path = checkpointPath(dir);
  const note = readText(path);
  if (note !== undefined) return openCheckpoint(note, keys, path);
  if (readFolder(dir) !== undefined && listSegments(dir).length > 0) throw damaged("bad-checkpoint", `${path} is gone, while entries are there.`);
  throw new LedgerError("missing", `There is no ledger in ${dir}.`, "Give the right folder, or make a ledger with `delivery ledger init`.");
}

/**
 * Verifies a whole ledger; memory does not grow with it.
 * @returns what was found; it may have a tail that a crash left, which is no part of the ledger
 * @throws LedgerError with a code for each kind of damage
 */
export function verifyLedger(dir: string, options: VerifyOptions): Verified {
  return verifyAgainst(dir, readCheckpoint(dir, options.keys), options);
}

/** As `verifyLedger`, against a checkpoint that is not the one in the ledger's folder: newer, or kept elsewhere. */
export function verifyAgainst(dir: string, checkpoint: SignedCheckpoint, { keys, seen = [], onEntry, onNode }: VerifyOptions): Verified {
  const { size } = checkpoint;
  const earlier = seen.map((note, at) => openCheckpoint(note, keys, `The earlier checkpoint${seen.length > 1 ? ` (number ${at + 1})` : ""}`));
  for (const known of earlier) checkOrigin(known, checkpoint);
  const tree = new GrowingTree(onNode);
  let position: Position = start;
  let clockFlags = 0;
  let invalid: { seq: number; problem: string } | undefined;
  compareRoots(tree, earlier);
  for (const bytes of coveredLines(dir, size)) {
    const { line, problem } = readLine(bytes);
    const leaf = line?.leaf ?? leafHash(bytes);
    if (line === undefined) {
      // Signed like this by a faulty writer, or changed later? Only the root can tell.
      invalid ??= { seq: position.seq, problem };
      if (position.seq >= size) throw misplaced(dir, size);
      position = { ...position, seq: position.seq + 1, previous: leaf };
    } else {
      if (line.entry.seq !== position.seq) throw misplaced(dir, size);
      if (line.entry.previous !== position.previous?.toString("hex")) throw brokenLink(position.seq, invalid);
      const late = clockProblem(line, position.latest);
      if (late !== undefined) invalid ??= { seq: position.seq, problem: late };
      if (line.entry.clockBehindMs !== undefined) clockFlags += 1;
      position = after(position, line);
      onEntry?.(line);
    }
    tree.add(leaf);
    compareRoots(tree, earlier);
  }
  if (tree.size < size) throw truncated(tree.size, size);
  if (!tree.root().equals(checkpoint.root)) throw otherRoot(size, invalid);
  if (invalid !== undefined) {
    throw new LedgerError("invalid-entry", `Entry ${invalid.seq} was signed as it stands, and breaks the rules for entries: ${invalid.problem}.`, "The ledger is whole; the program that wrote the entry was wrong or newer than this one.");
  }
  for (const known of earlier) if (known.size > size) throw shrunk(known, size);
  const end = coveredEnd(dir, checkpoint);
  return { checkpoint, clockFlags, tail: tailAfter(dir, end), tree, position, end };
}

function brokenLink(seq: number, invalid: { seq: number; problem: string } | undefined): LedgerError {
  const before = seq - 1;
  return damaged(
    "edited",
    invalid?.seq === before && seq > 0
      ? `Entry ${before} was changed: ${invalid.problem}.`
      : seq === 0
        ? "Entry 0 was changed: it names an entry before it."
        : `Entry ${before} was changed, or the link to it in entry ${seq}: entry ${seq} names another hash for it.`,
  );
}

function otherRoot(size: number, invalid: { seq: number; problem: string } | undefined): LedgerError {
  if (invalid !== undefined) return damaged("edited", `Entry ${invalid.seq} was changed: ${invalid.problem}.`);
  return damaged("edited", `The ${size} entries fit each other and not the signed checkpoint: the last one was changed, or several were rewritten by somebody without the key.`);
}

function checkOrigin(known: Checkpoint, own: Checkpoint): void {
  if (known.origin === own.origin) return;
  throw new LedgerError("other-key", `The earlier checkpoint is of the ledger "${known.origin}", and this is "${own.origin}".`, "Give the checkpoint of this ledger.");
}

function compareRoots(tree: GrowingTree, earlier: readonly SignedCheckpoint[]): void {
  for (const known of earlier) {
    if (known.size !== tree.size || tree.root().equals(known.root)) continue;
    throw new LedgerError(
      "fork",
      `A checkpoint seen earlier covers ${known.size} entries with the root ${known.root.toString("base64")}; here they have ${tree.root().toString("base64")}: there are two histories, both signed.`,
      "Keep both, trust neither, and change the signing key: its holder, or somebody who has it, signed twice.",
    );
  }
}

function shrunk(known: Checkpoint, size: number): LedgerError {
  return damaged("truncated", `A checkpoint seen earlier covers ${known.size} entries, and the ledger has ${size}: it was put back to an older state.`);
}
