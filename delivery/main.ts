#!/usr/bin/env node
/** `delivery COMMAND`: see `delivery --help` and docs/delivery.md. */
import { enableCompileCache } from "node:module";

// Before anything is imported, or it would not be cached.
enableCompileCache();
const { run } = await import("./run.ts");
process.exitCode = await run(process.argv.slice(2));
