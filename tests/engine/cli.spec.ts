import assert from "node:assert/strict";
import { existsSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { type Schema, Validator } from "@cfworker/json-schema";
import { newCrypter } from "../../engine/passphrase.ts";
import { type PlanDocument } from "../../engine/plan.ts";
import { gate, makeProject, program, runCli, stateOf } from "./cli.ts";
import { makeFolder, removeFolders } from "./folders.ts";
import { makePack, policy } from "./packs.ts";

describe("command line", () => {
  afterEach(removeFolders);

  it("previews a stack with the project's own pack and its configuration, and writes the plan: 0", async () => {
    const root = makeProject(
      program,
      { dev: "config:\n  size: large\n" },
      {
        ...gate,
        "policies/config/dev.json": '{ "no-maps": "disabled" }',
        "policies/config/prod.json": '{ "no-maps": "mandatory" }',
      },
    );
    const { code, stdout, stderr } = await runCli(root, ["preview", "--stack", "dev", "--json", "plan.json"]);
    assert.equal(code, 0, stdout + stderr);
    assert.match(stdout, /^Previewing shop\/dev\n\nprogram \| the program speaks\n/);
    assert.match(stdout, /\+ +└─ kubernetes:core\/v1:ConfigMap +settings +create/);
    assert.match(stdout, /Outputs:\n {2}name: "settings"\n/);
    assert.match(
      stdout,
      /gate v1\.0\.0 {2}0 of 1 policy over .*\n.*\n +configuration policies\/config\/dev\.json sha256:/,
    );
    assert.match(stdout, /WARNING: this pack judged NOTHING/);
    const plan = JSON.parse(readFileSync(join(root, "plan.json"), "utf8")) as PlanDocument;
    const schema = JSON.parse(readFileSync(new URL("../../docs/plan.schema.json", import.meta.url), "utf8")) as Schema;
    const { valid, errors } = new Validator(schema, "2020-12", false).validate(plan);
    assert(valid, JSON.stringify(errors));
    assert.equal(plan.plans[0]?.steps.find(({ name }) => name === "settings")?.operation, "create");
    assert(!existsSync(join(root, ".pulumi-local")), "a preview must leave no state");
  });

  it("previews every stack when none is named, and ends with the worst: a violation is 2, an error 1", async () => {
    const root = makeProject(
      program,
      { dev: "", prod: "" },
      { ...gate, "policies/config/prod.json": '{ "no-maps": "mandatory" }' },
    );
    const violated = await runCli(root, ["preview"]);
    assert.equal(violated.code, 2, violated.stdout + violated.stderr);
    assert.match(violated.stdout, /✗ \[mandatory\] no-maps\n +no ConfigMaps, please/);
    assert.match(violated.stdout, /All stacks:\n {2}dev {3}ok\n {2}prod {2}blocked by policy\n$/);
    writeFileSync(join(root, "Pulumi.prod.yaml"), "config: [1\n");
    const failed = await runCli(root, ["preview"]);
    assert.equal(failed.code, 1);
    assert.match(failed.stdout, /error: .*Pulumi\.prod\.yaml:2:1 is not valid YAML/);
    assert.match(failed.stdout, / {2}dev {3}ok\n {2}prod {2}failed\n$/);
  });

  it("an update shows what changes, and a preview leaves the state alone", async () => {
    const root = makeProject(
      'new k8s.core.v1.ServiceAccount("robot", { metadata: { name: "robot", labels: { size: new pulumi.Config().require("size") } } });',
      { dev: "config:\n  size: large\n" },
    );
    const urn = (type: string, name: string): string => `urn:pulumi:dev::shop::${type}::${name}`;
    const inputs = {
      apiVersion: "v1",
      kind: "ServiceAccount",
      metadata: { name: "robot", labels: { size: "small", gone: "x" } },
    };
    const stack = urn("pulumi:pulumi:Stack", "shop-dev");
    const provider = urn("pulumi:providers:kubernetes", "default_4_34_2");
    const old = stateOf([
      { urn: stack, custom: false, type: "pulumi:pulumi:Stack" },
      {
        urn: provider,
        custom: true,
        id: "provider-id",
        type: "pulumi:providers:kubernetes",
        inputs: { version: "4.34.2" },
        outputs: { version: "4.34.2" },
      },
      {
        urn: urn("kubernetes:core/v1:ServiceAccount", "robot"),
        custom: true,
        id: "default/robot",
        type: "kubernetes:core/v1:ServiceAccount",
        parent: stack,
        provider: `${provider}::provider-id`,
        inputs,
        outputs: { ...inputs, __inputs: inputs, __initialApiVersion: "v1", __fieldManager: "m" },
      },
    ]);
    writeFileSync(join(root, "state.json"), old);
    const { code, stdout, stderr } = await runCli(root, ["preview", "--stack", "dev", "--state", "state.json"]);
    assert.equal(code, 0, stdout + stderr);
    assert.match(stdout, / ~ +└─ kubernetes:core\/v1:ServiceAccount +robot +update\n/);
    assert.match(stdout, / +~ metadata\.labels\.size: "small" => "large"\n/);
    assert.match(stdout, / +- metadata\.labels\.gone: "x"\n/);
    assert.match(stdout, /1 to update, 1 unchanged; no policy pack ran/);
    assert.equal(readFileSync(join(root, "state.json"), "utf8"), old);
    assert.deepEqual(
      readdirSync(root).filter((file) => file.startsWith("state")),
      ["state.json"],
    );
  });

  it("never shows a secret of the configuration, whatever the program does with it", async () => {
    const crypter = await newCrypter("open sesame");
    const root = makeProject(
      `${program}\nconfig.requireSecret("token").apply((token) => { console.log("the token is " + token); pulumi.log.warn("token=" + token); throw new Error("bad token " + token); });`,
      { dev: `encryptionsalt: ${crypter.salt}\nconfig:\n  token: { secure: "${crypter.encrypt("hunter2")}" }\n` },
    );
    const locked = await runCli(root, ["preview", "--stack", "dev"]);
    assert.equal(locked.code, 1);
    assert.match(locked.stdout, /holds secrets and no passphrase is set\.\n +Set PULUMI_CONFIG_PASSPHRASE/);
    const { code, stdout, stderr } = await runCli(
      root,
      ["preview", "--stack", "dev", "--diff", "--debug", "--json", "plan.json"],
      {
        PULUMI_CONFIG_PASSPHRASE: "open sesame",
      },
    );
    assert.equal(code, 1);
    assert.match(stdout, /the token is \[secret\]/);
    assert.doesNotMatch(stdout + stderr + readFileSync(join(root, "plan.json"), "utf8"), /hunter2/);
  });

  describe("refuses, with 1 and no stack trace,", () => {
    const cases: { what: string; args: string[]; says: RegExp; files?: { [path: string]: string } }[] = [
      {
        what: "an unknown stack, naming the nearest",
        args: ["--stack", "dve"],
        says: /There is no stack "dve".*\n +Did you mean "dev"\?/,
      },
      { what: "a folder without a project", args: ["--cwd", "/"], says: /No Pulumi\.yaml in \// },
      {
        what: "a broken Pulumi.yaml",
        args: [],
        files: { "Pulumi.yaml": "name: [\n" },
        says: /Pulumi\.yaml:2:1 is not valid YAML/,
      },
      { what: "an unknown option", args: ["--stak", "dev"], says: /unknown option '--stak'/ },
      { what: "an unknown engine", args: ["--engine", "steam"], says: /'steam' is invalid.*embedded, pulumi/ },
      {
        what: "one state for several stacks",
        args: ["--state", "x.json"],
        files: { "Pulumi.prod.yaml": "" },
        says: /--state names one file, and there are 2 stacks/,
      },
      {
        what: "a plan file that can't be written",
        args: ["--json", "no/where.json"],
        says: /The plan could not be written to no\/where\.json: ENOENT/,
      },
      {
        what: "the Pulumi CLI where there is none",
        args: ["--engine", "pulumi"],
        says: /The Pulumi CLI is not there, or does not run: .+\n +.*the embedded engine needs no CLI/,
      },
    ];
    for (const { what, args, says, files } of cases) {
      it(what, async () => {
        const { code, stdout, stderr } = await runCli(makeProject("", { dev: "" }, files), ["preview", ...args], {
          PATH: "/nowhere",
        });
        assert.equal(code, 1);
        assert.match(stdout + stderr, says);
        assert.doesNotMatch(stdout + stderr, /\n +at /);
      });
    }
  });

  it("helps: 0", async () => {
    const { code, stdout } = await runCli("/", ["preview", "--help"]);
    assert.equal(code, 0);
    for (const option of [
      "--stack",
      "--policy-pack",
      "--policy-pack-config",
      "--json",
      "--diff",
      "--state",
      "--engine",
      "--debug",
    ])
      assert(stdout.includes(option), option);
  });

  it("a program that throws is an error, with its own words", async () => {
    const { code, stdout } = await runCli(makeProject('throw new Error("out of cheese");'), [
      "preview",
      "--stack",
      "dev",
    ]);
    assert.equal(code, 1);
    assert.match(stdout, /error:.*\n?.*out of cheese/);
    assert.match(stdout, /shop\/dev: failed\./);
  });

  it("a truncated state is refused, and neither it nor its backup is touched", async () => {
    const good = stateOf([]);
    const files = { ".pulumi-local/shop/dev.json": good.slice(0, 50), ".pulumi-local/shop/dev.json.bak": good };
    const root = makeProject(program, { dev: "" }, files);
    const { code, stdout } = await runCli(root, ["preview", "--stack", "dev"]);
    assert.equal(code, 1);
    assert.match(stdout, /dev\.json is not complete JSON \(truncated\?\)\. It is left as it is/);
    assert.match(stdout, /The last good one is .*dev\.json\.bak/);
    for (const [path, text] of Object.entries(files)) assert.equal(readFileSync(join(root, path), "utf8"), text);
    assert.deepEqual(readdirSync(join(root, ".pulumi-local/shop")).sort(), ["dev.json", "dev.json.bak"]);
  });

  it("a preview while someone updates the stack says so", async () => {
    const lock = JSON.stringify({
      pid: process.pid,
      started: "",
      user: "ada",
      host: hostname(),
      command: "up --stack dev",
      since: "2026-01-02T03:04:05Z",
    });
    const root = makeProject("", { dev: "" }, { ".pulumi-local/shop/dev.json.lock": lock });
    const { code, stdout } = await runCli(root, ["preview", "--stack", "dev"]);
    assert.equal(code, 0, stdout);
    assert.match(stdout, /The stack is being changed by ada on .*running "up --stack dev"/);
  });

  describe("policy packs", () => {
    it("one that throws blocks: 2", async () => {
      const { code, stdout } = await runCli(makeProject(program), [
        "preview",
        "--stack",
        "dev",
        "--policy-pack",
        makePack(policy("wild", 'throw new Error("boom")')),
      ]);
      assert.equal(code, 2, stdout);
      assert.match(stdout, /✗ \[mandatory critical\] wild\n +The policy pack probe threw:/);
      assert.match(stdout, /WARNING: \d+ resources? went UNCHECKED/);
    });

    it("one that can't start is an error, and the program is not waited for: 1", async () => {
      const { code, stdout } = await runCli(makeProject("setInterval(() => undefined, 1000);"), [
        "preview",
        "--stack",
        "dev",
        "--policy-pack",
        makePack("(() => { throw new Error('bad start'); })()"),
      ]);
      assert.equal(code, 1);
      assert.match(stdout, /error: The policy pack .* ended with exit code \d+ before it served\./);
      assert.match(stdout, /bad start/);
    });

    it("several, each with its configuration, in order", async () => {
      const packs = ["one", "two"].map((name) => makePack(policy("p", 'report("from " + args.name)'), {}, name));
      const configs = makeFolder({ "one.json": '{ "p": "mandatory" }', "two.json": '{ "p": "disabled" }' });
      const { code, stdout } = await runCli(makeProject(program), [
        "preview",
        "--stack",
        "dev",
        ...packs.flatMap((pack) => ["--policy-pack", pack]),
        "--policy-pack-config",
        join(configs, "one.json"),
        "--policy-pack-config",
        join(configs, "two.json"),
      ]);
      assert.equal(code, 2, stdout);
      assert.match(stdout, /one v1\.2\.3 {2}1 of 1 policy/);
      assert.match(stdout, /two v1\.2\.3 {2}0 of 1 policy/);
    });
  });
});
