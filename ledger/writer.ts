/**
 * Appending. An entry is acknowledged when `append` returns; then it is on the disk and under a signed checkpoint. The order is what makes a
 * crash harmless: the entry's bytes are flushed, then the next checkpoint is written and flushed beside the old one, then takes its place.
 * What the checkpoint does not cover was never acknowledged, and is cut off by the next writer.
 */
import { mkdirSync, rmSync, truncateSync } from "node:fs";
import { join } from "node:path";
import { openCheckpoint, signCheckpoint } from "./checkpoint.ts";
import { damaged } from "./damage.ts";
import { after, type ClockRule, type Line, type Position, stamp } from "./entry.ts";
import { LedgerError } from "./errors.ts";
import { appendDurably, checkpointPath, entriesPath, flushFile, flushFolder, ioError, listSegments, nextCheckpointPath, readFolder, readText, renameDurably, segmentEntries, segmentPath, writeDurably } from "./files.ts";
import { acquireLock, type Lock } from "./lock.ts";
import type { Tail } from "./lines.ts";
import { emptyRoot, type GrowingTree } from "./merkle.ts";
import { keyTitle, type PublicKey, type SecretKey } from "./note.ts";
import type { Draft } from "./schema.ts";
import { readCheckpoint, type Verified, verifyAgainst, verifyLedger } from "./verify.ts";

/** How to open a ledger for writing. */
export interface OpenOptions {
  /** Signs the checkpoints. Its name is the ledger's name. */
  readonly key: SecretKey;
  /** Keys that signed before, after a change of keys; the signing key is always trusted. */
  readonly formerKeys?: readonly PublicKey[];
  /** What this process runs, for whoever finds the ledger locked. */
  readonly command: string;
  /** Milliseconds since 1970. Default: the system's clock. */
  readonly now?: () => number;
  /** Told every entry that is there, once it is verified as a whole line; what it gathers counts only when opening returns. */
  readonly onEntry?: (line: Line) => void;
}

/** Proof that entries are recorded. */
export interface Receipt {
  /** What was recorded, in order. */
  readonly lines: readonly Line[];
  /** The signed checkpoint that covers them: keep it, and no later ledger without them can pass. */
  readonly checkpoint: string;
}

/**
 * Makes an empty ledger.
 * @throws LedgerError `exists` when the folder has anything in it: a ledger that was lost is never silently begun anew
 */
export function createLedger(dir: string, key: SecretKey): void {
  if ((readFolder(dir) ?? []).length > 0) throw new LedgerError("exists", `${dir} is not empty.`, "Give a new folder; if a ledger was here and is damaged, restore it instead.");
  try {
    mkdirSync(entriesPath(dir), { recursive: true });
    writeDurably(nextCheckpointPath(dir), signCheckpoint({ origin: key.name, size: 0, root: emptyRoot }, key));
    renameDurably(nextCheckpointPath(dir), checkpointPath(dir));
    flushFolder(join(dir, ".."));
  } catch (error) {
    throw ioError(`The ledger ${dir} could not be made`, error);
  }
}

/**
 * Opens a ledger for writing: takes the lock, verifies everything, and cuts off what a crash left.
 * @throws LedgerError `locked`, `missing`, or what verification finds: a damaged ledger is never written on
 */
export function openLedger(dir: string, options: OpenOptions): LedgerWriter {
  if (readFolder(dir) === undefined) throw new LedgerError("missing", `There is no ledger in ${dir}.`, "Give the right folder, or make a ledger with `delivery ledger init`.");
  const lock = acquireLock(join(dir, "lock"), options.command);
  try {
    const keys = [options.key, ...(options.formerKeys ?? [])];
    finishCheckpoint(dir, keys);
    const verified = verifyLedger(dir, { keys, ...(options.onEntry !== undefined && { onEntry: options.onEntry }) });
    cutTail(dir, verified);
    return new LedgerWriter(dir, options, lock, verified);
  } catch (error) {
    lock.release();
    throw error;
  }
}

/** A ledger that is open for writing. All its calls return when they are done; close it in the end. */
export class LedgerWriter {
  readonly #dir: string;
  readonly #options: OpenOptions;
  readonly #lock: Lock;
  #tree: GrowingTree;
  #position: Position;
  #note: string;
  /** Set when a write failed: what is on the disk is then known only after opening again. */
  #failed = false;
  /** What an earlier crash left, and opening cut off. */
  readonly repaired: Tail;

  /** Use `openLedger`. */
  constructor(dir: string, options: OpenOptions, lock: Lock, verified: Verified) {
    this.#dir = dir;
    this.#options = options;
    this.#lock = lock;
    this.#tree = verified.tree;
    this.#position = verified.position;
    this.#note = verified.checkpoint.note;
    this.repaired = verified.tail;
  }

  /** Entries so far. */
  get size(): number {
    return this.#position.seq;
  }

