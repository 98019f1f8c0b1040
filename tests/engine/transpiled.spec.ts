import assert from "node:assert/strict";
import { appendFileSync, mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { stripVTControlCharacters } from "node:util";
import { planOf, runCli } from "./cli.ts";
import { makeFolder, nodeModules, removeFolders } from "./folders.ts";

const transpiled = join("node_modules", ".cache", "transpiled");
const configs = {
  "tsconfig.json": '{ "ts-node": { "swc": true }, "compilerOptions": { "strict": true, "rootDir": "." } }',
  "tsconfig.pulumi.json": '{ "extends": "./tsconfig.json", "compilerOptions": { "noCheck": true } }',
};

/** Exports what its parts say, and whether the compiler and ts-node were loaded for it. */
const index = `import { greeting } from "./parts/greeting";
interface Said { readonly words: string }
export const said: Said = { words: greeting("all") };
export const loaded = ["typescript", "ts-node", "@swc/core"].filter((name) => Object.keys(require.cache).some((file) => file.includes("/node_modules/" + name + "/") && file.endsWith(".js")));
`;
const greeting = `type Whom = string;
interface Unused {
  readonly one: number;
}
export function greeting(whom: Whom): string {
  if (process.env["BREAK"] !== undefined) throw new Error("broken");
  return \`hello \${whom}\`;
}
`;

describe("what ts-node made of a program", function () {
  // Eight previews in one test.
  this.timeout(180_000);
  afterEach(removeFolders);

  /** A TypeScript project with a folder of modules of its own, whose cache is its own too. */
  function project(files: Record<string, string> = {}): string {
    const root = makeFolder({
      "Pulumi.yaml": "name: shop\nruntime:\n  name: nodejs\n  options:\n    typescript: true\n    tsconfig: tsconfig.pulumi.json\n",
      "Pulumi.dev.yaml": "",
      "package.json": "{}",
      "index.ts": index,
      "parts/greeting.ts": greeting,
      ...configs,
      ...files,
    });
    mkdirSync(join(root, "node_modules"));
    // Each package by its own link: the cache folder is the project's.
    linkPackages(root);
    return root;
  }

  async function run(root: string, env: NodeJS.ProcessEnv = {}): Promise<{ code: number | null; text: string; said: unknown; loaded: unknown }> {
    rmSync(join(root, "plan.json"), { force: true });
    const { code, stdout, stderr } = await runCli(root, ["preview", "--stack", "dev", "--json", "plan.json"], env);
    const outputs = (planOf(root)?.outputs ?? {}) as Record<string, unknown>;
    return { code, text: stdout + stderr, said: outputs["said"], loaded: outputs["loaded"] };
  }
  const hello = { words: "hello all" };
  const all = ["typescript", "ts-node", "@swc/core"];

  it("is kept, and neither it nor the compiler is loaded while nothing changes; what is edited is made anew", async () => {
    const root = project();
    const first = await run(root);
    assert.deepEqual([first.code, first.said, first.loaded], [0, hello, all], first.text);
    const second = await run(root);
    assert.deepEqual([second.code, second.said, second.loaded], [0, hello, []], second.text);
    writeFileSync(join(root, "parts/greeting.ts"), greeting.replace("hello", "good morning"));
    assert.deepEqual((await run(root)).said, { words: "good morning all" });
    assert.deepEqual((await run(root)).loaded, []);
  });

  it("is not taken when the compiler's configuration, or what a package says of its modules, has changed, nor when it is damaged", async () => {
    const root = project();
    await run(root);
    assert.deepEqual((await run(root)).loaded, []);
    writeFileSync(join(root, "tsconfig.json"), configs["tsconfig.json"].replace('"strict": true', '"strict": false'));
    assert.deepEqual((await run(root)).loaded, all);
    assert.deepEqual((await run(root)).loaded, []);
    writeFileSync(join(root, "parts/package.json"), '{ "type": "commonjs" }');
    assert.deepEqual((await run(root)).loaded, all);
    assert.deepEqual((await run(root)).loaded, []);
    for (const name of readdirSync(join(root, transpiled))) appendFileSync(join(root, transpiled, name), " ");
    const mended = await run(root);
    assert.deepEqual([mended.said, mended.loaded], [hello, all]);
    assert.deepEqual((await run(root)).loaded, []);
  });

  it("leads to the same places in stack traces, whether all of it was kept, some of it, or nothing", async () => {
    const root = project();
    const places = async (): Promise<string[]> => {
      const { code, text } = await run(root, { BREAK: "yes" });
      assert.equal(code, 1, text);
      return stripVTControlCharacters(text).split("\n").filter((line) => line.includes("at ") && line.includes(root)).map((line) => line.trim().replaceAll(root, ""));
    };
    const made = await places();
    assert.deepEqual(made.slice(0, 2), ["at greeting (/parts/greeting.ts:6:49)", "at Object.<anonymous> (/index.ts:3:44)"]);
    await run(root);
    assert.deepEqual(await places(), made);
    // The entry is kept, its part is not.
    writeFileSync(join(root, "parts/greeting.ts"), `${greeting}// edited\n`);
    assert.deepEqual(await places(), made);
  });

  it("is not kept where the compiler checks types, as one file's answer may depend on another", async () => {
    const root = project({ "tsconfig.pulumi.json": '{ "extends": "./tsconfig.json", "compilerOptions": { "noCheck": false } }', "tsconfig.json": '{ "compilerOptions": { "strict": true, "types": ["node"] } }' });
    const first = await run(root);
    assert.deepEqual([first.code, first.said], [0, hello], first.text);
    writeFileSync(join(root, "parts/greeting.ts"), greeting.replace("hello ${whom}`", "hello ${whom}` satisfies number"));
    const refused = await run(root);
    assert.equal(refused.code, 1);
    assert.match(refused.text, /greeting\.ts.*TS1360|TS1360/);
    assert.throws(() => readFileSync(join(root, transpiled)), { code: "ENOENT" });
  });
});

function linkPackages(root: string): void {
  for (const name of readdirSync(nodeModules)) {
    if (!name.startsWith(".")) symlinkSync(join(nodeModules, name), join(root, "node_modules", name));
  }
}
