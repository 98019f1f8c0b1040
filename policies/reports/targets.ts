/** Where reports go: `FORMAT=FILE`, written whole or not at all. */
import { accessSync, closeSync, constants, fsyncSync, openSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { basename, dirname, isAbsolute, join } from "node:path";
import { FORMATS } from "./index.ts";
import type { Report } from "./report.ts";

/** One report to be written. */
export interface ReportTarget {
  readonly format: string;
  /** Path; `-` is standard output. */
  readonly file: string;
}

/** A report that can't be written, or was asked for in a way that can't be understood. */
export class ReportError extends Error {}

/** Reads `FORMAT=FILE`. @throws {ReportError} */
export function parseTarget(written: string): ReportTarget {
  const [format = "", file = ""] = written.split(/=(.*)/s);
  if (!Object.hasOwn(FORMATS, format) || file === "") throw new ReportError(`"${written}" names no report: write FORMAT=FILE, where FORMAT is one of ${Object.keys(FORMATS).join(", ")}`);
  return { format, file };
}

/**
 * Reads the value of `POLICY_REPORTS`: `FORMAT=FILE`, several with `;` between them, each file by its absolute path.
 * @throws {ReportError} also when a file can't be written where it is wanted
 */
export function parseTargets(written: string): ReportTarget[] {
  const targets = written.split(";").map((part) => part.trim()).filter((part) => part !== "").map(parseTarget);
  for (const { file } of targets) {
    // The pack runs in its own folder, not in that of whoever asks.
    if (!isAbsolute(file)) throw new ReportError(`${file} must be an absolute path`);
    checkWritable(file);
  }
  return targets;
}

/** Finds out before the work whether a file can be written after it. @throws {ReportError} */
export function checkWritable(file: string): void {
  if (file === "-") return;
  const found = statSync(file, { throwIfNoEntry: false });
  if (found?.isDirectory()) throw new ReportError(`${file} is a directory; name a file`);
  try {
    accessSync(dirname(file), constants.W_OK);
  } catch (error) {
    throw new ReportError(`${file} can't be written: ${dirname(file)} ${codeOf(error) === "ENOENT" ? "is not there" : `is closed to it (${codeOf(error)})`}`);
  }
}

/** Writes a report under another name beside its file, and then renames it. @throws {ReportError} */
export function writeReport({ format, file }: ReportTarget, report: Report): void {
  const content = FORMATS[format]?.(report) ?? "";
  if (file === "-") {
    process.stdout.write(content);
    return;
  }
  const draft = join(dirname(file), `.${basename(file)}.${process.pid}.draft`);
  try {
    const descriptor = openSync(draft, "w", 0o644);
    try {
      writeFileSync(descriptor, content);
      fsyncSync(descriptor);
    } finally {
      closeSync(descriptor);
    }
    renameSync(draft, file);
  } catch (error) {
    rmSync(draft, { force: true });
    throw new ReportError(`${file} can't be written: ${codeOf(error)}`);
  }
}

function codeOf(error: unknown): string {
  return error instanceof Error && "code" in error ? String(error.code) : String(error);
}
