import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { posix } from "node:path";
import type { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { type Headers, type Pack, pack } from "tar-stream";
import type { ImageEntry } from "./image.ts";

/** A layer's name and size in bytes. */
export interface Layer {
  digest: string;
  size: number;
}

/** Nothing of this machine gets in: no time, no user names, no order of reading. */
const anonymous = { mtime: new Date(0), uname: "", gname: "" } as const;

/** The layer's tar file, made while it is read. Uncompressed: it never crosses a network, and a compressor's version would decide its digest. */
export function readLayer(files: ReadonlyMap<string, ImageEntry>): Readable {
  const tar = pack();
  void fill(tar, withParents(files));
  return tar;
}

/** Reads it once for what its name is made of. */
export async function measureLayer(files: ReadonlyMap<string, ImageEntry>): Promise<Layer> {
  const hash = createHash("sha256");
  let size = 0;
  for await (const chunk of readLayer(files) as AsyncIterable<Buffer>) {
    hash.update(chunk);
    size += chunk.length;
  }
  return { digest: `sha256:${hash.digest("hex")}`, size };
}

/** Parents come before what is in them, because "/" sorts before all that names may hold beyond "." and "-". */
function withParents(files: ReadonlyMap<string, ImageEntry>): Map<string, ImageEntry> {
  const all = new Map<string, ImageEntry>();
  for (const [path, entry] of files) {
    if (!path.startsWith("/") || posix.normalize(path) !== path || path === "/") throw new Error(`not a plain absolute path: ${path}`);
    for (let parent = posix.dirname(path); parent !== "/"; parent = posix.dirname(parent)) {
      if (!files.has(parent)) all.set(parent, { type: "directory" });
    }
    all.set(path, entry);
  }
  const key = (path: string) => path.split("/").join("\0");
  return new Map([...all].sort(([a], [b]) => (key(a) < key(b) ? -1 : 1)));
}

async function fill(tar: Pack, files: ReadonlyMap<string, ImageEntry>): Promise<void> {
  try {
    for (const [path, entry] of files) await add(tar, path.slice(1), entry);
    tar.finalize();
  } catch (error) {
    tar.destroy(error instanceof Error ? error : new Error(String(error))); // whoever reads is told
  }
}

async function add(tar: Pack, name: string, entry: ImageEntry): Promise<void> {
  if (entry.type === "link") {
    await end(tar, { ...anonymous, name, type: "symlink", linkname: entry.target, mode: 0o777 });
    return;
  }
  const owner = { uid: entry.owner ?? 0, gid: entry.owner ?? 0 };
  if (entry.type === "directory") {
    await end(tar, { ...anonymous, ...owner, name: `${name}/`, type: "directory", mode: entry.mode ?? 0o755 });
    return;
  }
  const header: Headers = { ...anonymous, ...owner, name, type: "file", mode: entry.mode ?? 0o644 };
  if (typeof entry.from !== "string") {
    await end(tar, { ...header, size: entry.from.length }, entry.from);
    return;
  }
  const { size } = await stat(entry.from);
  await pipeline(createReadStream(entry.from), tar.entry({ ...header, size }));
}

async function end(tar: Pack, header: Headers, content: Buffer = Buffer.alloc(0)): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    tar.entry(header, content, (error) => (error ? reject(error) : resolve()));
  });
}
