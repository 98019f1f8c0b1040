/**
 * Where the engine's process starts: nothing is imported before the compile cache is on, or it would be compiled anew each time. JavaScript, since a
 * TypeScript file here would load the compiler that the cache makes unneeded.
 */
import module from "node:module";
import { join } from "node:path";

if (process.features.typescript) {
  module.enableCompileCache(process.env["NODE_COMPILE_CACHE"] ?? join(import.meta.dirname, "..", "node_modules", ".cache", "node-compile"));
  await import("./commandLine.ts");
} else {
  process.stderr.write(`The engine needs Node.js 22.18 or newer, and this is ${process.version}.\n  Run it by npm run preview, up or destroy, which take the project's own.\n`);
  process.exitCode = 1;
}
