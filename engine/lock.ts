/**
 * One update at a time: a lock file beside the state that says who holds it. A lock whose process is gone is taken over;
 * a lock from another machine is never broken, because nobody can tell from here whether its holder lives.
 */
import { linkSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { hostname, userInfo } from "node:os";
import { dirname } from "node:path";
import { UserError, systemCode } from "./errors.ts";

/** Who holds a lock. */
export interface LockHolder {
  pid: number;
  /** Kernel start time of the process, so that a reused pid is not mistaken for the holder; empty where /proc is missing. */
  started: string;
  user: string;
  host: string;
  /** What it runs, e.g. `up --stack production`. */
  command: string;
  /** ISO 8601. */
  since: string;
}

/** Somebody else holds the lock. */
export class LockedError extends UserError {
  readonly holder: LockHolder;
  constructor(holder: LockHolder, fix: string) {
    super(`The stack is locked by ${describeHolder(holder)}.`, fix);
    this.holder = holder;
  }
}

/** A held lock. `release` is idempotent and removes nothing that is not ours. */
export interface Lock {
  release(): void;
}

/**
 * Takes the lock.
 * @param path the lock file; its folder is made when missing
 * @param command what this process runs, for whoever is refused
 * @throws LockedError when another process holds it; UserError when it can't be written
 */
export function acquireLock(path: string, command: string): Lock {
  const mine: LockHolder = {
    pid: process.pid,
    started: processState(process.pid)[1] ?? "",
    user: userName(),
    host: hostname(),
    command,
    since: new Date().toISOString(),
  };
  const text = `${JSON.stringify(mine)}\n`;
  // Written whole and then linked: whoever reads the lock never sees half of it.
  const draft = `${path}.${process.pid}`;
  try {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(draft, text);
    while (!tryLink(draft, path)) breakDeadLock(path);
  } catch (cause) {
    const code = systemCode(cause);
    if (code === undefined) throw cause;
    throw new UserError(`The lock ${path} cannot be taken: ${code}. Nothing was begun.`, "Its folder must be writable and have room: the state is written beside it.", { cause });
  } finally {
    discard(draft);
  }
  return {
    release: () => {
      if (readText(path) === text) rmSync(path, { force: true });
    },
  };
}

/** Who holds the lock now; undefined when it is free or its holder is dead. */
export function lockHolder(path: string): LockHolder | undefined {
  const text = readText(path);
  if (text === undefined) return undefined;
  const holder = parseHolder(text, path);
  return isDead(holder) ? undefined : holder;
}

/** The holder in words, e.g. `ada on build-7 (pid 4711), running "up --stack local" since 2026-11-23T20:00:00Z`. */
export function describeHolder(holder: LockHolder): string {
  return `${holder.user} on ${holder.host} (pid ${holder.pid}), running "${holder.command}" since ${holder.since}`;
}

function breakDeadLock(path: string): void {
  const text = readText(path);
  if (text === undefined) return; // released in the meantime
  const holder = parseHolder(text, path);
  if (!isDead(holder)) {
    throw new LockedError(holder, holder.host === hostname() ? "Wait until it ends." : `Wait until it ends; if that machine is gone, delete ${path}.`);
  }
  const aside = `${path}.${process.pid}.dead`;
  try {
    renameSync(path, aside);
  } catch (error) {
    if (systemCode(error) === "ENOENT") return; // another one was faster
    throw error;
  }
  // If a live lock was moved in the blink between reading and renaming, it goes back.
  if (readText(aside) !== text) tryLink(aside, path);
  rmSync(aside, { force: true });
}

/** Removes a draft as well as it can: what failed before is what is told. */
function discard(draft: string): void {
  try {
    rmSync(draft, { force: true });
  } catch {
    return; // its folder is not one, or not writable: there is no draft
  }
}

function tryLink(from: string, to: string): boolean {
  try {
    linkSync(from, to);
    return true;
  } catch (error) {
    if (systemCode(error) === "EEXIST") return false;
    throw error;
  }
}

function isDead(holder: LockHolder): boolean {
  if (holder.host !== hostname()) return false;
  try {
    process.kill(holder.pid, 0);
  } catch (error) {
    if (systemCode(error) === "ESRCH") return true;
    if (systemCode(error) !== "EPERM") throw error;
  }
  const [state, started] = processState(holder.pid);
  // One that was killed keeps its id until its parent asks for it, which in containers may be never.
  return state === "Z" || (started !== undefined && holder.started !== "" && started !== holder.started);
}

/** State and start, fields 3 and 22 of /proc/<pid>/stat; undefined where there is no /proc. */
function processState(pid: number): [state?: string, started?: string] {
  const stat = readText(`/proc/${pid}/stat`);
  // The process name, in parentheses, may hold spaces.
  const fields = stat?.slice(stat.lastIndexOf(")") + 2).split(" ");
  return [fields?.[0], fields?.[19]];
}

function readText(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    if (systemCode(error) === "ENOENT") return undefined;
    throw error;
  }
}

function parseHolder(text: string, path: string): LockHolder {
  try {
    return JSON.parse(text) as LockHolder;
  } catch (cause) {
    throw new UserError(
      `${path} is not a lock of this engine.`,
      "Look who made it; delete it if nobody is running an update.",
      { cause },
    );
  }
}

function userName(): string {
  try {
    return userInfo().username;
  } catch {
    return `uid ${process.getuid?.() ?? "unknown"}`; // a uid without an account, as in containers
  }
}
