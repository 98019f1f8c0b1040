import assert from "node:assert/strict";
import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { serializeResource } from "../../engine/deployment.ts";
import { StateJournal, loadState } from "../../engine/state.ts";
import { writeStateFile } from "../../engine/stateFile.ts";
import { makeFolder, removeFolders } from "./folders.ts";
import { deployment, emptyState, engine, pending, resource, stack, stackUrn, step, urnOf, urns } from "./states.ts";

describe("journal", () => {
  afterEach(removeFolders);

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
