/** Reading segment files: the lines that a checkpoint covers, one segment in memory at a time, and what lies behind them. */
import { type Checkpoint } from "./checkpoint.ts";
import { listSegments, readBytes, segmentEntries, segmentPath } from "./files.ts";

/** What a crash left behind the last entry that was acknowledged; `bytes` is 0 when nothing did. */
export interface Tail {
  /** Bytes behind the last acknowledged entry. */
  readonly bytes: number;
  /** Complete lines among them. */
  readonly lines: number;
}

const newline = 0x0a;

/**
 * The lines that should be entries 0 up to `size`, in the order of the files, without their newlines; fewer when files end early.
 * A segment may hold more or fewer lines than it should: whoever reads compares the numbers inside.
 */
export function* coveredLines(dir: string, size: number): Generator<Buffer> {
  for (let first = 0; first < size; first += segmentEntries) {
    const bytes = readBytes(segmentPath(dir, first)) ?? Buffer.alloc(0);
    const last = first + segmentEntries >= size;
    let left = last ? size - first : Infinity; // a full segment with a line too many must be seen
    for (let from = 0; left > 0; left -= 1) {
      const end = bytes.indexOf(newline, from);
      if (end === -1) {
        // A last line without its end is no line; in a segment with others behind it, it is bytes that do not belong.
        if (from < bytes.length && !last) yield bytes.subarray(from);
        break;
      }
      yield bytes.subarray(from, end);
      from = end + 1;
    }
  }
}

/** Where the bytes of a checkpoint's entries end: the last segment's name by its first entry, and the length in it. */
export interface End {
  /** First entry of the segment that the next entry goes to. */
  readonly segment: number;
  /** Bytes of that segment that are covered. */
  readonly length: number;
}

/** Where the covered bytes end; call it only after the entries were found to be all there. */
export function coveredEnd(dir: string, { size }: Pick<Checkpoint, "size">): End {
  const segment = size - (size % segmentEntries);
  const bytes = readBytes(segmentPath(dir, size)) ?? Buffer.alloc(0);
  let length = 0;
  for (let line = segment; line < size; line += 1) length = bytes.indexOf(newline, length) + 1;
  return { segment, length };
}

/** What lies behind the covered bytes. */
export function tailAfter(dir: string, end: End): Tail {
  let bytes = 0;
  let lines = 0;
  for (const first of listSegments(dir).filter((number) => number >= end.segment)) {
    const content = (readBytes(segmentPath(dir, first)) ?? Buffer.alloc(0)).subarray(first === end.segment ? end.length : 0);
    bytes += content.length;
    for (const byte of content) if (byte === newline) lines += 1;
  }
  return { bytes, lines };
}
