/** Temporary folders for tests, gone when the file that made them has been run. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const made: string[] = [];

/** Makes one; its name begins with `prefix`. */
export function temporaryFolder(prefix: string): string {
  const path = mkdtempSync(join(tmpdir(), prefix));
  made.push(path);
  return path;
}

/** mocha's, loaded by `.mocharc.json`: its processes run several files each, and a hook of this file would be of the first one only. */
export const mochaHooks = {
  afterAll(): void {
    for (const path of made.splice(0)) rmSync(path, { recursive: true, force: true });
  },
};
