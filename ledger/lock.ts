/**
 * One writer at a time. The lock is a numbered file, `<path>.<n>`: the highest number counts, and says who holds it. Number n+1 can be made
 * only once (a hard link), and only when the holder of n is gone or has let go; whoever finds a higher number than its own steps back. So a
 * dead holder's lock is taken over by one process, never two.
 */
import { linkSync, mkdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { hostname, userInfo } from "node:os";
import { basename, dirname, join } from "node:path";
import { LedgerError, systemCode } from "./errors.ts";
import { ioError, readFolder, readText } from "./files.ts";

/** Who holds a lock. */
export interface LockHolder {
  readonly pid: number;
  /** Kernel start time of the process, so that a reused pid is not mistaken for the holder; empty where /proc is missing. */
  readonly started: string;
  readonly user: string;
  readonly host: string;
  /** What it runs, e.g. `release --stack production`. */
  readonly command: string;
  /** RFC 3339. */
  readonly since: string;
}

/** A held lock. */
export interface Lock {
  /** Whether it is still ours: somebody may have deleted it. */
  held(): boolean;
  /** Lets go; a second call does nothing. */
  release(): void;
}

const released = "released\n";

/**
 * Takes the lock.
 * @param path without its number; the folder is made when missing
 * @param command what this process runs, for whoever is refused
 * @throws LedgerError `locked`, which names the holder
 */
export function acquireLock(path: string, command: string): Lock {
  const mine: LockHolder = { pid: process.pid, started: processState(process.pid)[1] ?? "", user: userName(), host: hostname(), command, since: new Date().toISOString() };
  const text = `${JSON.stringify(mine)}\n`;
  const draft = `${path}-draft-${process.pid}-${process.hrtime.bigint()}`;
  try {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(draft, text);
    for (;;) {
      const last = highest(path);
      if (last > 0) refuseLive(`${path}.${last}`);
      const file = `${path}.${last + 1}`;
      if (!tryLink(draft, file)) continue; // another one was faster: look at its holder
      if (highest(path) !== last + 1) {
        rmSync(file, { force: true });
        continue;
      }
      for (const number of numbers(path)) if (number <= last) rmSync(`${path}.${number}`, { force: true });
      return held(file, text);
    }
  } catch (error) {
    throw error instanceof LedgerError ? error : ioError(`The lock ${path} could not be taken`, error);
  } finally {
    rmSync(draft, { force: true });
  }
}

/** The holder in words, e.g. `ada on build-7 (pid 4711), running "release" since 2026-11-23T20:00:00.000Z`. */
function describeHolder(holder: LockHolder): string {
  return `${holder.user} on ${holder.host} (pid ${holder.pid}), running "${holder.command}" since ${holder.since}`;
}

function held(file: string, text: string): Lock {
  let letGo = false;
  const stillOurs = (): boolean => !letGo && readText(file) === text;
  return {
    held: stillOurs,
    release: () => {
      if (stillOurs()) {
        // The number stays taken, so that nobody who looked earlier can take it again.
        const note = `${file}-released`;
        writeFileSync(note, released);
        renameSync(note, file);
      }
      letGo = true;
    },
  };
}

function refuseLive(file: string): void {
  const text = readText(file);
  if (text === undefined || text === released) return;
  const holder = parseHolder(text, file);
  if (isDead(holder)) return;
  throw new LedgerError(
    "locked",
    `${dirname(file)} is being written by ${describeHolder(holder)}.`,
    holder.host === hostname() ? "Wait until it ends." : `Wait until it ends; if that machine is gone for good, delete ${file}.`,
  );
}

function numbers(path: string): number[] {
  const prefix = `${basename(path)}.`;
  return (readFolder(dirname(path)) ?? []).flatMap((name) => (name.startsWith(prefix) && /^\d+$/.test(name.slice(prefix.length)) ? [Number(name.slice(prefix.length))] : []));
}

const highest = (path: string): number => Math.max(0, ...numbers(path));

function tryLink(from: string, to: string): boolean {
  try {
    linkSync(from, to);
    return true;
  } catch (error) {
    if (systemCode(error) === "EEXIST") return false;
    throw error;
  }
}

/** A process of another machine is never taken for dead: nobody can tell from here. */
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
  const stat = readText(join("/proc", String(pid), "stat"));
  // The process name, in parentheses, may hold spaces.
  const fields = stat?.slice(stat.lastIndexOf(")") + 2).split(" ");
  return [fields?.[0], fields?.[19]];
}

function parseHolder(text: string, file: string): LockHolder {
  try {
    const holder = JSON.parse(text) as Partial<LockHolder> | null;
    if (typeof holder?.pid === "number" && typeof holder.host === "string") return holder as LockHolder;
  } catch (cause) {
    if (!(cause instanceof SyntaxError)) throw cause;
  }
  throw new LedgerError("locked", `${file} is there, and is no lock of a ledger.`, "Look who made it; delete it if nobody is writing.");
}

function userName(): string {
  try {
    return userInfo().username;
  } catch {
    return `uid ${process.getuid?.() ?? "unknown"}`; // a uid without an account, as in containers
  }
}
