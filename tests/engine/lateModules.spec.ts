import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { dirname } from "node:path";
import { childNodeFlags } from "../../engine/childNode.ts";
import { makeProject, planOf, runCli } from "./cli.ts";
import { nodeModules, removeFolders } from "./folders.ts";
import { makePack, policy } from "./packs.ts";

/** Whether code of a package is loaded, in a program's words. */
const loaded = (name: string): string => `Object.keys(require.cache).some((file) => file.replaceAll("\\\\", "/").includes("/node_modules/${name}/") && file.endsWith("js"))`;

describe("what is loaded for the few who use it", () => {
  afterEach(removeFolders);

  /** What a program that ends well exports. */
  async function outputsOf(program: string, files: Record<string, string> = {}): Promise<unknown> {
    const root = makeProject(program, { dev: "" }, files);
    const { code, stdout } = await runCli(root, ["preview", "--stack", "dev", "--json", "plan.json"]);
    assert.equal(code, 0, stdout);
    return planOf(root)?.outputs;
  }

  it("is not loaded for a program that does not", async () => {
    const names = ["@npmcli/arborist", "normalize-package-data", "execa", "@opentelemetry/sdk-trace-base", "@opentelemetry/exporter-zipkin", "typescript", "js-yaml", "glob"];
    assert.deepEqual(await outputsOf(`exports.loaded = [${names.map((name) => `${loaded(name)} && ${JSON.stringify(name)}`).join(", ")}].filter(Boolean);`), { loaded: [] });
  });

  it("npm's library is loaded when a function's packages are asked for, and does its work", async () => {
    const program = `
exports.before = ${loaded("@npmcli/arborist")};
exports.paths = pulumi.runtime.computeCodePaths().then((paths) => paths instanceof Map && paths.size > 0);
exports.after = exports.paths.then(() => ${loaded("@npmcli/arborist")});
exports.own = typeof require("@npmcli/arborist").Arborist;
`;
    assert.deepEqual(await outputsOf(program, { "package.json": '{ "dependencies": { "semver": "*" } }' }), { before: false, paths: true, after: true, own: "function" });
  });

  it("a function is serialised, and one that can't be is told by its file and line", async () => {
    const program = `
const secret = "the tide";
exports.text = pulumi.runtime.serializeFunction(() => secret.length).then(({ text }) => /__secret_?|the tide/.test(text) && text.includes("exports.handler"));
const bound = Math.max.bind(undefined, 1);
exports.refusal = pulumi.runtime.serializeFunction(
  function mine() { return bound(); }).then(() => "none", (error) => /index\\.js\\(\\d+,\\d+\\)/.test(error.message) || error.message);
`;
    assert.deepEqual(await outputsOf(program), { text: true, refusal: true });
  });

  it("the Automation API is there for who looks at it", async () => {
    const program = `
exports.before = ${loaded("execa")};
exports.made = new pulumi.automation.ConcurrentUpdateError({ toString: () => "two" }) instanceof Error;
exports.names = Object.keys(pulumi.automation).includes("LocalWorkspace") && "Stack" in pulumi.automation;
exports.same = pulumi.automation.LocalWorkspace === require("@pulumi/pulumi/automation").LocalWorkspace;
exports.after = ${loaded("execa")};
`;
    assert.deepEqual(await outputsOf(program), { before: false, made: true, names: true, same: true, after: true });
  });

  it("zod's languages are there for who speaks them", async () => {
    const program = `
const { z } = require("zod");
const german = () => Object.keys(require.cache).some((file) => file.endsWith("de.cjs"));
exports.before = german();
exports.english = z.number().safeParse("x").error.issues[0].message;
z.config(z.locales.de());
exports.german = z.number().safeParse("x").error.issues[0].message;
exports.after = german();
`;
    const { german, ...others } = (await outputsOf(program)) as Record<string, unknown>;
    assert.deepEqual(others, { before: false, english: "Invalid input: expected number, received string", after: true });
    assert.match(String(german), /^Ungültige Eingabe/);
  });

  it("tracing is there for who starts it", () => {
    const script = `
const tracing = require("@pulumi/pulumi/cmd/run/tracing");
const before = ${loaded("@opentelemetry/sdk-trace-base")};
tracing.newSpan("of nobody").end();
tracing.start("http://127.0.0.1:9/");
const { traceId } = tracing.newSpan("of somebody").spanContext();
console.log(JSON.stringify({ before, traced: /^(?!0+$)[0-9a-f]{32}$/.test(traceId) }));
process.exit();
`;
    const told = execFileSync(process.execPath, [...childNodeFlags, "-e", script], { cwd: dirname(nodeModules), encoding: "utf8" });
    assert.deepEqual(JSON.parse(told), { before: false, traced: true });
  });

  describe("for a policy pack", () => {
    const preview = async (pack: string) => await runCli(makeProject(""), ["preview", "--stack", "dev", "--policy-pack", pack]);
    const typed = (policies: string, files: Record<string, string> = {}): string =>
      makePack("", {
        "package.json": '{ "name": "pack", "version": "1.2.3", "main": "index.ts" }',
        "index.ts": `import { PolicyPack } from "@pulumi/policy";\nimport { level } from "./level";\nnew PolicyPack("typed", { enforcementLevel: level, policies: [${policies}] });\n`,
        "level.ts": 'export const level: "advisory" | "mandatory" = "advisory";\n',
        ...files,
      });

    it("of JavaScript neither npm's library nor a compiler is loaded", async () => {
      const { code, stdout } = await preview(makePack(policy("told", `report("loaded: " + [${["@npmcli/arborist", "typescript", "ts-node"].map(loaded).join(", ")}])`)));
      assert.equal(code, 0, stdout);
      assert.match(stdout, /told\n +loaded: false,false,false/);
    });

    const configurations: Record<string, Record<string, string>> = { "without a configuration of the compiler": {}, "with one": { "tsconfig.json": '{ "compilerOptions": { "strict": true } }' } };
    for (const [what, files] of Object.entries(configurations)) {
      it(`of TypeScript, ${what}, it is compiled`, async () => {
        const { code, stdout } = await preview(typed(policy("told", 'const words: string[] = ["types", "are", "gone"]; report(words.join(" "));'), files));
        assert.equal(code, 0, stdout);
        assert.match(stdout, /told\n +types are gone/);
      });

      it(`of TypeScript, ${what}, it is refused for a wrong type`, async () => {
        const { code, stdout, stderr } = await preview(typed("", { ...files, "level.ts": 'export const level: "advisory" | "mandatory" = 7;\n' }));
        assert.equal(code, 1, stdout);
        assert.match(stdout + stderr, /level\.ts.*TS2322/s);
      });
    }
  });
});
