import assert from "node:assert/strict";
import { BlueGreen, type BlueGreenArgs } from "../../components/index.ts";
import { verificationScript } from "../../components/verificationScript.ts";
import { type Registered, at, listAt, one, underMocks, without } from "./mocks.ts";

const digest = `sha256:${"a".repeat(64)}`;
const args: BlueGreenArgs = {
  app: "audit",
  namespace: "production",
  environment: "production",
  secretName: "rlhf-secrets",
  active: "blue",
  slots: { blue: { image: `ghcr.io/terragonlabs/rlhf-audit-trail@${digest}` } },
};
const registeredBy = async (more: Partial<BlueGreenArgs> = {}): Promise<Registered[]> =>
  (await underMocks(() => new BlueGreen("audit", { ...args, ...more }), { preview: false })).registered;
const job = async (more: Partial<BlueGreenArgs> = {}) => one(await registeredBy(more), "Job").inputs;

describe("A slot's verification", () => {
  it("is tried once, within bounds, in the slot's own image and against the slot's own Service", async () => {
    const { spec } = await job();
    assert.deepEqual(without(spec as object, "template"), { backoffLimit: 0, activeDeadlineSeconds: 120 });
    assert.deepEqual(without(listAt(spec, "template.spec.containers")[0]!, "securityContext"), {
      name: "verification",
      image: `ghcr.io/terragonlabs/rlhf-audit-trail@${digest}`,
      imagePullPolicy: "IfNotPresent",
      command: ["node", "-e", verificationScript],
      env: [
        { name: "TARGET", value: "http://audit-blue" },
        { name: "EXPECTED_SLOT", value: "blue" },
        { name: "EXPECTED_DIGEST", value: digest },
        { name: "CHECKS", value: "5" },
        { name: "TIMEOUT_SECONDS", value: "60" },
      ],
      resources: {
        requests: { cpu: "50m", memory: "128Mi", "ephemeral-storage": "16Mi" },
        limits: { cpu: "500m", memory: "128Mi", "ephemeral-storage": "64Mi" },
      },
    });
    assert.equal(at(spec, "template.spec.restartPolicy"), "Never");
  });

  it("runs as restricted as what it verifies", async () => {
    const registered = await registeredBy();
    const [pod, verified] = [one(registered, "Job"), one(registered, "Deployment")].map(({ inputs }) => inputs);
    for (const path of [
      "spec.template.spec.securityContext",
      "spec.template.spec.containers.0.securityContext",
      "spec.template.spec.automountServiceAccountToken",
    ]) {
      assert.notEqual(at(pod, path), undefined);
      assert.deepEqual(at(pod, path), at(verified, path));
    }
  });

  it("depends on the slot's pods and Service itself", async () => {
    const registered = await registeredBy();
    const { dependencies } = one(registered, "Job");
    for (const before of [one(registered, "Deployment"), one(registered, "Service", "audit-blue-service")])
      assert(dependencies.includes(before.urn), before.name);
  });

  it("is another Job for another release, and the same for the same", async () => {
    const name = async (more: Partial<BlueGreenArgs> = {}) => String(at(await job(more), "metadata.name"));
    const first = await name();
    assert.match(first, /^audit-blue-verification-[0-9a-f]{10}$/);
    assert.equal(await name({ replicas: 9 }), first);
    const changes: Partial<BlueGreenArgs>[] = [
      { logLevel: "DEBUG" },
      { verification: { checks: 6 } },
      { verification: { run: "release-7" } },
      { verification: { command: ["check"] } },
    ];
    const names = new Set([first]);
    for (const more of changes) names.add(await name(more));
    assert.equal(names.size, 5);
  });

  it("is made again by the next update where it has failed", async () => {
    const annotations = at(await job({ verification: { run: "release-7" } }), "metadata.annotations") as Record<string, string>;
    assert.equal(annotations["pulumi.com/replaceUnready"], "true");
    assert.equal(annotations["rlhf-audit-trail.dev/run"], "release-7");
  });

  it("can be somebody else's check", async () => {
    const { spec } = await job({ verification: { image: "checks@sha256:b", command: ["check", "--all"], checks: 2, timeoutSeconds: 30 } });
    assert.equal(at(spec, "template.spec.containers.0.image"), "checks@sha256:b");
    assert.deepEqual(at(spec, "template.spec.containers.0.command"), ["check", "--all"]);
    assert.equal(at(spec, "activeDeadlineSeconds"), 90);
  });
});
