#!/usr/bin/env node
/**
 * `delivery COMMAND`: see `delivery --help` and docs/delivery.md. JavaScript, since a TypeScript file here would load the compiler before the cache is on
 * that makes it unneeded: a third of the time of `--help`.
 */
import module from "node:module";

if (process.features.typescript) {
  // Before anything is imported, or it would not be cached.
  module.enableCompileCache();
  const [{ run }, { outliveReader }] = await Promise.all([import("./run.ts"), import("../engine/outliveReader.ts")]);
  outliveReader();
  process.exitCode = await run(process.argv.slice(2));
} else {
  process.stderr.write(`delivery needs Node.js 22.18 or newer, and this is ${process.version}.\n  Run it as npx delivery, which takes the project's own.\n`);
  process.exitCode = 1;
}
