import assert from "node:assert/strict";
import { createServer } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import { Secret, Unknown, type Finding, type PolicyHost, type PolicyResource } from "../../engine/model.ts";
import { splitWords } from "../../engine/program.ts";
import { MemoryJournal, MemoryProvider, run, summary } from "./harness.ts";

describe("programs, run by Pulumi's own runner", function () {
  this.timeout(120_000);

  describe("what they register", () => {
    it("has the URNs of all ancestors, dependencies, outputs, and unknowns in a preview", async () => {
      const { steps, outputs, errors } = await run("parents.js");
      assert.deepEqual(errors, []);
      assert.deepEqual(summary(steps), ["create outer", "create inner", "create first", "create second"]);
      const second = steps.find(({ name }) => name === "second")!;
      const chain = "urn:pulumi:dev::p::test:index:Group$test:index:Group";
      assert.equal(second.urn, `${chain}$test:index:Thing::second`);
      assert.equal(second.parent, `${chain}::inner`);
      assert.ok(second.dependencies.includes(`${chain}$test:index:Thing::first`));
      assert.deepEqual(second.after!.inputs, { label: new Unknown(), nested: { of: new Unknown() } });
      assert.deepEqual(outputs, { serial: new Unknown(), id: new Unknown(), plain: 7 });
      const inner = steps.find(({ name }) => name === "inner")!;
      assert.deepEqual(inner.after!.outputs, { serial: new Unknown() });
    });

    it("is made in an update, and is the same in the next", async () => {
      const provider = new MemoryProvider();
      const journal = new MemoryJournal();
      const first = await run("parents.js", { kind: "update", provider, journal });
      assert.deepEqual(first.errors, []);
      assert.deepEqual(first.outputs, { serial: 2, id: "second-2", plain: 7 });
      assert.deepEqual(provider.calls, ["create first", "create second"]);
      assert.deepEqual(journal.pending, []);
      const second = await run("parents.js", { kind: "update", provider, journal: new MemoryJournal(journal.resources), prior: journal.resources });
      assert.deepEqual(new Set(second.steps.map(({ operation }) => operation)), new Set(["same"]));
      assert.deepEqual(second.outputs, first.outputs);
      assert.equal(provider.calls.length, 2);
    });

    it("has its configuration, secrets kept, references and identity", async () => {
      const { steps, outputs, errors } = await run("secrets.js", { config: { password: "hunter2", name: "joe" }, secretKeys: ["password"] });
      assert.deepEqual(errors, []);
      const thing = steps.find(({ name }) => name === "thing")!;
      assert.deepEqual(thing.after!.inputs["label"], new Secret("hunter2"));
      assert.deepEqual(thing.after!.inputs["list"], ["a", new Secret("b")]);
      assert.deepEqual(outputs["label"], new Secret("hunter2"));
      assert.deepEqual([outputs["greeting"], outputs["dry"], outputs["who"]], ["hello joe", true, "acme/p/dev"]);
      const update = await run("secrets.js", { kind: "update", config: { password: "hunter2", name: "joe" }, secretKeys: ["password"] });
      assert.deepEqual([update.outputs["serial"], update.outputs["dry"]], [new Secret(2), false]);
    });

    it("goes through its transforms, own, ancestors', stack's, and those of invokes", async () => {
      const { steps, outputs, errors } = await run("transforms.js");
      assert.deepEqual(errors, []);
      const thing = steps.find(({ name }) => name === "thing")!;
      assert.deepEqual(thing.after!.inputs, { label: new Unknown(), tags: ["own", "parent:thing", "stack:thing"] });
      assert.equal(thing.protect, true);
      assert.deepEqual(thing.dependencies.map((urn) => urn.split("::").at(-1)), ["base"]);
      assert.deepEqual(outputs, { answer: { word: "hi", transformed: true } });
    });

    it("shows a remote component as one resource in a preview, and refuses it in an update", async () => {
      const { steps, errors } = await run("remote.js");
      assert.deepEqual(errors, []);
      assert.deepEqual(summary(steps), ["create remote", "create after"]);
      assert.match(steps.find(({ name }) => name === "remote")!.note!, /remote component/);
      const update = await run("remote.js", { kind: "update" });
      assert.match(update.errors.join(), /remote component far:index:Remote "remote" in an update/);
    });
  });

  describe("from one run to the next", () => {
    it("keeps what has an alias, ignores, replaces and deletes as told", async () => {
      const provider = new MemoryProvider();
      const journal = new MemoryJournal();
      await run("options.js", { kind: "update", provider, journal, config: { stage: "one" } });
      const prior = journal.reload();
      const preview = await run("options.js", { provider, prior, config: { stage: "two" } });
      const expected = ["same new-group", "same new-group-thing", "delete-replaced kept", "replace kept", "create-replacement kept", "delete gone"];
      assert.deepEqual(summary(preview.steps).sort(), expected.sort());
      const created = preview.steps.find(({ operation }) => operation === "create-replacement")!;
      // A new object takes over nothing, as under Pulumi's engine.
      assert.deepEqual(created.after!.inputs, { label: "2", ignored: "b" });
      assert.deepEqual(created.replaceReasons, ["label"]);
      provider.calls.length = 0;
      const next = new MemoryJournal(prior);
      await run("options.js", { kind: "update", provider, prior, journal: next, config: { stage: "two" } });
      assert.deepEqual(provider.calls, ["delete kept", "create kept", "delete gone"]);
      const names = next.resources.map(({ urn }) => urn.split("::").at(-1)).sort();
      assert.deepEqual(names, ["default", "kept", "new-group", "new-group-thing", "p-dev"]);
      const kept = next.resources.find(({ urn }) => urn.endsWith("::kept"))!;
      assert.deepEqual(kept.customTimeouts, { create: 300, update: 90 });
    });
  });

  describe("hooks", () => {
    it("run around steps, in previews only those that ask for it, and retry what failed", async () => {
      const provider = new MemoryProvider();
      const journal = new MemoryJournal();
      const silent = await run("hooks.js", { config: { label: "a" } });
      assert.deepEqual([silent.printed, silent.errors], ["", []]);
      const created = await run("hooks.js", { kind: "update", provider, journal, config: { label: "a", failures: "2" } });
      assert.deepEqual(created.errors, []);
      assert.equal(
        created.printed,
        'before-create: hooked undefined -> "a" undefined\nfailed: create attempt 1 failed\nfailed: create attempt 2 failed\n' +
          'after-create: hooked undefined -> "a" "a"\n',
      );
      const updated = await run("hooks.js", { kind: "update", provider, prior: journal.resources, journal, config: { label: "b" } });
      assert.equal(updated.printed, 'before-update: hooked "a" -> "b" undefined\nafter-update: hooked "a" -> "b" "b"\n');
      const refused = await run("hooks.js", { provider, prior: journal.resources, config: { label: "forbidden" } });
      assert.match(refused.errors.join(), /before hook "refuse" failed: .*b must not become forbidden/);
      assert.equal(refused.printed, "");
      const deleted = await run("hooks.js", { kind: "update", provider, prior: journal.resources, journal });
      assert.deepEqual(deleted.errors, []);
      assert.equal(deleted.printed, 'before-delete: hooked "b" -> undefined undefined\n');
    });

    it("give up after the attempts they asked for", async () => {
      const { errors, printed } = await run("hooks.js", { kind: "update", config: { label: "a", failures: "9" } });
      assert.match(errors.join(), /attempt 3 failed/);
      assert.equal(printed.match(/failed: create/g)!.length, 3);
    });
  });

  describe("bad ends", () => {
    const ends: { [how: string]: RegExp } = {
      "throw": /^The program failed\.$/,
      "reject": /^The program failed\.$/,
      "exit-0": /ended with exit code 1|ended before it was done/,
      "exit-0-late": /ended with exit code 1|ended before it was done/,
      "exit-3": /ended with exit code 3/,
      "kill": /was ended by SIGKILL/,
      "pending": /a promise of it was still pending: its outputs never came/,
      "invalid": /Thing::invalid is invalid: label: it may not be refused/,
      "twice": /Two resources have the URN .*::thing\./,
      "call": /does not support the method call "test:index:Thing\/method"/,
      "unknown-package": /no provider for the package "nowhere"/,
      "import": /does not support the option "import"/,
    };
    for (const [how, message] of Object.entries(ends)) {
      it(`${how}: is told`, async () => {
        const { errors, printed } = await run("ends.js", { config: { how } });
        assert.equal(errors.length, 1, errors.join("\n"));
        assert.match(errors[0]!, message);
        assert.ok(printed.startsWith("out 1\nerr 1\n"), printed);
      });
    }

    it("throw: keeps the message with what the program logged", async () => {
      const { diagnostics } = await run("ends.js", { config: { how: "throw" } });
      assert.match(diagnostics.filter(({ severity }) => severity === "error").map(({ message }) => message).join(), /the program broke/);
    });

    it("idle: is ended after the time it may be silent", async () => {
      const { errors } = await run("ends.js", { config: { how: "idle" }, idleSeconds: 1 });
      assert.match(errors.join(), /has been idle for 1 s: it runs, but registers nothing/);
    });
  });

  it("end with their children when the operation is aborted", async () => {
    const stop = new AbortController();
    let group = 0;
    const running = run("ends.js", {
      config: { how: "child" },
      signal: stop.signal,
      onEvent: (event) => {
        if (event.kind === "program-started") group = event.pid;
        if (event.kind === "program-output" && event.text.includes("the child runs")) stop.abort(new Error("stopped by the test"));
      },
    });
    await assert.rejects(running, /stopped by the test/);
    assert.notEqual(group, 0);
    await gone(group);
  });

  it("say so when the port is taken", async () => {
    const other = createServer();
    await new Promise<void>((resolve) => other.listen(0, "127.0.0.1", resolve));
    const address = other.address();
    const port = typeof address === "object" && address !== null ? address.port : 0;
    await assert.rejects(run("parents.js", { port }), new RegExp(`cannot serve on 127\\.0\\.0\\.1:${port}`));
    other.close();
  });

  it("are judged by policies, resource by resource and as a whole", async () => {
    const seen: string[] = [];
    const finding = (resource: PolicyResource): Finding => ({ pack: "k", packVersion: "1", policy: "no-first", level: "mandatory", urn: resource.urn, message: "no" });
    const policies: PolicyHost = {
      remediate: ({ properties }) => Promise.resolve({ properties: properties["label"] === undefined ? properties : { ...properties, label: "remedied" }, remediations: [], findings: [] }),
      analyze: (resource) => {
        seen.push(`${resource.name} ${JSON.stringify(resource.properties["label"])}`);
        return Promise.resolve(resource.name === "first" ? [finding(resource)] : []);
      },
      analyzeStack: (resources) => {
        seen.push(`stack of ${resources.length}`);
        return Promise.resolve([]);
      },
      runs: () => [],
      close: () => Promise.resolve(),
    };
    const preview = await run("parents.js", { policies });
    assert.deepEqual(preview.errors, []);
    assert.equal(preview.findings.length, 1);
    assert.ok(seen.includes('first "remedied"') && seen.includes('second "remedied"') && seen.at(-1) === "stack of 6", seen.join());
    assert.deepEqual(preview.steps.find(({ name }) => name === "first")!.after!.inputs, { label: "remedied" });
    const provider = new MemoryProvider();
    const update = await run("parents.js", { kind: "update", policies, provider });
    assert.match(update.errors.join(), /::first violates a mandatory policy; it was not touched/);
    assert.deepEqual(provider.calls, []);
  });
});

describe("node arguments of the project", () => {
  for (const [text, words] of [["", []], ["--a  -b=c", ["--a", "-b=c"]], [`--a "b c" --d='e f'`, ["--a", "b c", "--d=e f"]]] as const) {
    it(`${JSON.stringify(text)} are ${JSON.stringify(words)}`, () => assert.deepEqual(splitWords(text), words));
  }
});

/** Waits until no process of a group is left. */
async function gone(group: number): Promise<void> {
  for (;;) {
    try {
      process.kill(-group, 0);
    } catch {
      return;
    }
    await delay(10);
  }
}
