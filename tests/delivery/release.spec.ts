import assert from "node:assert/strict";
import { release } from "../../delivery/blueGreenRelease.ts";
import { crashOf } from "../../delivery/canaryCrash.ts";
import { releaseCanary, rollBackCanary } from "../../delivery/canaryRelease.ts";
import type { Intent } from "../../delivery/intent.ts";
import type { BlueGreenRecord, CanaryRecord } from "../../delivery/releaseRecord.ts";
import { rollBack } from "../../delivery/rollBack.ts";
import { exitCodes, failing, reference, World } from "./rehearsal.ts";

const planned: Intent = { reason: "planned", schema: "none" };
const broken = (phase: BlueGreenRecord["phase"], more: Partial<BlueGreenRecord> = {}): BlueGreenRecord => ({
  strategy: "blue-green", id: "r-1", stack: "local", image: reference("2"), from: "blue", to: "green", before: { active: "blue", images: { blue: reference("1") } }, phase, startedAt: "2026-11-24T00:00:00.000Z", ...more,
});

describe("delivery release, blue-green", () => {
  it("deploys to the idle slot, watches it and keeps it", async () => {
    const world = new World();
    const { exitCode } = await release(world.context(), reference("2"), planned);
    assert.equal(exitCode, exitCodes.done);
    assert.deepEqual(world.log, ["note release-started", "lease updating", "deploy green: blue 1, green 2", "lease baking", "note switched", "note bake-decision", "lease released", "note promoted"]);
  });

  it("takes back what answers badly: the traffic first, then the rest; the record has the reason and since when", async () => {
    const world = new World();
    world.errorsPerLook = 30;
    const { exitCode } = await release(world.context(), reference("2"), planned);
    assert.equal(exitCode, exitCodes.takenBack);
    const back = world.log.slice(world.log.indexOf("note switched") + 1);
    assert.deepEqual(back.filter((line) => line !== "lease reverting"), ["traffic to blue", "note bake-decision", "note rolled-back", "restore blue: blue 1", "lease taken-back"]);
    const note = world.notes.at(-1)?.note;
    assert.ok(note?.kind === "rolled-back" && note.data.cause === "bake" && note.data.hurtSince !== undefined);
    assert.match(note.why ?? "", /error ratio .* surely above 5 %/);
  });

  it("an update that fails before the switch never moves the traffic; one that a policy stops ends with its own status", async () => {
    for (const [result, expected] of [["error", exitCodes.notVerified], ["violation", exitCodes.policy]] as const) {
      const world = new World();
      world.update = (settings) => ("active" in settings && settings.active === "green" ? failing("green-verification did not become ready", result) : failing("", "clean"));
      const { exitCode } = await release(world.context(), reference("2"), planned);
      assert.equal(exitCode, expected);
      assert.equal(world.selector, "blue");
      assert.ok(!world.log.some((line) => line.startsWith("traffic")));
      assert.equal(world.records.at(-1)?.phase, "failed");
    }
  });

  it("tells what the Pulumi CLI's provider has found, and not that there were errors or that the object was made", async () => {
    const world = new World();
    world.update = () => failing(`4 errors occurred:\n\t* resource "urn:pulumi:local::app::kubernetes:batch/v1:Job::audit-verification" was successfully created, but the Kubernetes API server reported that it failed to fully initialize or become live: Resource 'audit-verification' was created but failed to initialize\n\t* [Pod local/audit-verification-x]: container "verification" completed with exit code 1\n\t* [BackoffLimitExceeded] Job has reached the specified backoff limit\n`);
    await release(world.context(), reference("2"), planned).catch(() => undefined);
    assert.equal(world.records.at(-1)?.because, '[Pod local/audit-verification-x]: container "verification" completed with exit code 1; [BackoffLimitExceeded] Job has reached the specified backoff limit');
  });

  it("a switch that can't be recorded is taken back: what nobody could prove does not keep the traffic", async () => {
    const world = new World();
    world.unrecordable = "switched";
    await assert.rejects(release(world.context(), reference("2"), planned), /no space left on device/);
    assert.equal(world.selector, "blue");
    assert.equal(world.records.at(-1)?.phase, "taken-back");
  });

  it("does nothing for what has the traffic already", async () => {
    const world = new World();
    assert.equal((await release(world.context(), reference("1"), planned)).exitCode, exitCodes.done);
    assert.deepEqual(world.log, []);
  });

  it("goes on with the same release, whatever step it was broken off at", async () => {
    for (const phase of ["updating", "baking"] as const) {
      const world = new World();
      const { exitCode, record } = await release(world.context(broken(phase)), reference("2"), planned);
      assert.deepEqual([exitCode, record.id], [exitCodes.done, "r-1"]);
      assert.deepEqual(world.log.slice(0, 3), ["note resumed", "lease updating", "deploy green: blue 1, green 2"]);
    }
  });

  it("finishes taking back where that was decided, and does not release the same again", async () => {
    const world = new World();
    world.selector = "green";
    const { exitCode } = await release(world.context(broken("reverting", { because: "the error ratio was 20 %" })), reference("2"), planned);
    assert.equal(exitCode, exitCodes.takenBack);
    assert.equal(world.selector, "blue");
    assert.deepEqual(world.records.at(-1)?.because, "the error ratio was 20 %");
    assert.ok(!world.log.includes("note release-started"));
  });

  it("takes another release back that was broken off, before its own begins", async () => {
    const world = new World();
    world.selector = "green";
    const { exitCode } = await release(world.context(broken("baking")), reference("3"), planned);
    assert.equal(exitCode, exitCodes.done);
    assert.ok(world.log.indexOf("traffic to blue") < world.log.indexOf("note release-started"));
    assert.ok(world.log.includes("deploy green: blue 1, green 3"));
  });
});

