import assert from "node:assert/strict";
import { exitCodes } from "../../delivery/exitCodes.ts";
import { followRelease } from "../../delivery/followRelease.ts";
import type { CanaryStatus } from "../../delivery/canaryStatus.ts";
import { type StackStatus, statusLines } from "../../delivery/stackStatus.ts";

const never = new AbortController().signal;
const release = { strategy: "blue-green", id: "r-1", stack: "production", image: "ghcr.io/a/b@sha256:1", from: "blue", to: "green", before: { active: "blue", images: {} }, phase: "updating", startedAt: "2026-11-24T00:00:00.000Z" } as const;
const status = (more: Partial<StackStatus> = {}): StackStatus => ({
  stack: "production",
  live: "blue",
  slots: [
    { slot: "blue", live: true, image: "a", ready: 3, wanted: 3, restarts: 0, traffic: { requests: 10, errors: 0 } },
    { slot: "green", live: false, image: null, ready: 0, wanted: 0, restarts: 0, traffic: null },
  ],
  agrees: true,
  holder: "ada@build",
  release,
  ...more,
});

describe("delivery watch", () => {
  it("tells changes once, not counts, and ends as the release does", async () => {
    const ends = [
      ["released", exitCodes.done],
      ["taken-back", exitCodes.takenBack],
      ["failed", exitCodes.notVerified],
    ] as const;
    for (const [phase, exitCode] of ends) {
      const looks = [status(), status({ slots: status().slots.map((slot) => ({ ...slot, traffic: { requests: 20, errors: 0 } })) }), status({ holder: null, release: { ...release, phase } })];
      const told: (string | undefined)[] = [];
      assert.equal(await followRelease(() => Promise.resolve(looks.shift() ?? assert.fail("asked after the end")), (one) => told.push(one.release?.phase), never, 1), exitCode);
      assert.deepEqual(told, ["updating", phase]);
    }
  });

  it("tells of a canary as it is judged: phases, failed checks and the gates' words", async () => {
    const judged = { ...release, strategy: "canary", before: { image: "ghcr.io/a/b@sha256:0" }, phase: "updating" } as const;
    const word = { time: "2026-11-24T00:00:01Z", gate: "security", hook: "pre-rollout", outcome: "pass", reason: "Passed: signed.", template: null, inputs: {} } as const;
    const canary = (more: Partial<CanaryStatus>): CanaryStatus => ({ stack: "staging", strategy: "canary", image: judged.image, phase: "Progressing", failedChecks: 0, gates: { words: [] }, holder: "ada@build", release: judged, ...more });
    const again = { ...word, time: "2026-11-24T00:01:00Z" };
    const looks = [canary({}), canary({ gates: { words: [word] } }), canary({ gates: { words: [again] } }), canary({ failedChecks: 1, gates: { words: [again] } }), canary({ holder: null, phase: "Failed", release: { ...judged, phase: "taken-back" } })];
    const told: [string, number, number][] = [];
    const exitCode = await followRelease(() => Promise.resolve(looks.shift() ?? assert.fail("asked after the end")), ({ phase, failedChecks, gates }) => told.push([phase, failedChecks, gates.words.length]), never, 1);
    assert.equal(exitCode, exitCodes.takenBack);
    assert.deepEqual(told, [["Progressing", 0, 0], ["Progressing", 0, 1], ["Progressing", 1, 1], ["Failed", 0, 0]]);
  });

  it("ends where nobody works on it: no release, or one that was broken off", async () => {
    const ended = async (one: StackStatus) => await followRelease(() => Promise.resolve(one), () => undefined, never);
    assert.equal(await ended(status({ release: null, holder: null })), exitCodes.done);
    assert.equal(await ended(status({ holder: null })), exitCodes.failed);
  });
});

describe("delivery status", () => {
  it("says who is served, what is warm, and what to do with a release that was broken off", () => {
    const lines = statusLines(status({ holder: null, agrees: false }));
    assert.match(lines[0] ?? "", /^live {2}blue .* 3 of 3 pods ready {2}10 answers, 0 of them errors$/);
    assert.match(lines[1] ?? "", /^idle {2}green {2}empty$/);
    assert.match(lines[2] ?? "", /recorded state does not say that blue has the traffic/);
    assert.match(lines[3] ?? "", /r-1 .*: updating \(broken off: release it again, or roll back\)/);
  });
});
