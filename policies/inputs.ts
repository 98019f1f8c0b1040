/** Finds what is to be scanned (files, directories, standard input) and cuts it into documents. */
import { closeSync, openSync, readdirSync, readSync, statSync, type Stats } from "node:fs";
import { join } from "node:path";
import { StringDecoder } from "node:string_decoder";
import { countLines, readDocument, type InputItem } from "./documents.ts";

/** Longest single document, in characters: what is beyond is refused, so that memory stays bounded. */
const LONGEST_DOCUMENT = 32 * 1024 * 1024;
const CHUNK = 1 << 20;

/** Everything under the given paths (`-` is standard input), one resource at a time, in order of names. What is met twice, by links or paths within others, is read once. */
export function* readInputs(paths: readonly string[]): Generator<InputItem> {
  const seen = new Set<string>();
  for (const path of paths) yield* path === "-" ? readFrom(0, "stdin") : readPath(path, true, seen);
}

/**
 * @param named given by a person, so read whatever its name is
 * @returns whether there was a file to be read, by this path or one before, or something that could not be
 */
function* readPath(path: string, named: boolean, seen: Set<string>): Generator<InputItem, boolean> {
  try {
    const stats = statSync(path);
    if (!stats.isDirectory() && !named && !(stats.isFile() && /\.(ya?ml|json)$/i.test(path))) return false;
    if (seenBefore(stats, seen)) return true;
    if (stats.isDirectory()) {
      let any = false;
      for (const entry of readdirSync(path).sort()) {
        if (entry !== "node_modules" && entry !== ".git") any = (yield* readPath(join(path, entry), false, seen)) || any;
      }
      // A mistyped directory must not look like a sound one.
      if (named && !any) yield { problem: { file: path, message: "there is no YAML or JSON file below it" } };
      return any;
    }
    const descriptor = openSync(path, "r");
    try {
      yield* readFrom(descriptor, path);
    } finally {
      closeSync(descriptor);
    }
  } catch (error) {
    if (!(error instanceof Error) || !("code" in error)) throw error;
    yield { problem: { file: path, message: reason(String(error.code)) } };
  }
  return true;
}

function seenBefore({ dev, ino }: Stats, seen: Set<string>): boolean {
  const before = seen.size;
  seen.add(`${dev}:${ino}`);
  return seen.size === before;
}

function reason(code: string): string {
  const words: Readonly<Record<string, string>> = { ENOENT: "no such file or directory", EACCES: "access denied", EPERM: "access denied", ELOOP: "too many links", ENAMETOOLONG: "the name is too long", EIO: "the disk can't read it" };
  return words[code] ?? `can't be read (${code})`;
}

/** Documents of one file, read in pieces: a file of any size needs the memory of its longest document. */
function* readFrom(descriptor: number, file: string): Generator<InputItem> {
  const decoder = new StringDecoder("utf8");
  const buffer = Buffer.alloc(CHUNK);
  let pending = "";
  let line = 1;
  for (;;) {
    const bytes = read(descriptor, buffer);
    pending += bytes === 0 ? decoder.end() : decoder.write(buffer.subarray(0, bytes));
    // A line that begins so ends a document of YAML; JSON can't hold one.
    const parts = pending.split(/^---(?=\s|$)/m);
    // The last part may go on in the next piece; a mark cut in two is put together with it.
    const last = parts.pop() ?? "";
    for (const [index, part] of parts.entries()) {
      yield* readDocument(index === 0 ? part : `---${part}`, file, line);
      line += countLines(part);
    }
    pending = parts.length > 0 ? `---${last}` : last;
    if (bytes === 0) {
      yield* readDocument(pending, file, line);
      return;
    }
    if (pending.length > LONGEST_DOCUMENT) {
      yield { problem: { file, line, message: `a document longer than ${LONGEST_DOCUMENT / 1024 / 1024} MiB is not read; separate its objects by lines of ---` } };
      return;
    }
  }
}

/** Standard input may be a terminal or pipe that has nothing yet. */
function read(descriptor: number, buffer: Buffer): number {
  for (;;) {
    try {
      return readSync(descriptor, buffer, 0, buffer.length, null);
    } catch (error) {
      const code = error instanceof Error && "code" in error ? error.code : undefined;
      if (code === "EOF") return 0;
      if (code !== "EAGAIN") throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 10);
    }
  }
}
