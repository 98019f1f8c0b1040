import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { readRecorded, type Recorded } from "../../delivery/stackState.ts";
import { loadProject } from "../../engine/project.ts";
import { folder } from "./releaseEntries.ts";

/**
 * A project with a stack `dev`, and a CLI of the same words as Pulumi's that has the stack in its backend.
 * `failing`: what a command of it says, by its words, and ends with.
 */
function project(options: { cli?: boolean; state?: boolean; failing?: Readonly<Record<string, { says: string; code: number }>> } = {}): { root: string; env: NodeJS.ProcessEnv } {
  const root = folder();
  writeFileSync(join(root, "Pulumi.yaml"), "name: shop\nruntime: nodejs\n");
  writeFileSync(join(root, "Pulumi.dev.yaml"), "config:\n  shop:environment: local\n");
  writeFileSync(join(root, "package.json"), "{}");
  const secret = (value: object) => ({ "4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270", ...value });
  const resource = (outputs: object) => ({ urn: "urn:pulumi:dev::shop::pulumi:pulumi:Stack::shop-dev", type: "pulumi:pulumi:Stack", custom: false, outputs });
  if (options.state === true) {
    mkdirSync(join(root, ".pulumi-local/shop"), { recursive: true });
    writeFileSync(join(root, ".pulumi-local/shop/dev.json"), JSON.stringify({ version: 3, deployment: { manifest: { time: "2026-11-24T00:00:00Z", magic: "", version: "" }, resources: [resource({ image: "from the file" })] } }));
  }
  const bin = join(root, "bin");
  mkdirSync(bin);
  const exported = (key: object) => ({ version: 3, deployment: { resources: [resource({ image: "from the backend", key: secret(key) })] } });
  const answers = {
    "stack export --show-secrets": exported({ plaintext: '"opened"' }),
    "stack export": exported({ ciphertext: "v1:sealed" }),
    "config --show-secrets": { "shop:environment": { value: "staging", secret: false } },
  };
  const script = `#!${process.execPath}
const words = process.argv.slice(2);
const find = (by) => Object.entries(by).find(([begin]) => begin.split(" ").every((word) => words.includes(word)));
const answer = find(${JSON.stringify(answers)});
const failure = find(${JSON.stringify(options.failing ?? {})});
if (words[0] === "version") console.log("v3.270.0");
else if (failure !== undefined) {
  console.error("error: " + failure[1].says);
  process.exitCode = failure[1].code;
}
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
    assert.doesNotMatch(JSON.stringify(resources), /sealed|opened/);
  });

  it("is the embedded engine where it has one, or where no CLI is there", async () => {
    const { engine, resources, values } = await read(project({ state: true }));
    assert.deepEqual([engine, resources[0]?.outputs["image"], values], ["embedded", "from the file", { "shop:environment": "local" }]);
    assert.equal((await read(project({ cli: false }))).engine, "embedded");
  });

  it("is the embedded engine where the CLI does not know the stack, or is logged in nowhere", async () => {
    const unknown = { says: "no stack named 'dev' found", code: 6 };
    const nowhere = { says: "PULUMI_ACCESS_TOKEN must be set for login during non-interactive CLI sessions", code: 3 };
    for (const failure of [unknown, nowhere]) {
      const stack = project({ failing: { "stack select": failure } });
      assert.deepEqual((await read(stack)).engine, "embedded");
      await assert.rejects(read(stack, "pulumi"), { name: "UserError", message: `The Pulumi CLI cannot select the stack dev: ${failure.says}`, fix: /pulumi login.*pulumi stack init dev/ });
    }
  });

  it("is nobody where the CLI has the stack and can't read it: the stack must not seem to be new", async () => {
    const passphrase = { says: "failed to decrypt: incorrect passphrase, please set PULUMI_CONFIG_PASSPHRASE to the correct passphrase and try again", code: 1 };
    const backend = { says: "unable to open bucket s3://states: no credentials", code: 1 };
    for (const [words, failure] of [["stack select", backend], ["stack export", backend], ["config --show-secrets", passphrase]] as const) {
      await assert.rejects(read(project({ failing: { [words]: failure } })), ({ name, message }: Error) => name === "UserError" && message.endsWith(`the stack dev: ${failure.says}`));
    }
  });

  it("is the one that is named; a CLI that is not there is an error then", async () => {
    assert.equal((await read(project({ state: true }), "pulumi")).resources[0]?.outputs["image"], "from the backend");
    assert.deepEqual((await read(project(), "embedded")).resources, []);
    await assert.rejects(read(project({ cli: false }), "pulumi"), /The Pulumi CLI is not there/);
  });
});
