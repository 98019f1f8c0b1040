import assert from "node:assert/strict";
import { chmodSync, copyFileSync, existsSync, readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { Validator } from "@cfworker/json-schema";
import fc from "fast-check";
import { deserializeResource, serializeResource } from "../../engine/deployment.ts";
import { AssetValue, type PropertyValue, ResourceReference, Secret, Unknown } from "../../engine/model.ts";
import { type Crypter, newCrypter } from "../../engine/passphrase.ts";
import { StateJournal, crypterForWriting, loadState } from "../../engine/state.ts";
import { readStateFile, writeStateFile } from "../../engine/stateFile.ts";
import { deploymentSchema } from "./deploymentSchema.ts";
import { makeFolder, removeFolders } from "./folders.ts";
import { deployment, emptyState, engine, read, refusal, resource, stack, stackUrn, step, urnOf } from "./states.ts";

/** Every kind of value that a state can hold. */
const values: fc.Arbitrary<PropertyValue> = fc.letrec<{ value: PropertyValue }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 4 },
    fc.oneof(
      fc.constant(null),
      fc.boolean(),
      fc.double().map((number) => (number === 0 ? 0 : number)), // JSON.stringify writes one zero, and no state means the other
      fc.string(),
      fc.constant(new Unknown()),
      fc.constant(new ResourceReference("urn:x", "id", "1.0.0")),
      fc.constant(
        new AssetValue({
          "4dabf18193072939515e22adb298388d": "c44067f5952c0a294b673a41bacd8c17",
          text: "x",
          hash: "ab",
        }),
      ),
    ),
    fc.array(tie("value"), { maxLength: 3 }),
    fc.dictionary(fc.stringMatching(/^[a-z]{1,5}$/), tie("value"), { maxKeys: 3, noNullPrototype: true }),
    tie("value").map((value) => new Secret(value)),
  ),
})).value;

