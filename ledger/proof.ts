/**
 * Proofs that stand by themselves: whoever has the public key needs nothing else of us. That an entry is in the ledger: C2SP tlog-proof v1.
 * That a ledger continues an older checkpoint: the form in which C2SP tlog-witness asks for a cosignature.
 */
import { openCheckpoint, type SignedCheckpoint } from "./checkpoint.ts";
import { type Line, readLine } from "./entry.ts";
import { LedgerError } from "./errors.ts";
import { consistencyNodes, consistencyPath, inclusionNodes, inclusionPath, leafHash, lookupIn, nodeKey, type NodeId, verifyConsistency, verifyInclusion } from "./merkle.ts";
import type { PublicKey } from "./note.ts";
import { readCheckpoint, verifyLedger } from "./verify.ts";

const header = "c2sp.org/tlog-proof@v1";

/** An entry and the proof that it is in the ledger. */
export interface InclusionProof {
  readonly line: Line;
  /** The text of a `.tlog-proof` file. */
  readonly proof: string;
}

/**
 * Proves that entry `seq` is in the ledger; verifies the ledger on the way.
 * @throws LedgerError `bad-proof` when there is no such entry, or what verification finds
 */
export function proveInclusion(dir: string, seq: number, keys: readonly PublicKey[]): InclusionProof {
  const { size } = readCheckpoint(dir, keys);
  if (!Number.isSafeInteger(seq) || seq < 0 || seq >= size) {
    throw new LedgerError("bad-proof", `There is no entry ${seq}: the ledger has ${size === 0 ? "none" : `0 to ${size - 1}`}.`, "Give the number of an entry, as `delivery history` shows it.");
  }
  const wanted = gather(inclusionNodes(seq, size));
  let line: Line | undefined;
  const { checkpoint } = verifyLedger(dir, { keys, onNode: wanted.add, onEntry: (each) => (line = each.entry.seq === seq ? each : line) });
  sameSize(checkpoint, size);
  if (line === undefined) throw new Error(`Entry ${seq} was verified and not seen`);
  return { line, proof: `${header}\nindex ${seq}\n${hashLines(inclusionPath(seq, size, wanted.lookup))}\n${checkpoint.note}` };
}

/** What a proof has shown. */
export interface Included {
  readonly checkpoint: SignedCheckpoint;
  readonly line: Line;
}

/**
 * Verifies an inclusion proof.
 * @param entry the entry's line; its newline may be there
 * @throws LedgerError `bad-proof`, `invalid-entry`, or what is wrong with the checkpoint
 */
export function verifyInclusionProof(proof: string, entry: Uint8Array, keys: readonly PublicKey[]): Included {
  const [head, rest] = cut(proof);
  const lines = head.split("\n");
  const index = lines[1]?.startsWith("extra ") === true ? lines[2] : lines[1];
  const [, number] = /^index (0|[1-9]\d{0,14})$/.exec(index ?? "") ?? [];
  if (lines[0] !== header || number === undefined) throw badProof(`It is no proof of the form ${header}.`);
  const checkpoint = openCheckpoint(rest, keys, "The proof's checkpoint");
  const path = lines.slice(lines.indexOf(index ?? "") + 1).map(hashOf);
  const bytes = Buffer.from(entry.at(-1) === 0x0a ? entry.subarray(0, -1) : entry);
  if (!verifyInclusion({ index: Number(number), size: checkpoint.size, leaf: leafHash(bytes), path, root: checkpoint.root })) {
    throw badProof(`It does not prove that these bytes are entry ${number} of the ${checkpoint.size} that were signed.`);
  }
  const { line, problem } = readLine(bytes);
  if (line === undefined) throw new LedgerError("invalid-entry", `Entry ${number} was signed as it stands, and breaks the rules for entries: ${problem}.`, "Ask the ledger's owner: the program that wrote it was wrong, or newer than this one.");
  return { checkpoint, line };
}

/**
 * Proves that the ledger continues an older checkpoint of its own; verifies the ledger on the way.
 * @param older the older checkpoint's note
 */
export function proveConsistency(dir: string, older: string, keys: readonly PublicKey[]): string {
  const first = openCheckpoint(older, keys, "The older checkpoint").size;
  const second = readCheckpoint(dir, keys).size;
  const wanted = gather(first > second ? [] : consistencyNodes(first, second));
  const { checkpoint } = verifyLedger(dir, { keys, seen: [older], onNode: wanted.add });
  sameSize(checkpoint, second);
  return `old ${first}\n${hashLines(consistencyPath(first, second, wanted.lookup))}\n${checkpoint.note}`;
}

/**
 * Verifies a consistency proof.
 * @returns the newer checkpoint
 * @throws LedgerError `bad-proof`, `fork`, or what is wrong with a checkpoint
 */
export function verifyConsistencyProof(proof: string, older: string, keys: readonly PublicKey[]): SignedCheckpoint {
  const [head, rest] = cut(proof);
  const [first = "", ...hashes] = head.split("\n");
  const [, size] = /^old (0|[1-9]\d{0,14})$/.exec(first) ?? [];
  if (size === undefined) throw badProof("It does not begin with `old` and a number of entries.");
  const before = openCheckpoint(older, keys, "The older checkpoint");
  const now = openCheckpoint(rest, keys, "The proof's checkpoint");
  if (before.size !== Number(size)) throw badProof(`It starts from ${size} entries, and the older checkpoint covers ${before.size}.`);
  if (before.origin !== now.origin) throw badProof(`It is of the ledger "${now.origin}", and the older checkpoint of "${before.origin}".`);
  if (!verifyConsistency({ first: before.size, second: now.size, firstRoot: before.root, secondRoot: now.root, path: hashes.map(hashOf) })) {
    throw new LedgerError("fork", `The ${now.size} entries of the newer checkpoint do not continue the ${before.size} of the older one by this proof.`, "Ask for the proof again; if it stays so, there are two histories: keep both checkpoints, trust neither.");
  }
  return now;
}

function gather(ids: readonly NodeId[]): { add: (node: NodeId & { hash: Buffer }) => void; lookup: (id: NodeId) => Buffer } {
  const wanted = new Set(ids.map(nodeKey));
  const found = new Map<string, Buffer>();
  return {
    add: (node) => {
      const key = nodeKey(node);
      if (wanted.has(key)) found.set(key, node.hash);
    },
    lookup: lookupIn(found),
  };
}

/** The ledger may grow between two looks at its checkpoint. */
function sameSize(checkpoint: SignedCheckpoint, size: number): void {
  if (checkpoint.size !== size) throw new LedgerError("bad-proof", "The ledger grew while the proof was made.", "Ask again.");
}

/** The part before the first empty line, and the checkpoint behind it. */
function cut(proof: string): [string, string] {
  const at = proof.indexOf("\n\n");
  if (at === -1) throw badProof("It has no empty line, behind which the checkpoint stands.");
  return [proof.slice(0, at), proof.slice(at + 2)];
}

const hashLines = (path: readonly Buffer[]): string => path.map((hash) => `${hash.toString("base64")}\n`).join("");

function hashOf(line: string): Buffer {
  const hash = Buffer.from(line, "base64");
  if (hash.length !== 32 || hash.toString("base64") !== line) throw badProof("One of its lines is no hash in base64.");
  return hash;
}

function badProof(what: string): LedgerError {
  return new LedgerError("bad-proof", `The proof does not hold. ${what}`, "Ask for the entry and its proof again (`delivery ledger proof N`); they may have been cut or changed on the way.");
}
