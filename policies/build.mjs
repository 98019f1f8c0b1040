/** Bundles the pack to bin/pack.cjs, which Pulumi's pack runner loads without compiling. Does nothing when it is up to date. */
import { mkdirSync, readdirSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));
const output = join(here, "bin", "pack.cjs");

/** Newest change, in ms, of the files that the bundle is made of. */
function newestSource(directory) {
  return Math.max(
    ...readdirSync(directory, { withFileTypes: true }).map((entry) => {
      if (entry.isDirectory()) return entry.name === "bin" || entry.name === "config" ? 0 : newestSource(join(directory, entry.name));
      return /\.(ts|mjs|json)$/.test(entry.name) ? statSync(join(directory, entry.name)).mtimeMs : 0;
    }),
  );
}

const built = statSync(output, { throwIfNoEntry: false })?.mtimeMs ?? 0;
if (built < newestSource(here)) {
  const { build } = await import("esbuild");
  mkdirSync(dirname(output), { recursive: true });
  await build({
    entryPoints: [join(here, "pack.ts")],
    outfile: output,
    bundle: true,
    platform: "node",
    format: "cjs",
    target: "node20",
    external: ["@pulumi/*"],
    logLevel: "warning",
  });
}
