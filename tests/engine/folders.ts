/** Temporary folders for tests, each with the files it is given; gone after the test that made them. */
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const made: string[] = [];
const modules = fileURLToPath(new URL("../../node_modules", import.meta.url));

/** The repository's `node_modules`, absolute. */
export const nodeModules = modules;

/** Makes a folder with files by relative path. With `modules`, the repository's node_modules is linked into it. */
export function makeFolder(files: { [path: string]: string }, options: { modules?: boolean } = {}): string {
  const folder = mkdtempSync(join(tmpdir(), "engine-test-"));
  made.push(folder);
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), text);
  }
  if (options.modules === true) symlinkSync(modules, join(folder, "node_modules"));
  return folder;
}

/** Root hook of mocha: removes what the test made. */
export function removeFolders(): void {
  for (const folder of made.splice(0)) rmSync(folder, { recursive: true, force: true });
}
