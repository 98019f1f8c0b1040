import assert from "node:assert/strict";
import { BlueGreen, type BlueGreenArgs } from "../../components/index.ts";
import { slotRoleAnnotation } from "../../components/workload.ts";
import { type Registered, at, bothWays, isAfter, objectAt, one, underMocks, valueOf } from "./mocks.ts";

const image = (letter: string) => `ghcr.io/terragonlabs/rlhf-audit-trail@sha256:${letter.repeat(64)}`;
const args: BlueGreenArgs = {
  app: "audit",
  namespace: "production",
  environment: "production",
  secretName: "rlhf-secrets",
  active: "blue",
  slots: { blue: { image: image("a") }, green: { image: image("b") } },
};
const build = (more: Partial<BlueGreenArgs>, preview: boolean) => underMocks(() => new BlueGreen("audit", { ...args, ...more }), { preview });
const selector = (service: Registered) => at(service.inputs, "spec.selector");

for (const { title, preview } of bothWays) {
  describe(`BlueGreen ${title}`, () => {
    it("makes both slots whole, a live Service for the active one and a preview Service for the other", async () => {
      const { registered } = await build({}, preview);
      const kinds = registered.map(({ type, name }) => `${type.split(":").at(-1)} ${name}`).sort();
      assert.deepEqual(
        kinds,
        [
          "BlueGreen audit",
          ...["blue", "green"].flatMap((slot) => [
            `Deployment audit-${slot}-workload-deployment`,
            `Job audit-${slot}-verification`,
            `PodDisruptionBudget audit-${slot}-workload-disruption-budget`,
            `Service audit-${slot}-service`,
            `ServiceAccount audit-${slot}-workload-service-account`,
            `Slot audit-${slot}`,
            `Workload audit-${slot}-workload`,
          ]),
          "Service audit-live-service",
          "Service audit-preview-service",
        ].sort(),
      );
      assert.deepEqual(selector(one(registered, "Service", "audit-live-service")), { app: "audit", version: "blue" });
      assert.deepEqual(selector(one(registered, "Service", "audit-preview-service")), { app: "audit", version: "green" });
      for (const slot of ["blue", "green"]) assert.deepEqual(selector(one(registered, "Service", `audit-${slot}-service`)), { app: "audit", version: slot });
    });

    for (const [active, idle] of [
      ["blue", "green"],
      ["green", "blue"],
    ] as const) {
      it(`with ${active} active: deploys it, verifies it, moves the live Service, and only then touches ${idle}`, async () => {
        const { registered } = await build({ active }, preview);
        const order = [
          one(registered, "Deployment", `audit-${active}-workload-deployment`),
          one(registered, "Service", `audit-${active}-service`),
          one(registered, "Job", `audit-${active}-verification`),
          one(registered, "Service", "audit-live-service"),
          one(registered, "Deployment", `audit-${idle}-workload-deployment`),
          one(registered, "Service", `audit-${idle}-service`),
          one(registered, "Job", `audit-${idle}-verification`),
        ];
        for (const [index, later] of order.entries()) {
          for (const earlier of order.slice(0, index)) assert(isAfter(registered, later, earlier), `${later.name} must come after ${earlier.name}`);
        }
        const previewService = one(registered, "Service", "audit-preview-service");
        assert(isAfter(registered, previewService, one(registered, "Service", "audit-live-service")));
        assert(!isAfter(registered, order[0]!, order[3]!), "the active slot waits for nothing of the release");
      });
    }

    it("records the order with the idle slot's own resources too, not only with their parents", async () => {
      const { registered } = await build({}, preview);
      const live = one(registered, "Service", "audit-live-service");
      for (const kind of ["Deployment", "ServiceAccount", "PodDisruptionBudget"]) {
        const resource = registered.find(({ type, name }) => type.endsWith(`:${kind}`) && name.includes("-green-"));
        assert(resource?.dependencies.includes(live.urn), kind);
      }
    });

    it("says on each Deployment, and not on its pods, whether its slot is live, and guards it", async () => {
      const { registered } = await build({ active: "green" }, preview);
      for (const [slot, role] of [
        ["green", "live"],
        ["blue", "idle"],
      ]) {
        const { inputs, beforeUpdate } = one(registered, "Deployment", `audit-${slot}-workload-deployment`);
        assert.deepEqual(at(inputs, "metadata.annotations"), { [slotRoleAnnotation]: role });
        assert.equal(objectAt(inputs, "spec.template.metadata.annotations")[slotRoleAnnotation], undefined);
        assert.deepEqual(beforeUpdate, ["audit-live-slot-guard"]);
      }
    });

    it("leaves an empty slot out; its preview Service selects nothing and nobody waits for it", async () => {
      const { registered, made } = await build({ slots: { blue: { image: image("a") }, green: {} } }, preview);
      assert(!registered.some(({ name }) => name.includes("green")));
      const { inputs } = one(registered, "Service", "audit-preview-service");
      assert.equal(objectAt(inputs, "metadata.annotations")["pulumi.com/skipAwait"], "true");
      assert.deepEqual(Object.keys(made.slots), ["blue"]);
      assert.equal(made.idleSlot, "green");
    });

    it("runs three pods in each slot, the idle one included, unless told otherwise", async () => {
      const replicas = async (more: Partial<BlueGreenArgs>) =>
        (await build(more, preview)).registered.filter(({ type }) => type.endsWith(":Deployment")).map(({ inputs }) => at(inputs, "spec.replicas") as number);
      assert.deepEqual(await replicas({}), [3, 3]);
      assert.deepEqual(await replicas({ replicas: 5 }), [5, 5]);
    });

    it("serves port 80 inside the cluster unless told otherwise", async () => {
      const standard = (await build({}, preview)).registered;
      const { inputs } = one(standard, "Service", "audit-live-service");
      assert.deepEqual(at(inputs, "metadata.name"), "audit-service");
      assert.deepEqual(at(inputs, "spec"), {
        type: "ClusterIP",
        selector: { app: "audit", version: "blue" },
        ports: [{ name: "http", port: 80, targetPort: "http", protocol: "TCP" }],
      });
      const other = (await build({ service: { name: "front", port: 8080, type: "LoadBalancer" } }, preview)).registered;
      const balanced = one(other, "Service", "audit-live-service").inputs;
      assert.equal(at(balanced, "metadata.name"), "front");
      assert.equal(at(balanced, "spec.type"), "LoadBalancer");
      assert.equal(at(balanced, "spec.ports.0.port"), 8080);
    });

    it("lets every child be edited", async () => {
      const label = { labels: { edited: "yes" } };
      const { registered } = await build(
        {
          transform: {
            serviceAccount: { metadata: label },
            deployment: (deployment, opts) => {
              deployment.metadata = label;
              opts.protect = true;
            },
            podDisruptionBudget: { metadata: label },
            slotService: { metadata: label },
            verification: { metadata: label },
            liveService: { metadata: label },
            previewService: { metadata: label },
          },
        },
        preview,
      );
      const made = registered.filter(({ type }) => type.startsWith("kubernetes:"));
      assert.equal(made.length, 12);
      for (const { inputs, name } of made) assert.deepEqual(at(inputs, "metadata"), label, name);
    });
  });
}

