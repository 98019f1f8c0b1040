import assert from "node:assert/strict";
import { chmodSync, copyFileSync, existsSync, readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { type Schema, Validator } from "@cfworker/json-schema";
import fc from "fast-check";
import {
  type Deployment,
  type StateDocument,
  deserializeResource,
  manifestMagic,
  serializeResource,
} from "../../engine/deployment.ts";
import { UserError } from "../../engine/errors.ts";
import {
  AssetValue,
  type PropertyMap,
  type PropertyValue,
  ResourceReference,
  type ResourceState,
  Secret,
  type Step,
  Unknown,
} from "../../engine/model.ts";
import { type Crypter, newCrypter } from "../../engine/passphrase.ts";
import { StateJournal, type StackState, crypterForWriting, loadState } from "../../engine/state.ts";
import { readStateFile, writeStateFile } from "../../engine/stateFile.ts";
import { makeFolder, removeFolders } from "./folders.ts";

const stackUrn = "urn:pulumi:dev::shop::pulumi:pulumi:Stack::shop-dev";
const urnOf = (name: string): string => `urn:pulumi:dev::shop::test:index:Thing::${name}`;
const engine = "v3.270.0";

function resource(name: string, inputs: PropertyMap = {}, changes: Partial<ResourceState> = {}): ResourceState {
  return {
    urn: urnOf(name),
    custom: true,
    id: `id-${name}`,
    type: "test:index:Thing",
    inputs,
    outputs: inputs,
    parent: stackUrn,
    dependencies: [],
    propertyDependencies: {},
    additionalSecretOutputs: [],
    aliases: [],
    ...changes,
  };
}
const stack: ResourceState = {
  urn: stackUrn,
  custom: false,
  type: "pulumi:pulumi:Stack",
  inputs: {},
  outputs: {},
  dependencies: [],
  propertyDependencies: {},
  additionalSecretOutputs: [],
  aliases: [],
};
function step(operation: Step["operation"], state: ResourceState): Step {
  return {
    operation,
    urn: state.urn,
    type: state.type,
    name: "n",
    custom: state.custom,
    protect: false,
    dependencies: [],
    changes: [],
    replaceReasons: [],
  };
}
const emptyState = (path: string): StackState => ({ path, resources: [], pending: [] });
const read = (path: string): StateDocument => JSON.parse(readFileSync(path, "utf8")) as StateDocument;
const urns = (path: string): string[] => (read(path).deployment.resources ?? []).map(({ urn }) => urn);
const pending = (path: string): string[] =>
  (read(path).deployment.pending_operations ?? []).map(({ type, resource: { urn } }) => `${type} ${urn}`);
const deployment = (resources: ResourceState[] = []): Deployment => ({
  manifest: { time: "2026-01-01T00:00:00Z", magic: manifestMagic(engine), version: engine },
  resources: resources.map((state) => serializeResource(state, undefined)),
});

async function refusal(action: () => unknown): Promise<UserError> {
  try {
    await action();
  } catch (error) {
    assert(error instanceof UserError, String(error));
    return error;
  }
  return assert.fail("nothing was refused");
}

/** Every kind of value that a state can hold. */
const values: fc.Arbitrary<PropertyValue> = fc.letrec<{ value: PropertyValue }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 4 },
    fc.oneof(
      fc.constant(null),
      fc.boolean(),
      fc.double(),
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

  describe("journal", () => {
    it("records the intent before a step, and the outcome after it", async () => {
      const path = join(makeFolder({}), "dev.json");
      const journal = new StateJournal(emptyState(path), undefined, engine);
      const a = resource("a");
      await journal.ended(step("create", stack), stack, { recorded: stack });
      await journal.began(step("create", a), a);
      assert.deepEqual([urns(path), pending(path)], [[stackUrn], [`creating ${a.urn}`]]);
      await journal.ended(step("create", a), a, { recorded: a });
      assert.deepEqual([urns(path), pending(path)], [[stackUrn, a.urn], []]);
      const b = resource("a", { changed: true });
      await journal.began(step("update", b), b);
      assert.deepEqual(pending(path), [`updating ${a.urn}`]);
      await journal.ended(step("update", b), b, { removed: a, recorded: b });
      assert.deepEqual((await loadState(path, {})).resources, [stack, b]);
      await journal.began(step("delete", b), b);
      await journal.ended(step("delete", b), b, { removed: b });
      assert.deepEqual([urns(path), pending(path)], [[stackUrn], []]);
    });

    it("a failed step leaves what was", async () => {
      const path = join(makeFolder({}), "dev.json");
      const a = resource("a");
      writeStateFile(path, deployment([stack, a]), 3, [], false);
      const state = await loadState(path, {});
      const journal = new StateJournal(state, undefined, engine);
      const [, old] = state.resources;
      const next = resource("a", { changed: true });
      await journal.began(step("update", next), next);
      await journal.ended(step("update", next), next, {});
      await journal.flush();
      assert.deepEqual((await loadState(path, {})).resources, [stack, old]);
      assert.deepEqual(pending(path), []);
    });

    it("an unchanged resource costs no write until the end", async () => {
      const path = join(makeFolder({}), "dev.json");
      writeStateFile(path, deployment([stack]), 3, [], false);
      const state = await loadState(path, {});
      const journal = new StateJournal(state, undefined, engine);
      const before = readFileSync(path, "utf8");
      await journal.ended(step("same", stack), stack, { removed: state.resources[0], recorded: { ...stack } });
      assert.equal(readFileSync(path, "utf8"), before);
      await journal.flush();
      assert.notEqual(readFileSync(path, "utf8"), before);
    });

    it("steps side by side are all recorded", async () => {
      const path = join(makeFolder({}), "dev.json");
      const journal = new StateJournal(emptyState(path), undefined, engine);
      await journal.ended(step("create", stack), stack, { recorded: stack });
      const all = Array.from({ length: 20 }, (_, index) => resource(`r${index}`));
      await Promise.all(
        all.map(async (state) => {
          await journal.began(step("create", state), state);
          assert(pending(path).includes(`creating ${state.urn}`) || urns(path).includes(state.urn));
          await journal.ended(step("create", state), state, { recorded: state });
          assert(urns(path).includes(state.urn));
        }),
      );
      await journal.flush();
      assert.equal(urns(path).length, 21);
      assert.deepEqual(pending(path), []);
    });

    it("a create that a killed run never saw the end of stays on record, until it is made", async () => {
      const path = join(makeFolder({}), "dev.json");
      const a = resource("a");
      writeStateFile(
        path,
        {
          ...deployment([stack]),
          pending_operations: [
            { type: "creating", resource: serializeResource(a, undefined) },
            { type: "updating", resource: serializeResource(stack, undefined) },
          ],
        },
        3,
        [],
        false,
      );
      const state = await loadState(path, {});
      assert.deepEqual(
        state.pending.map(({ type }) => type),
        ["creating", "updating"],
      );
      const journal = new StateJournal(state, undefined, engine);
      await journal.outputs();
      assert.deepEqual(pending(path), [`creating ${a.urn}`]);
      await journal.ended(step("create", a), a, { recorded: a });
      assert.deepEqual(pending(path), []);
    });

    it("resources not yet reached follow one that an alias renamed", async () => {
      const path = join(makeFolder({}), "dev.json");
      const parent = resource("old", {}, { custom: false, id: undefined });
      const child = resource(
        "child",
        {},
        {
          parent: parent.urn,
          dependencies: [parent.urn],
          propertyDependencies: { a: [parent.urn] },
          provider: `${parent.urn}::id`,
        },
      );
      writeStateFile(path, deployment([stack, parent, child]), 3, [], false);
      const state = await loadState(path, {});
      const renamed = { ...parent, urn: urnOf("new") };
      const journal = new StateJournal(state, undefined, engine);
      await journal.ended(step("same", stack), stack, { removed: state.resources[0], recorded: stack });
      await journal.ended(step("same", renamed), renamed, { removed: state.resources[1], recorded: renamed });
      await journal.flush();
      const after = (await loadState(path, {})).resources.find(({ urn }) => urn === child.urn);
      assert.deepEqual(
        [after?.parent, after?.dependencies, after?.propertyDependencies, after?.provider],
        [renamed.urn, [renamed.urn], { a: [renamed.urn] }, `${renamed.urn}::id`],
      );
    });

    it("keeps the state before the update as backup, not the one before the last step", async () => {
      const path = join(makeFolder({}), "dev.json");
      writeStateFile(path, deployment([stack]), 3, [], false);
      const before = readFileSync(path, "utf8");
      const journal = new StateJournal(await loadState(path, {}), undefined, engine);
      for (const name of ["a", "b", "c"])
        await journal.ended(step("create", resource(name)), resource(name), { recorded: resource(name) });
      assert.equal(readFileSync(`${path}.bak`, "utf8"), before);
      assert.deepEqual(readdirSync(join(path, "..")).sort(), ["dev.json", "dev.json.bak"]);
    });
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

/** Pulumi's published schema of a version 3 deployment, in substance. */
const deploymentSchema: Schema = {
  type: "object",
  required: ["version", "deployment"],
  additionalProperties: false,
  properties: {
    version: { const: 3 },
    deployment: {
      type: "object",
      required: ["manifest"],
      additionalProperties: false,
      properties: {
        manifest: {
          type: "object",
          required: ["time", "magic", "version"],
          additionalProperties: false,
          properties: {
            time: { type: "string", format: "date-time" },
            magic: { type: "string" },
            version: { type: "string" },
            plugins: { type: "array" },
          },
        },
        secrets_providers: {
          type: "object",
          required: ["type"],
          additionalProperties: false,
          properties: { type: { type: "string" }, state: {} },
        },
        resources: { type: "array", items: { $ref: "#/$defs/resource" } },
        pending_operations: {
          type: "array",
          items: {
            type: "object",
            required: ["resource", "type"],
            additionalProperties: false,
            properties: {
              resource: { $ref: "#/$defs/resource" },
              type: { enum: ["creating", "updating", "deleting", "reading"] },
            },
          },
        },
        metadata: { type: "object" },
      },
    },
  },
  $defs: {
    urns: { type: "array", items: { type: "string" } },
    resource: {
      type: "object",
      required: ["urn"],
      additionalProperties: false,
      properties: {
        urn: { type: "string" },
        custom: { type: "boolean" },
        delete: { type: "boolean" },
        id: { type: "string" },
        type: { type: "string" },
        inputs: { type: "object" },
        outputs: { type: "object" },
        parent: { type: "string" },
        protect: { type: "boolean" },
        external: { type: "boolean" },
        dependencies: { $ref: "#/$defs/urns" },
        initErrors: { type: "array", items: { type: "string" } },
        provider: { type: "string" },
        propertyDependencies: { type: "object", additionalProperties: { $ref: "#/$defs/urns" } },
        pendingReplacement: { type: "boolean" },
        additionalSecretOutputs: { type: "array", items: { type: "string" } },
        aliases: { $ref: "#/$defs/urns" },
        customTimeouts: { type: "object" },
      },
    },
  },
};