describe("state", () => {
  let crypter: Crypter;
  before(async () => {
    crypter = await newCrypter("p");
  });
  afterEach(removeFolders);

  it("any resource comes back from its JSON as it was", () => {
    fc.assert(
      fc.property(fc.dictionary(fc.stringMatching(/^[a-zA-Z_]{1,8}$/), values, { noNullPrototype: true }), (inputs) => {
        const state = resource("a", inputs, {
          protect: true,
          initErrors: ["late"],
          customTimeouts: { create: 300 },
          carried: { sourcePosition: "x:1" },
        });
        const text = JSON.stringify(serializeResource(state, crypter));
        assert.deepEqual(deserializeResource(JSON.parse(text) as never, crypter), state);
      }),
    );
  });

  it("no secret stands in the file in clear, and without a passphrase none is written", async () => {
    const state = resource("a", { token: new Secret({ deep: [new Secret("hunter2"), "hunter3"] }) });
    const text = JSON.stringify(serializeResource(state, crypter));
    assert.doesNotMatch(text, /hunter/);
    const error = await refusal(() => serializeResource(state, undefined));
    assert.match(error.message, /::a holds a secret/);
    assert.doesNotMatch(error.message, /hunter/);
  });

  it("is what Pulumi's own schema of deployments admits, field by field", async () => {
    const path = join(makeFolder({}), "dev.json");
    const journal = new StateJournal(emptyState(path), crypter, engine);
    const full = resource(
      "full",
      { a: new Secret(1), b: [null, true, { c: "d" }] },
      {
        provider: `${urnOf("p")}::pid`,
        dependencies: [stackUrn],
        propertyDependencies: { a: [stackUrn] },
        additionalSecretOutputs: ["x"],
        customTimeouts: { create: 300 },
        initErrors: ["e"],
      },
    );
    await journal.ended(step("create", stack), stack, { recorded: stack });
    await journal.began(step("create", full), full);
    const { errors, valid } = new Validator(deploymentSchema, "2020-12", false).validate(read(path));
    assert(valid, JSON.stringify(errors, null, 1));
    assert.deepEqual(Object.keys(read(path)), ["version", "deployment"]);
    assert.equal(read(path).version, 3);
  });

  it("is a deployment of version 4 that names its features when a resource needs one", async () => {
    const path = join(makeFolder({}), "dev.json");
    const journal = new StateJournal(emptyState(path), undefined, engine);
    const hooked = resource("a", {}, { carried: { resourceHooks: { BeforeUpdate: ["guard"] } } });
    await journal.ended(step("create", stack), stack, { recorded: stack });
    await journal.ended(step("create", hooked), hooked, { recorded: hooked });
    assert.deepEqual([read(path).version, read(path).features], [4, ["hooks"]]);
    assert.deepEqual((await loadState(path, {})).resources, [stack, hooked]);
  });

  it("secrets open with the passphrase only, and fields of newer engines are carried through", async () => {
    const path = join(makeFolder({}), "dev.json");
    const state = resource(
      "a",
      { token: new Secret("hunter2") },
      { carried: { sourcePosition: "project:///index.ts#1" } },
    );
    const journal = new StateJournal(
      { ...emptyState(path), document: { ...deployment(), metadata: { kept: true } } },
      crypter,
      engine,
    );
    await journal.ended(step("create", stack), stack, { recorded: stack });
    await journal.ended(step("create", state), state, { recorded: state });
    assert.deepEqual((await loadState(path, { PULUMI_CONFIG_PASSPHRASE: "p" })).resources[1], state);
    assert.deepEqual(read(path).deployment["metadata"], { kept: true });
    assert.match(
      (await refusal(() => loadState(path, {}))).message,
      /dev\.json holds secrets and no passphrase is set/,
    );
    assert.match((await refusal(() => loadState(path, { PULUMI_CONFIG_PASSPHRASE: "q" }))).message, /does not open/);
  });

  it("a state without secrets needs no passphrase; a new one takes the stack's salt", async () => {
    const path = join(makeFolder({}), "dev.json");
    assert.equal(await crypterForWriting(emptyState(path), {}), undefined);
    assert.equal(
      (await crypterForWriting(emptyState(path), { PULUMI_CONFIG_PASSPHRASE: "p" }, crypter.salt))?.salt,
      crypter.salt,
    );
    assert.match((await crypterForWriting(emptyState(path), { PULUMI_CONFIG_PASSPHRASE: "p" }))?.salt ?? "", /^v1:/);
  });

  describe("broken file", () => {
    const good = JSON.stringify({ version: 3, deployment: deployment([stack, resource("a")]) });
    const cases: { what: string; text: string; says: RegExp }[] = [
      { what: "truncated", text: good.slice(0, good.length / 2), says: /is not complete JSON \(truncated\?\)/ },
      { what: "empty", text: "", says: /is empty/ },
      { what: "something else", text: "[]", says: /is not a Pulumi deployment/ },
      { what: "without a manifest", text: '{"version":3,"deployment":{}}', says: /deployment\.manifest is missing/ },
      {
        what: "of a later version",
        text: good.replace('"version":3', '"version":5'),
        says: /version 5; this engine reads versions 3 and 4/,
      },
      {
        what: "with features we lack",
        text: good.replace('"version":3', '"version":4,"features":["byteString"]'),
        says: /needs features that this engine does not have: byteString/,
      },
      { what: "tampered with", text: good.replace(engine, "v3.1.0"), says: /does not match its own manifest/ },
      {
        what: "with a child before its parent",
        text: JSON.stringify({ version: 3, deployment: deployment([resource("a"), stack]) }),
        says: /::a comes before its parent/,
      },
      {
        what: "with a nameless resource",
        text: good.replace(`"urn":"${stackUrn}"`, '"arn":1'),
        says: /resource 0 has no urn/,
      },
    ];
    for (const { what, text, says } of cases) {
      it(`${what}: refused by name, left as it is, the last good one named`, async () => {
        const path = join(makeFolder({ "dev.json": text, "dev.json.bak": good }), "dev.json");
        const error = await refusal(() => loadState(path, {}));
        assert.match(error.message, says);
        assert.match(error.message, new RegExp(`The state ${path} `));
        assert.match(error.fix ?? "", new RegExp(`The last good one is ${path}\\.bak`));
        assert.equal(readFileSync(path, "utf8"), text);
      });
    }

    it("no good backup is not called one", async () => {
      const path = join(makeFolder({ "dev.json": "{", "dev.json.bak": "{" }), "dev.json");
      assert.match((await refusal(() => loadState(path, {}))).fix ?? "", /no good backup/);
    });

    it("a missing file with a backup beside it is refused; without one it is an empty state", async () => {
      const path = join(makeFolder({ "dev.json.bak": good }), "dev.json");
      assert.match((await refusal(() => loadState(path, {}))).message, /is missing, while its backup is there/);
      assert.deepEqual((await loadState(join(makeFolder({}), "dev.json"), {})).resources, []);
    });
  });

  it("a write that fails leaves the file and no draft", async () => {
    const folder = makeFolder({});
    const path = join(folder, "dev.json");
    writeStateFile(path, deployment([stack]), 3, [], true);
    const before = readFileSync(path, "utf8");
    // A folder where the draft should be: no write can succeed, not even root's.
    const blocked = join(folder, "blocked");
    copyFileSync(path, blocked);
    const error = await refusal(() => writeStateFile(join(blocked, "dev.json"), deployment(), 3, [], true));
    assert.match(error.message, /could not be written: (ENOTDIR|EEXIST)/);
    assert.equal(readFileSync(path, "utf8"), before);
    assert.deepEqual(readdirSync(folder).sort(), ["blocked", "dev.json"]);
  });

  it("is readable by its owner only", () => {
    const path = join(makeFolder({}), "sub", "dev.json");
    writeStateFile(path, deployment(), 3, [], true);
    chmodSync(path, 0o600);
    assert(existsSync(path));
    assert.equal(readStateFile(path)?.version, 3);
  });
});
