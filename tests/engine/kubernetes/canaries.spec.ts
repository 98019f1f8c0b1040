import assert from "node:assert/strict";
import { conditionFor } from "../../../engine/kubernetes/conditions.ts";
import { releaseVerdict } from "../../../engine/kubernetes/canaries.ts";
import type { JsonMap, KubernetesObject } from "../../../engine/kubernetes/objects.ts";
import type { Surroundings } from "../../../engine/kubernetes/verdict.ts";

const canary = (phase: string, lastAppliedSpec: string, status: JsonMap = {}, annotations: JsonMap = {}): KubernetesObject => ({
  apiVersion: "flagger.app/v1beta1",
  kind: "Canary",
  metadata: { name: "web", namespace: "x", uid: "u", annotations },
  spec: { provider: "gatewayapi:v1", targetRef: { name: "web" }, service: { name: "web" }, analysis: { interval: "10s", threshold: 2 } },
  status: { phase, lastAppliedSpec, conditions: [{ type: "Promoted", status: phase === "Failed" ? "False" : "True", message: `it is ${phase}`, lastTransitionTime: "2026-01-01T00:00:10Z" }], ...status },
});

const deployment = (name: string, image: string, secret: string, annotations: JsonMap = {}): JsonMap => ({
  metadata: { name },
  spec: { template: { metadata: { annotations }, spec: { containers: [{ image, env: [{ valueFrom: { secretKeyRef: { name: secret } } }] }] } } },
});
const same = [deployment("web", "a", "s"), deployment("web-primary", "a", "s-primary", { "flagger-id": "1" })];
const other = [deployment("web", "b", "s"), deployment("web-primary", "a", "s-primary")];
const event = (message: string, lastTimestamp: string, uid = "u", type = "Warning"): JsonMap => ({ involvedObject: { uid }, type, message, lastTimestamp });
const around = (lists: Record<string, JsonMap[]>): Surroundings => ({ list: (_version, plural) => Promise.resolve(lists[plural] ?? []), get: () => Promise.resolve(undefined) });

/** What is said at each look, one second after the other. */
async function said(looks: readonly [object: KubernetesObject, seconds: number][], lists: Record<string, JsonMap[]>): Promise<string[]> {
  let time = 0;
  const condition = releaseVerdict(() => time * 1000);
  const texts = [];
  for (const [object, seconds] of looks) {
    time = seconds;
    const verdict = await condition(object, around(lists), true);
    texts.push(verdict.state === "ready" ? "ready" : `${verdict.state}: ${verdict.reason}`);
  }
  return texts;
}