  /** The signed checkpoint over all entries so far. */
  get checkpoint(): string {
    return this.#note;
  }

  /**
   * Records one entry; when this returns, a power cut cannot lose it.
   * @param rule what to do when the clock went back
   * @throws LedgerError `invalid-entry`, `clock`: nothing was recorded. `locked`, `io`: it may have been; open again and look
   */
  append(draft: Draft, rule: ClockRule = "refuse"): Receipt {
    return this.appendAll([draft], rule);
  }

  /** Records several entries under one checkpoint: all of them or none. */
  appendAll(drafts: readonly Draft[], rule: ClockRule = "refuse"): Receipt {
    this.#checkStillOurs();
    const { key, now = Date.now } = this.#options;
    const tree = this.#tree.copy();
    let position = this.#position;
    const lines: Line[] = [];
    for (const draft of drafts) {
      const line = stamp(draft, position, now(), rule, keyTitle(key));
      tree.add(line.leaf);
      position = after(position, line);
      lines.push(line);
    }
    if (lines.length === 0) return { lines, checkpoint: this.#note };
    const note = signCheckpoint({ origin: key.name, size: tree.size, root: tree.root() }, key);
    this.#write(lines, note);
    this.#tree = tree;
    this.#position = position;
    this.#note = note;
    return { lines, checkpoint: note };
  }

  /** Lets the next writer in. A second call does nothing. */
  close(): void {
    this.#lock.release();
  }

  #write(lines: readonly Line[], note: string): void {
    try {
      for (let at = 0; at < lines.length; ) {
        const seq = this.#position.seq + at;
        const batch = lines.slice(at, at + segmentEntries - (seq % segmentEntries));
        appendDurably(segmentPath(this.#dir, seq), Buffer.concat(batch.flatMap((line) => [line.bytes, Buffer.of(0x0a)])));
        if (seq % segmentEntries === 0) flushFolder(entriesPath(this.#dir));
        at += batch.length;
      }
      writeDurably(nextCheckpointPath(this.#dir), note);
      renameDurably(nextCheckpointPath(this.#dir), checkpointPath(this.#dir));
    } catch (error) {
      this.#failed = true;
      throw ioError(`${lines.length === 1 ? "An entry" : `${lines.length} entries`} could not be recorded in ${this.#dir}`, error);
    }
  }

  #checkStillOurs(): void {
    if (this.#failed) throw new LedgerError("io", `A write to ${this.#dir} failed before.`, "Open the ledger again: only then is it known what was recorded.");
    if (!this.#lock.held()) throw new LedgerError("locked", `The lock on ${this.#dir} was let go or taken away.`, "Open the ledger again.");
    if (readText(checkpointPath(this.#dir)) !== this.#note) throw damaged("fork", `Something else wrote ${checkpointPath(this.#dir)} while this process held the lock.`);
  }
}

/**
 * A signed checkpoint that a crash kept from its place gets there when all its entries are on the disk: nothing that was signed is ever
 * signed differently later. Otherwise it goes.
 */
function finishCheckpoint(dir: string, keys: readonly PublicKey[]): void {
  const path = nextCheckpointPath(dir);
  const note = readText(path);
  if (note === undefined) return;
  // Without a checkpoint in its place this is no crash of ours; verification says what it is.
  if (readText(checkpointPath(dir)) === undefined) return;
  try {
    if (coversMore(dir, note, keys)) renameDurably(path, checkpointPath(dir));
    else rmSync(path);
  } catch (error) {
    throw error instanceof LedgerError ? error : ioError(`${path} could not be put in place`, error);
  }
}

function coversMore(dir: string, note: string, keys: readonly PublicKey[]): boolean {
  try {
    const next = openCheckpoint(note, keys, nextCheckpointPath(dir));
    const current = readCheckpoint(dir, keys);
    if (next.size <= current.size) return false;
    verifyAgainst(dir, next, { keys, seen: [current.note] });
    return true;
  } catch (error) {
    // Half-written, or its entries are not whole: the crash came before it counted. Damage below it is told by the verification that follows.
    if (error instanceof LedgerError && error.code !== "io") return false;
    throw error;
  }
}

/** Removes what nobody was told of: a line without its end, or lines that no checkpoint covers. */
function cutTail(dir: string, { end, tail }: Verified): void {
  const segments = listSegments(dir).filter((first) => first > end.segment || (first === end.segment && end.length === 0));
  if (tail.bytes === 0 && segments.length === 0) return;
  try {
    for (const first of segments) rmSync(segmentPath(dir, first));
    if (end.length > 0) {
      const path = segmentPath(dir, end.segment);
      truncateSync(path, end.length);
      flushFile(path);
    }
    flushFolder(entriesPath(dir));
  } catch (error) {
    throw ioError(`What a crash left in ${dir} could not be removed`, error);
  }
}