describe("delivery rollback, blue-green", () => {
  it("gives the traffic back at once, and empties the slot of what was released", async () => {
    const world = new World();
    world.selector = "green";
    const context = world.context(undefined, { active: "green", images: { blue: reference("1"), green: reference("2") } });
    assert.equal(await rollBack(context, "answers are wrong"), exitCodes.done);
    assert.equal(world.log.find((line) => !line.startsWith("lease")), "traffic to blue");
    const note = world.notes[0]?.note;
    assert.ok(note?.kind === "rolled-back" && note.data.cause === "operator" && note.why === "answers are wrong");
  });

  it("refuses where the other slot is empty", async () => {
    const world = new World();
    await assert.rejects(rollBack(world.context(), "x"), { exitCode: exitCodes.refused });
    assert.deepEqual(world.log, []);
  });
});

describe("delivery release, canary", () => {
  const left = (phase: CanaryRecord["phase"]): CanaryRecord => ({ strategy: "canary", id: "r-1", stack: "local", image: reference("2"), before: { image: reference("1") }, phase, startedAt: "2026-11-24T00:00:00.000Z" });

  it("follows Flagger's yes", async () => {
    const world = new World();
    assert.equal((await releaseCanary(world.canaryContext(), reference("2"), planned)).exitCode, exitCodes.done);
    assert.deepEqual(world.log, ["note release-started", "lease updating", "deploy 2", "lease released", "note promoted"]);
  });

  it("follows its no: the image before is put back, and the record has Flagger's words", async () => {
    const world = new World();
    world.update = (settings) => ("image" in settings && settings.image === reference("2") ? failing("urn:pulumi:local::app::kubernetes:flagger.app/v1beta1:Canary::audit exists but did not become ready: Flagger took the release back (error ratio 20 %)") : failing("", "clean"));
    assert.equal((await releaseCanary(world.canaryContext(), reference("2"), planned)).exitCode, exitCodes.takenBack);
    assert.deepEqual(world.log.slice(2), ["deploy 2", "lease reverting", "note rolled-back", "restore 1", "lease taken-back"]);
    assert.match(world.records.at(-1)?.because ?? "", /^audit exists but did not become ready: Flagger took the release back \(error ratio 20 %\)$/);
  });

  it("puts back what users are served, and not what was configured and taken back before", async () => {
    const world = new World();
    world.primary = reference("0");
    world.update = (settings) => ("image" in settings && settings.image === reference("2") ? failing("Flagger took the release back") : failing("", "clean"));
    assert.equal((await releaseCanary(world.canaryContext(), reference("2"), planned)).exitCode, exitCodes.takenBack);
    assert.ok(world.log.includes("restore 0"));
    assert.equal((await releaseCanary(world.canaryContext(), reference("0"), planned)).exitCode, exitCodes.done);
    assert.ok(world.log.includes("deploy 0"), "the configuration still names the other one");
  });

  it("is settled when Flagger refuses what users are served, by answers of the bad version that its windows still hold; not when it is another version", async () => {
    for (const [primary, exitCode] of [["1", exitCodes.takenBack], ["0", exitCodes.failed]] as const) {
      const world = new World();
      let restored = 0;
      world.update = (settings) => ("image" in settings && settings.image === reference("1") && ++restored > 1 ? failing("", "clean") : failing("Canary local/audit: Flagger took the release back"));
      const ended = releaseCanary(world.canaryContext(left("updating")), reference("2"), planned);
      world.primary = reference(primary);
      if (exitCode === exitCodes.failed) await assert.rejects(ended, { exitCode });
      else assert.equal((await ended).exitCode, exitCode);
      assert.equal(restored, exitCode === exitCodes.failed ? 1 : 2);
    }
  });

  it("tells a version that never came to be judged from one that was judged bad", async () => {
    const world = new World();
    world.update = (settings) => ("image" in settings && settings.image === reference("2") ? failing("a mandatory policy objects", "violation") : failing("", "clean"));
    assert.equal((await releaseCanary(world.canaryContext(), reference("2"), planned)).exitCode, exitCodes.policy);
  });

  it("breaks a running analysis off when somebody takes it back: the lock is told which one", async () => {
    const world = new World();
    world.canary = { phase: "Progressing", lastAppliedSpec: "spec-2" };
    assert.equal(await rollBackCanary(world.canaryContext(left("updating")), "answers are wrong", undefined), exitCodes.done);
    assert.deepEqual(world.log, ["lease reverting", "target annotated", "note rolled-back", "restore 1", "lease taken-back"]);
    assert.deepEqual((world.target["metadata"] as { annotations: unknown }).annotations, { "rlhf-audit-trail.dev/interrupt-analysis": "spec-2" });
  });

  /** A pod of the canary whose container has started anew so often. */
  const pod = (restartCount: number, image = reference("2")) => ({
    metadata: { name: `audit-${image.slice(-1)}` },
    spec: { containers: [{ name: "audit", image }] },
    status: { containerStatuses: [{ name: "audit", ready: false, restartCount, state: { waiting: { reason: "CrashLoopBackOff" } }, lastState: { terminated: { exitCode: 1, reason: "Error" } } }] },
  });
  const exposed = { phase: "Progressing", lastAppliedSpec: "spec-2", canaryWeight: 10 };

  it("takes a version back that crashes under traffic, and does not wait for Flagger, which waits for a pod", async () => {
    const world = new World();
    world.canaryPods = [[pod(3)], [pod(4), pod(9, reference("1"))]];
    world.update = async (settings, _world, signal) => {
      if (!("image" in settings) || settings.image !== reference("2")) return failing("", "clean");
      world.canary = exposed;
      world.outages = 1;
      return await new Promise((_resolve, reject) => {
        signal.addEventListener("abort", () => reject(new Error("stopped")));
      });
    };
    assert.equal((await releaseCanary(world.canaryContext(), reference("2"), planned)).exitCode, exitCodes.takenBack);
    assert.deepEqual(world.log.slice(2), ["deploy 2", "lease reverting", "target annotated", "note rolled-back", "restore 1", "lease taken-back"]);
    assert.equal(world.records.at(-1)?.because, "1 restart of the new version's containers since it has traffic: container audit waits: CrashLoopBackOff; container audit ended with exit code 1 (Error), started again 4 times");
  });

  it("tells how a container ended that runs again by now", async () => {
    const world = new World();
    world.canary = exposed;
    const again = pod(1);
    const statuses = again.status.containerStatuses.map((status) => ({ ...status, ready: true, state: { running: {} } }));
    world.canaryPods = [[pod(0)], [{ ...again, status: { containerStatuses: statuses } }]];
    const because = await crashOf({ client: world.client, running: world.canaryContext().running, image: reference("2"), signal: new AbortController().signal, pauseMs: 1 });
    assert.equal(because, "1 restart of the new version's containers since it has traffic: container audit ended with exit code 1 (Error), started again 1 time");
  });

  it("leaves to Flagger what starts anew before it has traffic, and what is being promoted", async () => {
    for (const status of [{ ...exposed, canaryWeight: 0 }, { ...exposed, phase: "Promoting" }]) {
      const world = new World();
      world.canary = status;
      world.canaryPods = [[pod(0)], [pod(1)], [pod(2)]];
      const { client } = world;
      const ending = new AbortController();
      let looks = 0;
      const counting = {
        request: (...args: Parameters<typeof client.request>) => {
          if (args[1].includes("/canaries/") && ++looks === 5) ending.abort();
          return client.request(...args);
        },
      } as unknown as typeof client;
      await assert.rejects(crashOf({ client: counting, running: world.canaryContext().running, image: reference("2"), signal: ending.signal, pauseMs: 1 }), { name: "AbortError" });
    }
  });

  it("sees a crash under an A/B test and while a promotion waits, too, where the status tells no share", async () => {
    for (const status of [{ ...exposed, canaryWeight: 0, iterations: 1 }, { ...exposed, phase: "WaitingPromotion", canaryWeight: 0 }]) {
      const world = new World();
      world.canary = status;
      world.canaryPods = [[pod(0)], [pod(2)]];
      assert.match(await crashOf({ client: world.client, running: world.canaryContext().running, image: reference("2"), signal: new AbortController().signal, pauseMs: 1 }), /^2 restarts /);
    }
  });

  it("goes back to the version before the last one, as a release that is judged; refuses where none is known", async () => {
    const world = new World();
    const context = { ...world.canaryContext({ ...left("released"), image: reference("1"), before: { image: reference("0") } }) };
    assert.equal(await rollBackCanary(context, "answers are wrong", undefined), exitCodes.done);
    assert.ok(world.log.includes("deploy 0"));
    await assert.rejects(rollBackCanary(new World().canaryContext(), "x", undefined), { exitCode: exitCodes.refused });
  });
});
