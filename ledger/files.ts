/** Where a ledger's parts lie in its folder, and how files are written so that they are whole after a crash. */
import { closeSync, fsyncSync, mkdirSync, openSync, readdirSync, readFileSync, renameSync, rmSync, writeSync } from "node:fs";
import { dirname, join } from "node:path";
import { LedgerError, systemCode } from "./errors.ts";

/** Entries in a full segment file. */
export const segmentEntries = 1000;

/** The signed checkpoint: what it covers was acknowledged. */
export const checkpointPath = (dir: string): string => join(dir, "checkpoint");
/** A signed checkpoint on its way: its entries are on the disk, it is about to take the place of the other. */
export const nextCheckpointPath = (dir: string): string => join(dir, "checkpoint.next");
/** The folder of segment files. */
export const entriesPath = (dir: string): string => join(dir, "entries");
/** Name of the segment that holds an entry: the number of its first entry, in twelve digits. */
const segmentName = (seq: number): string => `${String(seq - (seq % segmentEntries)).padStart(12, "0")}.jsonl`;
/** Path of the segment that holds an entry. */
export const segmentPath = (dir: string, seq: number): string => join(entriesPath(dir), segmentName(seq));

/** Segment files that are there, in order, by the number of their first entry; other files are passed over. */
export function listSegments(dir: string): number[] {
  return (readFolder(entriesPath(dir)) ?? [])
    .filter((name) => /^\d{12}\.jsonl$/.test(name))
    .map((name) => Number(name.slice(0, 12)))
    .sort((a, b) => a - b);
}

/** The files of a folder; undefined when there is none. */
export function readFolder(path: string): string[] | undefined {
  return orMissing(path, () => readdirSync(path));
}

/** A file's bytes; undefined when there is none. */
export function readBytes(path: string): Buffer | undefined {
  return orMissing(path, () => readFileSync(path));
}

/** A file's text; undefined when there is none. */
export function readText(path: string): string | undefined {
  return readBytes(path)?.toString("utf8");
}

function orMissing<T>(path: string, read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    if (systemCode(error) === "ENOENT" || systemCode(error) === "ENOTDIR") return undefined;
    throw ioError(`${path} cannot be read`, error);
  }
}

/** `LedgerError` `io` for a failed system call. */
export function ioError(what: string, cause: unknown): LedgerError {
  return new LedgerError("io", `${what}: ${systemCode(cause) ?? String(cause)}.`, "Look at the disk (space, permissions, mount) and try again; what was acknowledged is on it.", { cause });
}

/** Appends to a file, or makes it, and returns when the bytes are on the disk. */
export function appendDurably(path: string, bytes: Uint8Array): void {
  writeThrough(path, "a", bytes, 0o644);
}

/** Writes a whole file and returns when its bytes are on the disk; its name may not be yet. */
export function writeDurably(path: string, bytes: string | Uint8Array, mode = 0o644): void {
  writeThrough(path, "w", Buffer.from(bytes), mode);
}

/** Puts a durably written file in another's place, whole or not at all, and returns when that is on the disk. */
export function renameDurably(from: string, to: string): void {
  renameSync(from, to);
  flushFolder(dirname(to));
}

/** Replaces a file's content, whole or not at all, with a temporary file beside it; makes its folder. */
export function replaceFile(path: string, content: string, mode = 0o644): void {
  const draft = `${path}.${process.pid}.tmp`;
  mkdirSync(dirname(path), { recursive: true });
  try {
    writeDurably(draft, content, mode);
    renameDurably(draft, path);
  } catch (error) {
    rmSync(draft, { force: true });
    throw ioError(`${path} could not be written`, error);
  }
}

/** New and removed names survive a power cut only once the folder is flushed. */
export function flushFolder(path: string): void {
  flush(path, "r");
}

/** Returns when a file's bytes and length are on the disk. */
export function flushFile(path: string): void {
  flush(path, "r+");
}

function flush(path: string, flags: "r" | "r+"): void {
  const file = openSync(path, flags);
  try {
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}

function writeThrough(path: string, flags: "a" | "w", bytes: Uint8Array, mode: number): void {
  const file = openSync(path, flags, mode);
  try {
    for (let done = 0; done < bytes.length; ) done += writeSync(file, bytes, done);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}
