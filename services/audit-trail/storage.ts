import { randomBytes } from "node:crypto";
import { open, readFile, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { CheckFailure } from "./checks.ts";
import type { Head } from "./trail.ts";

/** A remembered head, kept on the storage volume, so that a database that was cut back or rewritten is noticed. */
export type Checkpoint = Readonly<{ size: number; link: string; root: string }>;

const checkpointFormat = z.strictObject({ size: z.number().int().min(1), link: z.string(), root: z.string() });
const checkpointName = "checkpoint.json";

async function writeWhole(path: string, content: string | Buffer): Promise<void> {
  const file = await open(path, "w", 0o600);
  try {
    await file.writeFile(content);
    await file.sync();
  } finally {
    await file.close();
  }
}

/**
 * Writes random bytes to the volume, reads them back and deletes them.
 * @param pod names the file, so that replicas on one volume do not disturb each other, and a crash leaves one file at most.
 */
export async function probeStorage(folder: string, pod: string): Promise<void> {
  const path = join(folder, `.probe-${pod}`);
  const content = randomBytes(64);
  try {
    await writeWhole(path, content);
    if (!(await readFile(path)).equals(content)) throw new CheckFailure("the audit storage gave back other bytes than were written");
  } finally {
    await rm(path, { force: true });
  }
}

/**
 * The checkpoint of the volume, or undefined before the first.
 * @throws CheckFailure when the file is there and is not a checkpoint.
 */
export async function readCheckpoint(folder: string): Promise<Checkpoint | undefined> {
  let text: string;
  try {
    text = await readFile(join(folder, checkpointName), "utf8");
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
    throw error;
  }
  const damaged = new CheckFailure(`${checkpointName} on the audit storage is damaged: compare the trail with a backup before deleting it`);
  try {
    const parsed = checkpointFormat.safeParse(JSON.parse(text));
    if (!parsed.success) throw damaged;
    return parsed.data;
  } catch (error) {
    throw error instanceof SyntaxError ? damaged : error;
  }
}

/** Remembers a head; whole or not at all, as it replaces the file by a rename. An empty trail is not remembered. */
export async function writeCheckpoint(folder: string, pod: string, head: Head): Promise<void> {
  if (head.event === undefined) return;
  const checkpoint: Checkpoint = { size: head.size, link: head.event.link.toString("hex"), root: head.root.toString("hex") };
  const fresh = join(folder, `.${checkpointName}-${pod}`);
  await writeWhole(fresh, JSON.stringify(checkpoint));
  await rename(fresh, join(folder, checkpointName));
}