describe("BlueGreen's addresses", () => {
  it("are the cluster's names behind a Gateway, and the load balancer's without one", async () => {
    const { made } = await build({}, false);
    assert.equal(await valueOf(made.liveEndpoint), "http://audit-service.production.svc.cluster.local:80");
    assert.equal(await valueOf(made.previewEndpoint), "http://audit-preview.production.svc.cluster.local:80");
    const balanced = await build({ service: { type: "LoadBalancer" } }, false);
    assert.equal(await valueOf(balanced.made.liveEndpoint), "http://203.0.113.7:80");
  });
});

describe("BlueGreen refuses", () => {
  const refusals: [title: string, more: Partial<BlueGreenArgs>, message: string][] = [
    [
      "an active slot without an image",
      { active: "green", slots: { blue: { image: image("a") } } },
      "BlueGreen audit: active is green, must be a slot that has an image: blue. Give slots.green an image first.",
    ],
    ["two empty slots", { slots: {} }, "BlueGreen audit: active is blue, must be a slot that has an image, and none has. Give slots.blue an image first."],
    [
      "a verification without a check",
      { verification: { checks: 0 } },
      "BlueGreen audit: verification.checks is 0, must be a whole number from 1. A slot that nobody asked has proved nothing.",
    ],
    [
      "a verification that can't be done in its time",
      { verification: { checks: 20, timeoutSeconds: 30 } },
      "BlueGreen audit: verification.timeoutSeconds is 30, must be at least 2 seconds for each of 20 checks. Set it to 40 or more.",
    ],
    [
      "a grace period that cuts requests off",
      { shutdown: { preStopSeconds: 10, drainSeconds: 30 } },
      "BlueGreen audit: shutdown.terminationGracePeriodSeconds is 30, must be more than preStopSeconds 10 + drainSeconds 30. Set it to 45 or more, or requests in flight are cut off.",
    ],
    [
      "a name that no object could have",
      { app: "Audit_Trail" },
      "BlueGreen audit: app is Audit_Trail, must be a DNS label of at most 30 characters. Use lower-case letters, digits and hyphens, beginning with a letter.",
    ],
  ];
  for (const [title, more, message] of refusals) {
    it(title, async () => {
      await assert.rejects(build(more, true), { message });
    });
  }

  it("with all objections at once, pinned to the resource and without a stack trace", async () => {
    await assert.rejects(build({ slots: {}, verification: { checks: 0 } }, true), (error: Error & { hideStack?: boolean; resource?: unknown }) => {
      assert.equal(error.message.split("\n").length, 2);
      assert.equal(error.hideStack, true);
      assert(error.resource instanceof BlueGreen);
      return true;
    });
  });
});
