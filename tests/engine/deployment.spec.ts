import assert from "node:assert/strict";
import fc from "fast-check";
import { Callbacks } from "../../engine/callbacks.ts";
import { dependentsOf, deletionWaves, needs } from "../../engine/dependencies.ts";
import type { Goal } from "../../engine/goal.ts";
import { Hooks } from "../../engine/hooks.ts";
import { Limiter } from "../../engine/limiter.ts";
import { Secret, type Journal, type OperationResult, type PropertyMap, type ResourceState, type Urn } from "../../engine/model.ts";
import { runOperation } from "../../engine/operation.ts";
import { Deployment } from "../../engine/stackOperation.ts";
import { rootStackUrn } from "../../engine/urn.ts";
import { MemoryJournal, MemoryProvider, summary, target } from "./harness.ts";

const ROOT = rootStackUrn("dev", "p");
const urnOf = (name: string): Urn => `urn:pulumi:dev::p::test:index:Thing::${name}`;
const base: Omit<Goal, "type" | "name"> = {
  custom: true, remote: false, parent: undefined, inputs: {}, provider: "", dependencies: [], propertyDependencies: {}, aliases: [],
  protect: undefined, retainOnDelete: undefined, deleteBeforeReplace: undefined, ignoreChanges: [], replaceOnChanges: [],
  additionalSecretOutputs: [], customTimeouts: {}, deletedWith: undefined, hooks: {},
};

/** A resource of a made-up program: inputs, and options beside. */
interface Thing extends Partial<Goal> {
  name: string;
}

interface Outcome {
  result: OperationResult;
  journal: MemoryJournal;
  provider: MemoryProvider;
}

/** Registers things one after the other, as a program without concurrency would, and ends. */
async function deploy(things: Thing[], prior: ResourceState[] = [], options: { provider?: MemoryProvider; preview?: boolean; journal?: MemoryJournal } = {}): Promise<Outcome> {
  const provider = options.provider ?? new MemoryProvider();
  const journal = options.journal ?? new MemoryJournal(prior);
  const preview = options.preview ?? false;
  const signal = new AbortController().signal;
  const providers = (pkg: string): MemoryProvider | undefined => (pkg === "test" ? provider : undefined);
  const settings = { target: target("none"), prior, providers, journal, onEvent: () => undefined, signal, parallel: 4, preview };
  const deployment = new Deployment(settings, (diagnose) => new Hooks(new Callbacks(), preview, diagnose));
  let over: () => void = () => undefined;
  const ended = new Promise<void>((resolve) => {
    over = resolve;
  });
  deployment.watch(over);
  const program = (async () => {
    await deployment.guard(() => deployment.register({ ...base, type: "pulumi:pulumi:Stack", name: "p-dev", custom: false }));
    const provides = await deployment.guard(() => deployment.defaultProvider({ name: "test", version: "1.0.0", downloadUrl: "" }));
    for (const thing of things) await deployment.guard(() => deployment.register({ ...base, type: "test:index:Thing", parent: ROOT, provider: provides, ...thing }));
    await deployment.guard(() => deployment.outputs(ROOT, {}));
    await deployment.guard(() => deployment.programEnded());
  })();
  await Promise.race([program, ended]);
  await deployment.programGone({ code: 0, signal: null, reported: false });
  await program.catch(() => undefined);
  return { result: deployment.result(0), journal, provider };
}

const names = (journal: MemoryJournal): string[] => journal.resources.filter(({ type }) => type === "test:index:Thing").map(({ urn }) => urn.split("::").at(-1)!);

