/**
 * Bundles the services into one file each, for their images: `node services/build.mjs [FOLDER [SERVICE...]]`; without names, all of them.
 * The same input gives the same bytes: no paths of the machine, no time, no source map; compare the digests that it prints.
 */
import { createHash } from "node:crypto";
import { copyFile, mkdir, readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const out = process.argv[2] ?? join(root, "services", "bin");

/** name: the bundle's name; entry: its first module; files: copied beside it. All from the root folder. */
const known = [
  { name: "audit-trail", entry: "services/audit-trail/main.ts", files: ["services/audit-trail/reward-model.json"] },
  { name: "gates", entry: "services/gates/main.ts", files: [] },
];
const wanted = process.argv.slice(3);
const unknown = wanted.filter((name) => !known.some((service) => service.name === name));
if (unknown.length > 0) throw new Error(`no service is called ${unknown.join(", ")}; there are ${known.map(({ name }) => name).join(", ")}`);
const services = known.filter(({ name }) => wanted.length === 0 || wanted.includes(name));

const digest = async (path) => `sha256:${createHash("sha256").update(await readFile(path)).digest("hex")}`;
const { version } = JSON.parse(await readFile(join(root, "package.json"), "utf8"));
const modelDigest = await digest(join(root, "services/audit-trail/reward-model.json"));

await mkdir(out, { recursive: true });
for (const service of services) {
  const outfile = join(out, `${service.name}.mjs`);
  await build({
    absWorkingDir: root,
    entryPoints: [service.entry],
    outfile,
    bundle: true,
    platform: "node",
    format: "esm",
    target: "node24",
    // pg's native driver is optional, and asked for only when its name is used.
    external: ["pg-native"],
    // CommonJS packages inside an ES module still call require for Node's own modules.
    banner: { js: 'import { createRequire as bundleRequire } from "node:module"; const require = bundleRequire(import.meta.url);' },
    define: { BUNDLED_VERSION: JSON.stringify(version), BUNDLED_MODEL_DIGEST: JSON.stringify(modelDigest) },
    keepNames: true,
    legalComments: "eof",
    logLevel: "warning",
  });
  const made = [outfile];
  for (const file of service.files) {
    const copy = join(out, file.slice(file.lastIndexOf("/") + 1));
    await copyFile(join(root, file), copy);
    made.push(copy);
  }
  for (const file of made) process.stdout.write(`${await digest(file)}  ${file.slice(out.length + 1)}\n`);
}
