/** Where `npm run policy` starts: nothing is imported before the compile cache is on, or it would be compiled anew each time. */
import { enableCompileCache } from "node:module";
import { join } from "node:path";

enableCompileCache(process.env.NODE_COMPILE_CACHE ?? join(import.meta.dirname, "..", "node_modules", ".cache", "node-compile"));
await import("./commandLine.ts");