describe("a deployment", () => {
  it("creates, updates in place, and finds nothing to do", async () => {
    const first = await deploy([{ name: "a", inputs: { label: "1" } }]);
    assert.deepEqual(summary(first.result.steps), ["create a"]);
    const second = await deploy([{ name: "a", inputs: { label: "2" } }], first.journal.resources, first);
    assert.deepEqual(summary(second.result.steps), ["update a"]);
    const [change] = second.result.steps.find(({ name }) => name === "a")!.changes;
    assert.deepEqual(change, { path: "label", kind: "update", replaces: false, before: "1", after: "2" });
    const third = await deploy([{ name: "a", inputs: { label: "2" } }], first.journal.resources, first);
    assert.deepEqual(summary(third.result.steps), ["same a"]);
    const recorded = first.journal.resources.find(({ urn }) => urn === urnOf("a"))!;
    assert.equal(recorded.id, "a-1");
    assert.deepEqual(recorded.outputs, { label: "2", serial: 1 });
    assert.deepEqual(first.provider.calls, ["create a", "update a"]);
  });

  it("touches and records nothing in a preview", async () => {
    const { provider, journal } = await deploy([{ name: "a" }, { name: "b" }]);
    const prior = journal.reload();
    const before = JSON.stringify(prior);
    const preview = await deploy([{ name: "a", inputs: { identity: 2 } }, { name: "c" }], prior, { provider, journal, preview: true });
    assert.deepEqual(summary(preview.result.steps), ["create-replacement a", "replace a", "create c", "delete b", "delete-replaced a"]);
    assert.equal(JSON.stringify(prior), before);
    assert.deepEqual(provider.calls, ["create a", "create b"]);
    assert.deepEqual(journal.entries.filter((entry) => entry.includes("began")).length, 4);
  });

  it("replaces by creating first, and deletes the old object at the end", async () => {
    const { journal, provider } = await deploy([{ name: "a", inputs: { identity: 1 } }]);
    const { result } = await deploy([{ name: "a", inputs: { identity: 2 } }, { name: "b" }], journal.resources, { provider, journal });
    assert.deepEqual(summary(result.steps), ["create-replacement a", "replace a", "create b", "delete-replaced a"]);
    assert.deepEqual(provider.calls, ["create a", "create a", "create b", "delete a"]);
    assert.deepEqual(names(journal), ["a", "b"]);
    assert.deepEqual([...provider.world.keys()], ["a-2", "b-3"]);
  });

  it("deletes first where the object must be unique, with those that it would take along, and makes them anew", async () => {
    const dependent = (of: string, inputs: PropertyMap): Partial<Goal> => ({
      inputs, dependencies: [urnOf(of)], propertyDependencies: Object.fromEntries(Object.keys(inputs).map((key) => [key, [urnOf(of)]])),
    });
    const program = (identity: number): Thing[] => [
      { name: "root", inputs: { identity, unique: true } },
      { name: "tied", ...dependent("root", { identity: "of root" }) },
      { name: "loose", ...dependent("root", { label: "of root" }) },
      { name: "far", ...dependent("tied", { identity: "of tied" }) },
    ];
    const { journal, provider } = await deploy(program(1));
    provider.calls.length = 0;
    const { result } = await deploy(program(2), journal.resources, { provider, journal });
    assert.deepEqual(result.errors, []);
    assert.deepEqual(provider.calls, ["delete far", "delete tied", "delete root", "create root", "create tied", "create far"]);
    assert.deepEqual(names(journal).sort(), ["far", "loose", "root", "tied"]);
    assert.equal(journal.resources.some(({ pendingReplacement }) => pendingReplacement), false);
    assert.equal(provider.world.size, 4);
  });

  it("shows as deleted what went early and is not registered again", async () => {
    const tied: Thing = { name: "tied", inputs: { identity: "of root" }, dependencies: [urnOf("root")], propertyDependencies: { identity: [urnOf("root")] } };
    const { journal, provider } = await deploy([{ name: "root", inputs: { identity: 1, unique: true } }, tied]);
    const program = [{ name: "root", inputs: { identity: 2, unique: true } }];
    const expected = ["delete tied", "delete-replaced root", "replace root", "create-replacement root"];
    const preview = await deploy(program, journal.reload(), { provider, preview: true });
    assert.deepEqual(summary(preview.result.steps), expected);
    const update = await deploy(program, journal.resources, { provider, journal });
    assert.deepEqual(summary(update.result.steps), expected);
    assert.deepEqual(names(journal), ["root"]);
  });

  it("finishes a replacement whose second half failed", async () => {
    const { journal, provider } = await deploy([{ name: "a", inputs: { identity: 1, unique: true } }]);
    provider.onOperation = (call) => (call === "create a" ? Promise.reject(new Error("no room")) : Promise.resolve());
    const failed = await deploy([{ name: "a", inputs: { identity: 2, unique: true } }], journal.resources, { provider, journal });
    assert.match(failed.result.errors.join(), /test:index:Thing "a": create-replacement failed: no room/);
    assert.deepEqual(journal.resources.filter(({ pendingReplacement }) => pendingReplacement).map(({ urn }) => urn), [urnOf("a")]);
    assert.equal(provider.world.size, 0);
    assert.deepEqual(journal.pending, []);
    provider.onOperation = () => Promise.resolve();
    // Also when the inputs are again those of the object that is gone.
    const { result } = await deploy([{ name: "a", inputs: { identity: 1, unique: true } }], journal.resources, { provider, journal });
    assert.deepEqual(result.errors, []);
    assert.deepEqual(names(journal), ["a"]);
    assert.deepEqual([...provider.world.keys()].length, 1);
    assert.equal(journal.resources.some(({ pendingReplacement }) => pendingReplacement), false);
  });

  it("drops the record of a half-made replacement that the program no longer wants, without deleting twice", async () => {
    const { journal, provider } = await deploy([{ name: "a", inputs: { identity: 1, unique: true } }]);
    provider.onOperation = (call) => (call === "create a" ? Promise.reject(new Error("no room")) : Promise.resolve());
    await deploy([{ name: "a", inputs: { identity: 2, unique: true } }], journal.resources, { provider, journal });
    const { result } = await deploy([], journal.resources, { provider, journal });
    assert.deepEqual(result.errors, []);
    assert.deepEqual(names(journal), []);
  });

  it("deletes at the next run what a failed deletion left of a replacement", async () => {
    const { journal, provider } = await deploy([{ name: "a", inputs: { identity: 1 } }]);
    provider.onOperation = (call) => (call === "delete a" ? Promise.reject(new Error("busy")) : Promise.resolve());
    const failed = await deploy([{ name: "a", inputs: { identity: 2 } }], journal.resources, { provider, journal });
    assert.match(failed.result.errors.join(), /busy/);
    assert.deepEqual(journal.resources.filter((state) => state.delete).map(({ id }) => id), ["a-1"]);
    provider.onOperation = () => Promise.resolve();
    const { result } = await deploy([{ name: "a", inputs: { identity: 2 } }], journal.resources, { provider, journal });
    assert.deepEqual(summary(result.steps), ["same a", "delete-replaced a"]);
    assert.deepEqual([...provider.world.keys()], ["a-2"]);
    assert.deepEqual(names(journal), ["a"]);
  });

  it("refuses to replace or delete what is protected", async () => {
    const { journal, provider } = await deploy([{ name: "a", inputs: { identity: 1 }, protect: true }]);
    const replaced = await deploy([{ name: "a", inputs: { identity: 2 }, protect: true }], journal.resources, { provider, journal });
    assert.match(replaced.result.errors.join(), /::a is protected and cannot be replaced/);
    const preview = await deploy([{ name: "a", inputs: { identity: 2 }, protect: true }], journal.reload(), { provider, preview: true });
    assert.match(preview.result.errors.join(), /::a is protected and cannot be replaced/);
    assert.equal(preview.result.steps.length > 2, true, "the preview goes on");
    const deleted = await deploy([], journal.resources, { provider, journal });
    assert.match(deleted.result.errors.join(), /::a is protected and cannot be deleted/);
    assert.deepEqual(provider.calls, ["create a"]);
    assert.deepEqual(names(journal), ["a"]);
  });

  it("leaves in the world what is retained or goes with another", async () => {
    const { journal, provider } = await deploy([{ name: "a" }, { name: "kept", retainOnDelete: true }, { name: "along", deletedWith: urnOf("a") }]);
    await deploy([], journal.resources, { provider, journal });
    assert.deepEqual(provider.calls.slice(3), ["delete a"]);
    assert.deepEqual(names(journal), []);
  });

  it("records an object that exists but is not ready, and tries again", async () => {
    const { journal, provider, result } = await deploy([{ name: "a", inputs: { unready: true } }]);
    assert.match(result.errors.join(), /::a exists but did not become ready: it stays unready/);
    assert.deepEqual(journal.resources.find(({ urn }) => urn === urnOf("a"))!.initErrors, ["it stays unready"]);
    const again = await deploy([{ name: "a", inputs: { unready: true } }], journal.resources, { provider, journal });
    assert.deepEqual(summary(again.result.steps), ["update a"]);
    assert.deepEqual(journal.resources.find(({ urn }) => urn === urnOf("a"))!.initErrors, undefined);
  });

  it("marks outputs secret as told", async () => {
    const { journal } = await deploy([{ name: "a", inputs: { label: "x" }, additionalSecretOutputs: ["serial"] }]);
    assert.deepEqual(journal.resources.find(({ urn }) => urn === urnOf("a"))!.outputs, { label: "x", serial: new Secret(1) });
  });

  it("refuses two claims to the same former resource", async () => {
    const { journal, provider } = await deploy([{ name: "old" }]);
    const twice = await deploy([{ name: "a", aliases: [{ name: "old" }] }, { name: "b", aliases: [{ name: "old" }] }], journal.resources, { provider, journal });
    assert.match(twice.result.errors.join(), /::b claims the former resource .*::old, which .*::a already is/);
  });

  it("destroys everything, dependents first, without a program", async () => {
    const { journal, provider } = await deploy([{ name: "a" }, { name: "b", dependencies: [urnOf("a")] }, { name: "c", dependencies: [urnOf("b")] }]);
    const result = await runOperation({
      kind: "destroy", target: target("no-such-program"), prior: journal.resources, journal, onEvent: () => undefined,
      providers: () => provider, signal: new AbortController().signal,
    });
    assert.deepEqual(result.errors, []);
    assert.deepEqual(provider.calls.slice(3), ["delete c", "delete b", "delete a"]);
    assert.deepEqual(journal.resources, []);
    assert.equal(provider.world.size, 0);
  });

  it("leads from any program to any other, and converges", async () => {
    const thing = fc.record({ present: fc.boolean(), label: fc.nat(2), identity: fc.nat(1), unique: fc.boolean(), needs: fc.nat(3), drawn: fc.boolean() });
    const program = fc.array(thing, { minLength: 4, maxLength: 4 }).map((list) =>
      list.flatMap(({ present, label, identity, unique, needs: needed, drawn }, index): Thing[] => {
        if (!present) return [];
        const on = needed < index && list[needed]!.present ? [urnOf(`t${needed}`)] : [];
        return [{ name: `t${index}`, inputs: { label, identity, unique }, dependencies: on, propertyDependencies: drawn ? { identity: on } : {} }];
      }),
    );
    await fc.assert(
      fc.asyncProperty(program, program, async (first, second) => {
        const one = await deploy(first);
        const two = await deploy(second, one.journal.resources, one);
        assert.deepEqual(two.result.errors, []);
        assert.deepEqual(names(two.journal).sort(), second.map(({ name }) => name).sort());
        const worldly = [...two.provider.world.values()].map((outputs) => ({ ...outputs, serial: 0 }));
        const byJson = (left: unknown, right: unknown): number => JSON.stringify(left).localeCompare(JSON.stringify(right));
        assert.deepEqual(worldly.sort(byJson), second.map(({ inputs }) => ({ ...inputs, serial: 0 })).sort(byJson));
        const three = await deploy(second, two.journal.resources, two);
        assert.deepEqual(new Set(three.result.steps.map(({ operation }) => operation)), new Set(["same"]));
        // The record is in an order in which each resource follows all that it needs.
        const seen = new Set<Urn>();
        for (const state of three.journal.resources) {
          for (const urn of needs(state)) assert.ok(seen.has(urn), `${state.urn} comes before ${urn}`);
          seen.add(state.urn);
        }
      }),
      { numRuns: 150 },
    );
  });

  it("tells the journal before and after each step that touches the world", async () => {
    const order: string[] = [];
    const provider = new MemoryProvider();
    provider.onOperation = (call) => Promise.resolve(void order.push(call));
    class Recorder extends MemoryJournal implements Journal {
      override async began(...args: Parameters<MemoryJournal["began"]>): Promise<void> {
        order.push(`began ${args[0].name}`);
        await super.began(...args);
      }
      override async ended(...args: Parameters<MemoryJournal["ended"]>): Promise<void> {
        order.push(`ended ${args[0].name}`);
        await super.ended(...args);
      }
    }
    await deploy([{ name: "a" }], [], { provider, journal: new Recorder() });
    assert.deepEqual(order.filter((entry) => entry.endsWith(" a")), ["began a", "create a", "ended a"]);
  });
});