describe("the verdict on a canary", () => {
  it("is not the former one's: success counts once Flagger has looked at this revision", async () => {
    const looks = await said([[canary("Succeeded", "1"), 0], [canary("Progressing", "2"), 10], [canary("Succeeded", "2"), 50]], { deployments: other });
    assert.deepEqual(looks, ["waiting: Flagger has not looked at this revision yet", "waiting: phase Progressing", "ready"]);
  });

  it("is failure, with Flagger's words, when the release is taken back; a former failure does not count", async () => {
    const looks = await said([[canary("Failed", "1"), 0], [canary("Progressing", "2"), 10], [canary("Failed", "2"), 50]], { deployments: other });
    assert.deepEqual(looks, ["waiting: Flagger has not looked at this revision yet", "waiting: phase Progressing", "failed: Flagger took the release back (it is Failed)"]);
  });

  it("tells what kept the release back at last, of this analysis, and no token that stands in an address", async () => {
    const events = [
      event("Halt web.x advancement of the one before", "2026-01-01T00:00:09Z"),
      event('Halt web.x advancement pre-rollout check compliance failed POST http://compliance.gates/validate?token=s3cret giving up: Post "http://compliance.gates/validate?token=s3cret&x": context deadline exceeded\n', "2026-01-01T00:00:30Z"),
      event("Rolling back web.x failed checks threshold reached 3", "2026-01-01T00:00:40Z"),
    ];
    const ended = canary("Failed", "2", { conditions: [{ type: "Promoted", status: "False", message: "it is Failed", lastTransitionTime: "2026-01-01T00:00:40Z" }] });
    const looks = await said([[canary("Progressing", "2"), 10], [ended, 50]], { deployments: other, events });
    const words = 'pre-rollout check compliance failed POST http://compliance.gates/validate?… giving up: Post "http://compliance.gates/validate?…": context deadline exceeded';
    assert.equal(looks[1], `failed: Flagger took the release back (it is Failed): ${words}`);
    assert.doesNotMatch(looks.join(), /s3cret/);
  });

  it("is not told by the revision's name alone: Flagger may write it before the phase", async () => {
    const looks = await said([[canary("Failed", "1"), 0], [canary("Failed", "2"), 9], [canary("Progressing", "2"), 10], [canary("Succeeded", "2"), 90]], { deployments: other });
    assert.deepEqual(looks.map((text) => text.split(":")[0]), ["waiting", "waiting", "waiting", "ready"]);
  });

  it("is found out when the whole analysis was missed", async () => {
    const looks = await said([[canary("Succeeded", "1"), 0], [canary("Failed", "2"), 50], [canary("Failed", "2"), 89], [canary("Failed", "2"), 90]], { deployments: other });
    assert.deepEqual(looks.map((text) => text.split(":")[0]), ["waiting", "waiting", "waiting", "failed"]);
    assert.deepEqual((await said([[canary("Failed", "1"), 0], [canary("Succeeded", "2"), 50]], { deployments: same })).at(-1), "ready");
  });

  it("is there when the first revision has its primary", async () => {
    assert.deepEqual(await said([[canary("", ""), 0], [canary("Initialized", "1"), 20]], { deployments: other }), ["waiting: Flagger has not looked at it yet", "ready"]);
  });

  it("is there at once where target and primary run the same, whatever names Flagger gave its copies", async () => {
    assert.deepEqual(await said([[canary("Succeeded", "1"), 0]], { deployments: same }), ["ready"]);
    assert.deepEqual(await said([[canary("Initialized", "1"), 0]], {}), ["ready"]);
  });

  it("stands after twice the time in which Flagger looks: a release that stays taken back is a failure", async () => {
    assert.deepEqual(await said([[canary("Failed", "1"), 0], [canary("Failed", "1"), 39], [canary("Failed", "1"), 40]], { deployments: other }), [
      "waiting: Flagger has not looked at this revision yet",
      "waiting: Flagger has not looked at this revision yet",
      "failed: Flagger took the release back (it is Failed), and has not changed since",
    ]);
    assert.deepEqual((await said([[canary("Failed", "1"), 0], [canary("Failed", "1"), 40]], { deployments: same })).at(-1), "ready");
    assert.deepEqual((await said([[canary("Succeeded", "1"), 0], [canary("Succeeded", "1"), 40]], { deployments: other })).at(-1), "ready");
  });

  it("is awaited with the true share of the traffic, the failed checks, who said yes and the last complaint of this analysis", async () => {
    const httproutes = [{ metadata: { name: "web" }, spec: { rules: [{ backendRefs: [{ name: "web-primary", weight: 70 }, { name: "web-canary", weight: 30 }] }] } }];
    const events = [event("before", "2026-01-01T00:00:09Z"), event("success 80 < 99", "2026-01-01T00:00:30Z"), event("older", "2026-01-01T00:00:20Z"), event("another's", "2026-01-01T00:00:40Z", "v"), event("normal", "2026-01-01T00:00:40Z", "u", "Normal")];
    assert.deepEqual(await said([[canary("WaitingPromotion", "2", { failedChecks: 1, canaryWeight: 0 }), 0]], { httproutes, events }), ["waiting: phase WaitingPromotion, weight 30, 1 of 2 failed checks, success 80 < 99"]);
    const passed = (hook: string, at: string): JsonMap => event(hook, `2026-01-01T00:00:${at}Z`, "u", "Normal");
    const yes = [passed("Confirm-promotion check approval passed", "35"), passed("Pre-rollout check security passed", "21"), passed("Pre-rollout check compliance passed", "20"), passed("Pre-rollout check stale passed", "09"), event("Rollback check compliance-rollback passed", "2026-01-01T00:00:22Z")];
    assert.deepEqual(await said([[canary("WaitingPromotion", "2"), 0]], { httproutes, events: yes }), ["waiting: phase WaitingPromotion, weight 30, yes from compliance, security, approval, Rollback check compliance-rollback passed"]);
    const sticky = [{ metadata: { name: "web" }, spec: { rules: [{ matches: [{ headers: [{ name: "Cookie" }] }], backendRefs: [{ name: "web-primary", weight: 0 }, { name: "web-canary", weight: 100 }] }, ...(httproutes[0]?.spec.rules ?? [])] } }];
    assert.deepEqual(await said([[canary("Progressing", "2"), 0]], { httproutes: sticky }), ["waiting: phase Progressing, weight 30"], "not the share of those with the cookie");
    assert.deepEqual(await said([[canary("Progressing", "2", { canaryWeight: 20 }), 0]], {}), ["waiting: phase Progressing, weight 20"]);
    assert.deepEqual(await said([[canary("", ""), 0], [canary("Initializing", ""), 1]], {}), ["waiting: Flagger has not looked at it yet", "waiting: phase Initializing"]);
  });

  it("is failure when the first revision can't get ready: Flagger would wait on", async () => {
    const stuck = { metadata: { name: "web-primary" }, status: { conditions: [{ type: "Progressing", status: "False", reason: "ProgressDeadlineExceeded", message: "m" }] } };
    assert.deepEqual(await said([[canary("Initializing", ""), 0]], { deployments: [stuck] }), ["failed: Deployment web-primary can't get ready: ProgressDeadlineExceeded: m"]);
    assert.deepEqual(await said([[canary("Progressing", "2"), 0]], { deployments: [stuck] }), ["waiting: phase Progressing"]);
  });

  it("is awaited whatever the annotation asks for", async () => {
    const judge = async (object: KubernetesObject, deployments: JsonMap[]): Promise<string | undefined> => (await conditionFor(object)?.(object, around({ deployments }), true))?.state;
    const waitFor = { "pulumi.com/waitFor": "condition=Promoted" };
    assert.equal(await judge(canary("Succeeded", "1", {}, waitFor), other), "waiting");
    assert.equal(await judge(canary("Succeeded", "1", {}, waitFor), same), "ready");
    const more = { "pulumi.com/waitFor": '["condition=Promoted", "condition=Mirrored"]' };
    assert.equal(await judge(canary("Succeeded", "1", {}, more), same), "waiting");
    assert.equal(await judge(canary("Succeeded", "1", { conditions: [{ type: "Mirrored", status: "True" }] }, more), same), "ready");
  });

  it("is there, though Flagger goes on to say that nothing was promoted, once it has seen that the old version is wanted again", async () => {
    const taken = (applied: string): KubernetesObject => canary("Failed", applied, { lastPromotedSpec: "1" }, { "pulumi.com/waitFor": "condition=Promoted" });
    const condition = conditionFor(taken("2"));
    const states = [];
    for (const object of [taken("2"), taken("2"), taken("1")]) states.push((await condition?.(object, around({ deployments: same }), true))?.state);
    assert.deepEqual(states, ["waiting", "waiting", "ready"]);
    assert.deepEqual(await said([[taken("1"), 0], [taken("1"), 60]], { deployments: other }), ["waiting: Flagger has not looked at this revision yet", "failed: Flagger took the release back (it is Failed), and has not changed since"]);
  });
});
