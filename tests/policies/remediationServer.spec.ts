/** Remediation by the bundled pack in Pulumi's own runner. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { REMEDIES } from "../../policies/remediation/remedies.ts";
import { deployment, manifest } from "../../policies/rules/examples.ts";
import { get, type Obj } from "../../policies/value.ts";
import { PackProcess } from "./packProcess.ts";

const UNKNOWN_STRING = "04da6b54-80e4-46f7-96ec-b56ff0331ba9";
const SECRET = { "4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270", value: "hunter2" };
const type = "kubernetes:apps/v1:Deployment";
const ASKED = Object.fromEntries(Object.keys(REMEDIES).map((policy) => [policy, { enforcementLevel: "remediate" }]));

describe("remediation under Pulumi's runner", () => {
  let pack: PackProcess;
  before(async () => {
    execFileSync(process.execPath, ["policies/build.mjs"]);
    pack = await PackProcess.start();
  });
  beforeEach(() => pack.configure(ASKED));
  after(() => pack.stop());

  const OPEN = deployment({ image: UNKNOWN_STRING, env: [{ name: "TOKEN", value: SECRET }], securityContext: { allowPrivilegeEscalation: undefined, capabilities: undefined, seccompProfile: undefined } }, { securityContext: { seccompProfile: undefined } });
  const at = (data: unknown, ...keys: (string | number)[]) => get(data, "spec", "template", "spec", ...keys);

  it("changes one thing after the other, keeps secrets secret and unknown values unknown, and then finds nothing", async () => {
    await pack.configure({ ...ASKED, "drop-net-raw": { enforcementLevel: "mandatory" } });
    const changes = await pack.remediate({ type, name: "open", properties: OPEN });
    // The second is possible because of the first: only what can't escalate has no capabilities to lose.
    assert.deepEqual(changes.map(({ policy }) => policy), ["no-privilege-escalation", "drop-all-capabilities", "seccomp-profile"]);
    const last = changes.at(-1)!.properties as Obj;
    const [container] = at(last, "containers") as [Obj];
    const { seccompProfile: ofPod, ...sound } = at(deployment(), "containers", 0, "securityContext") as Obj;
    assert.deepEqual(container.securityContext, sound);
    assert.deepEqual(at(last, "securityContext", "seccompProfile"), ofPod);
    assert.equal(container.image, UNKNOWN_STRING);
    assert.deepEqual(container.env, [{ name: "TOKEN", value: SECRET }]);
    const found = await pack.analyze({ type, name: "open", properties: last });
    assert.deepEqual(found.filter(({ policy }) => policy in ASKED), []);
  });

  it("changes nothing of what is sound, what is waived, and where it isn't asked to", async () => {
    assert.deepEqual(await pack.remediate({ type, name: "sound", properties: deployment() }), []);
    const day = new Date(Date.now() + 5 * 86_400_000).toISOString().slice(0, 10);
    const subject = deployment({ securityContext: { allowPrivilegeEscalation: undefined } });
    const waiver = { rule: "no-privilege-escalation", resource: "Deployment/shop/app", reason: "needs its setuid helper", requestedBy: "a@example.org", approver: "b@example.org", expires: day, digest: `sha256:${"4e".repeat(32)}` };
    await pack.configure({ ...ASKED, waivers: { enforcementLevel: "mandatory", list: [waiver] } });
    assert.deepEqual(await pack.remediate({ type, name: "waived", properties: subject }), []);
    await pack.configure({ "no-privilege-escalation": { enforcementLevel: "mandatory" } });
    assert.deepEqual(await pack.remediate({ type, name: "asked", properties: subject }), []);
  });

  it("holds to be mandatory what it can't mend", async () => {
    const root = deployment({ securityContext: { allowPrivilegeEscalation: true } });
    assert.deepEqual(await pack.remediate({ type, name: "root", properties: root }), []);
    const found = await pack.analyze({ type, name: "root", properties: root });
    assert.deepEqual(found.filter(({ policy }) => policy === "no-privilege-escalation").map(({ level }) => level), ["mandatory"]);
  });

  it("mends by type: a disruption budget, and not a Deployment of the same name", async () => {
    const budget = manifest("policy/v1", "PodDisruptionBudget", { spec: { maxUnavailable: 1 } });
    const [change] = await pack.remediate({ type: "kubernetes:policy/v1:PodDisruptionBudget", name: "budget", properties: budget });
    assert.deepEqual([change?.policy, get(change?.properties, "spec")], ["budget-unhealthy-pods", { maxUnavailable: 1, unhealthyPodEvictionPolicy: "AlwaysAllow" }]);
  });
});