describe("dependencies among recorded resources", () => {
  const state = (name: string, dependencies: string[]): ResourceState => ({
    urn: urnOf(name), type: "test:index:Thing", custom: true, inputs: {}, outputs: {}, aliases: [], additionalSecretOutputs: [],
    dependencies: dependencies.map(urnOf), propertyDependencies: {},
  });
  const graph = fc.array(fc.array(fc.nat(9), { maxLength: 3 }), { maxLength: 10 }).map((list) =>
    list.map((edges, index) => state(String(index), edges.filter((edge) => edge < index).map(String))),
  );

  it("let everything go, each after all that need it", () => {
    fc.assert(fc.property(graph, (states) => {
      const waves = deletionWaves(states);
      assert.deepEqual(new Set(waves.flat()), new Set(states));
      const wave = new Map(waves.flatMap((list, index) => list.map(({ urn }) => [urn, index])));
      for (const { urn, dependencies } of states) for (const needed of dependencies) assert.ok(wave.get(urn)! < wave.get(needed)!);
    }));
  });

  it("let go also what is recorded in a circle", () => {
    assert.deepEqual(deletionWaves([state("a", ["b"]), state("b", ["a"])]).map((list) => list.map(({ urn }) => urn)), [[urnOf("b")], [urnOf("a")]]);
  });

  it("find all dependents and no others", () => {
    fc.assert(fc.property(graph, (states) => {
      const root = states[0];
      if (root === undefined) return;
      const reaches = (from: ResourceState): boolean => from.dependencies.some((urn) => urn === root.urn || reaches(states.find((other) => other.urn === urn)!));
      assert.deepEqual(dependentsOf(root, states, () => false), states.filter(reaches));
    }));
  });
});

describe("the limiter", () => {
  it("lets so many run at a time, and all to their end", async () => {
    await fc.assert(fc.asyncProperty(fc.integer({ min: 1, max: 5 }), fc.array(fc.boolean(), { maxLength: 20 }), async (limit, tasks) => {
      const limiter = new Limiter(limit);
      let running = 0;
      let most = 0;
      const outcomes = await Promise.allSettled(tasks.map((succeeds) => limiter.run(async () => {
        most = Math.max(most, ++running);
        await new Promise(setImmediate);
        running--;
        if (!succeeds) throw new Error("failed");
      })));
      assert.equal(most, Math.min(limit, tasks.length));
      assert.deepEqual(outcomes.map(({ status }) => status === "fulfilled"), tasks);
    }));
  });
});
