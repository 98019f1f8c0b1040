/** The state file on disk: written atomically with one backup, read with suspicion, never overwritten when it is broken. */
import {
  closeSync,
  copyFileSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { UserError, systemCode } from "./errors.ts";
import { type Deployment, type StateDocument, checkDocument } from "./deployment.ts";

/** Where the state of a stack is kept by default: `.pulumi-local/<project>/<stack>.json` below the project's folder. */
export function defaultStatePath(root: string, project: string, stack: string): string {
  return join(root, ".pulumi-local", project, `${stack}.json`);
}

/**
 * Reads a state file.
 * @returns undefined when there is none yet
 * @throws UserError when it is truncated, not a deployment, or of a version this engine does not write; the last good file is named
 */
export function readStateFile(path: string): StateDocument | undefined {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (cause) {
    if (systemCode(cause) === "ENOENT") {
      if (!existsSync(`${path}.bak`)) return undefined;
      throw refusal(path, "is missing, while its backup is there", cause);
    }
    throw new UserError(`The state ${path} cannot be read: ${systemCode(cause) ?? String(cause)}.`, undefined, {
      cause,
    });
  }
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch (cause) {
    throw refusal(path, text.trim() === "" ? "is empty" : "is not complete JSON (truncated?)", cause);
  }
  const problem = checkDocument(parsed);
  if (problem !== undefined) throw refusal(path, problem);
  return parsed as StateDocument;
}

function refusal(path: string, problem: string, cause?: unknown): UserError {
  const backup = `${path}.bak`;
  const good = isGood(backup);
  return new UserError(
    `The state ${path} ${problem}. It is left as it is, and nothing runs on it.`,
    good
      ? `The last good one is ${backup}: look at it, then copy it to ${path}.`
      : "There is no good backup beside it: restore it from your own copy.",
    { cause },
  );
}

function isGood(path: string): boolean {
  try {
    return checkDocument(JSON.parse(readFileSync(path, "utf8"))) === undefined;
  } catch {
    return false; // missing or broken: not good, whatever the reason
  }
}

/**
 * Writes a state file: to a temporary file that is flushed to the disk and then renamed. The file that was there becomes `<path>.bak`
 * if `keepPrevious`.
 * @throws UserError when the disk is full or the folder not writable; the file that was there is untouched
 */
export function writeStateFile(
  path: string,
  deployment: Deployment,
  version: 3 | 4,
  features: readonly string[],
  keepPrevious: boolean,
): void {
  const document: StateDocument = { version, ...(features.length > 0 ? { features: [...features] } : {}), deployment };
  const text = `${JSON.stringify(document, null, 4)}\n`;
  const draft = `${path}.${process.pid}.tmp`;
  try {
    mkdirSync(dirname(path), { recursive: true });
    writeDurably(draft, text);
    if (keepPrevious && existsSync(path)) {
      copyFileSync(path, `${draft}.bak`);
      renameSync(`${draft}.bak`, `${path}.bak`);
    }
    renameSync(draft, path);
    flushFolder(dirname(path));
  } catch (cause) {
    discard(draft);
    discard(`${draft}.bak`);
    throw new UserError(
      `The state ${path} could not be written: ${systemCode(cause) ?? String(cause)}. The file that was there is untouched.`,
      undefined,
      { cause },
    );
  }
}

/** Removes a draft as well as it can: the failure that is told is the one before. */
function discard(path: string): void {
  try {
    rmSync(path, { force: true });
  } catch {
    return; // its folder is not one, or not writable: there is no draft
  }
}

function writeDurably(path: string, text: string): void {
  const file = openSync(path, "w", 0o600);
  try {
    const bytes = Buffer.from(text);
    for (let done = 0; done < bytes.length; ) done += writeSync(file, bytes, done);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}

/** The rename itself survives a power cut only once the folder is flushed. */
function flushFolder(path: string): void {
  const folder = openSync(path, "r");
  try {
    fsyncSync(folder);
  } finally {
    closeSync(folder);
  }
}
