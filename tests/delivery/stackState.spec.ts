import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { readRecorded, type Recorded } from "../../delivery/stackState.ts";
import { loadProject } from "../../engine/project.ts";
import { folder } from "./releaseEntries.ts";

/** A project with a stack `dev`, and a CLI of the same words as Pulumi's that has the stack in its backend. */
function project(options: { cli?: boolean; state?: boolean } = {}): { root: string; env: NodeJS.ProcessEnv } {
  const root = folder();
  writeFileSync(join(root, "Pulumi.yaml"), "name: shop\nruntime: nodejs\n");
  writeFileSync(join(root, "Pulumi.dev.yaml"), "config:\n  shop:environment: local\n");
  writeFileSync(join(root, "package.json"), "{}");
  const sealed = { "4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270", ciphertext: "v1:sealed" };
  const resource = (outputs: object) => ({ urn: "urn:pulumi:dev::shop::pulumi:pulumi:Stack::shop-dev", type: "pulumi:pulumi:Stack", custom: false, outputs });
  if (options.state === true) {
    mkdirSync(join(root, ".pulumi-local/shop"), { recursive: true });
    writeFileSync(join(root, ".pulumi-local/shop/dev.json"), JSON.stringify({ version: 3, deployment: { manifest: { time: "2026-11-24T00:00:00Z", magic: "", version: "" }, resources: [resource({ image: "from the file" })] } }));
  }
  const bin = join(root, "bin");
  mkdirSync(bin);
  const answers = { "stack export": { version: 3, deployment: { resources: [resource({ image: "from the backend", key: sealed })] } }, "config --show-secrets": { "shop:environment": { value: "staging", secret: false } } };
  const script = `#!${process.execPath}
const words = process.argv.slice(2);
const answer = Object.entries(${JSON.stringify(answers)}).find(([begin]) => begin.split(" ").every((word) => words.includes(word)));
if (words[0] === "version") console.log("v3.270.0");
else console.log(JSON.stringify(answer === undefined ? {} : answer[1]));
`;
  if (options.cli !== false) writeFileSync(join(bin, "pulumi"), script, { mode: 0o755 });
  return { root, env: { ...process.env, PATH: bin } };
}

describe("delivery: who has a stack", () => {
  const path = process.env.PATH;
  afterEach(() => {
    process.env.PATH = path;
  });
  const read = async ({ root, env }: ReturnType<typeof project>, engine?: Recorded["engine"]): Promise<Recorded> => {
    process.env.PATH = env.PATH;
    return await readRecorded({ project: loadProject(root), stack: "dev", engine, env, signal: new AbortController().signal });
  };

  it("is the Pulumi CLI where the embedded engine has no state: its export, with secrets left closed, and its configuration", async () => {
    const { engine, resources, values } = await read(project());
    assert.deepEqual([engine, resources[0]?.outputs["image"], values], ["pulumi", "from the backend", { "shop:environment": "staging" }]);
    assert.ok(!JSON.stringify(resources).includes("sealed"));
  });

  it("is the embedded engine where it has one, or where no CLI is there", async () => {
    const { engine, resources, values } = await read(project({ state: true }));
    assert.deepEqual([engine, resources[0]?.outputs["image"], values], ["embedded", "from the file", { "shop:environment": "local" }]);
    assert.equal((await read(project({ cli: false }))).engine, "embedded");
  });

  it("is the one that is named; a CLI that is not there is an error then", async () => {
    assert.equal((await read(project({ state: true }), "pulumi")).resources[0]?.outputs["image"], "from the backend");
    assert.deepEqual((await read(project(), "embedded")).resources, []);
    await assert.rejects(read(project({ cli: false }), "pulumi"), /The Pulumi CLI is not there/);
  });
});
