import assert from "node:assert/strict";
import { type Inputs, type Registered, at, bothWays, isAfter, listAt, one } from "./mocks.ts";
import { runStack } from "./program.ts";

const kinds = (registered: readonly Registered[]) => registered.map(({ type, name }) => `${type} ${name}`);

for (const { title, preview } of bothWays) {
  describe(`The stacks ${title}`, () => {
    it("local: blue-green, reached inside the cluster, with a Secret that is there already", async () => {
      const { outputs, registered } = await runStack("local", preview);
      assert.equal(outputs["strategy"], "blueGreen");
      assert.equal(outputs["serviceEndpoint"], "http://rlhf-audit-trail-service.local.svc.cluster.local:80");
      assert.equal(outputs["previewEndpoint"], "http://rlhf-audit-trail-preview.local.svc.cluster.local:80");
      assert.deepEqual([outputs["activeSlot"], outputs["idleSlot"], outputs["namespace"]], ["blue", "green", "local"]);
      assert(!kinds(registered).some((kind) => /Gateway|HTTPRoute|ExternalSecret|Certificate/.test(kind)));
    });

    it("staging: a canary behind the Gateway, with its times", async () => {
      const { outputs, registered } = await runStack("staging", preview);
      assert.equal(outputs["strategy"], "canary");
      assert.equal(outputs["serviceEndpoint"], "https://audit.staging.example.com");
      assert.deepEqual(outputs["canaryTimes"], { promoteSeconds: 240, rollBackSeconds: 210, exposureSeconds: 180 });
      assert.equal(outputs["activeSlot"], undefined);
      const canary = one(registered, "Canary", "rlhf-audit-trail-canary");
      assert.deepEqual(
        (at(canary.inputs, "spec.analysis.webhooks") as Inputs[]).map(({ name, url }) => `${String(name)} ${String(url)}`),
        [
          "compliance-pre-rollout http://compliance-service.staging/validate",
          "compliance-confirm-promotion http://compliance-service.staging/validate",
          "security-pre-rollout http://security-service.staging/scan",
          "security-confirm-promotion http://security-service.staging/scan",
          "performance http://performance-service.staging/validate",
          "record http://compliance-service.staging/event",
        ],
      );
      assert(isAfter(registered, canary, one(registered, "Gateway")));
      assert.equal(registered.filter(({ type }) => type.endsWith(":HTTPRoute")).length, 1, "the route to the pods is Flagger's; ours only redirects");
    });

    it("production: blue-green behind the Gateway, and a canary by one key", async () => {
      const { outputs, registered } = await runStack("production", preview);
      assert.equal(outputs["serviceEndpoint"], "https://audit.example.com");
      assert.deepEqual(Object.keys(outputs["images"] as object), ["blue", "green"]);
      assert.equal(at(one(registered, "HTTPRoute", "rlhf-audit-trail-live-route").inputs, "spec.rules.0.backendRefs.0.name"), "rlhf-audit-trail-service");
      const switched = await runStack("production", preview, { strategy: "canary" });
      assert.equal(switched.outputs["strategy"], "canary");
      const hooks = at(one(switched.registered, "Canary", "rlhf-audit-trail-canary").inputs, "spec.analysis.webhooks") as Inputs[];
      assert.deepEqual(hooks.filter(({ name }) => name === "approval").map(({ type, url }) => `${String(type)} ${String(url)}`), ["confirm-promotion http://approval-service.production/approve"]);
      assert(kinds(switched.registered).includes("kubernetes:flagger.app/v1beta1:Canary rlhf-audit-trail-canary"));
    });

    for (const stack of ["local", "staging", "production"]) {
      it(`${stack}: no pod before its network, no Secret in the program, all names unique, all in the stack's namespace`, async () => {
        const { registered, outputs } = await runStack(stack, preview);
        const policies = registered.filter(({ type }) => type.endsWith(":NetworkPolicy"));
        assert(policies.length >= 6);
        for (const deployment of registered.filter(({ type }) => type.endsWith(":Deployment"))) {
          for (const policy of policies) assert(isAfter(registered, deployment, policy), `${deployment.name} must come after ${policy.name}`);
        }
        assert(!registered.some(({ type }) => type === "kubernetes:core/v1:Secret"));
        const objects = registered.filter(({ type }) => type.startsWith("kubernetes:"));
        const names = objects.map(({ type, inputs }) => `${type} ${String(at(inputs, "metadata.name"))}`);
        assert.deepEqual(names, [...new Set(names)]);
        for (const { type, name, inputs } of objects) {
          if (type !== "kubernetes:core/v1:Namespace" && !type.includes(":ValidatingAdmissionPolicy")) assert.equal(at(inputs, "metadata.namespace"), outputs["namespace"], name);
        }
      });
    }
  });
}

describe("The program", () => {
  it("registers the same resources in a preview as in an update", async () => {
    for (const stack of ["local", "staging", "production"]) {
      assert.deepEqual(kinds((await runStack(stack, true)).registered), kinds((await runStack(stack, false)).registered));
    }
  });

  it("gives a slot's pods and its verification the configured times, in whole seconds", async () => {
    const slots = { blue: { image: `ghcr.io/terragonlabs/rlhf-audit-trail@sha256:${"a".repeat(64)}` } };
    const { registered } = await runStack("local", false, { blueGreen: { slots, progressDeadline: "1m500ms", verificationTimeout: "10500ms" } });
    assert.equal(at(one(registered, "Deployment").inputs, "spec.progressDeadlineSeconds"), 61);
    assert.equal(at(one(registered, "Job").inputs, "spec.activeDeadlineSeconds"), 71);
  });

  it("canary: no gates, a load source with its ways, and a lock", async () => {
    const { registered, outputs } = await runStack("canary", false);
    assert.deepEqual(outputs["canaryTimes"], { promoteSeconds: 80, rollBackSeconds: 50, exposureSeconds: 40 });
    assert.deepEqual(at(one(registered, "Canary", "rlhf-audit-trail-canary").inputs, "spec.analysis.webhooks"), []);
    one(registered, "Deployment", "rlhf-audit-trail-load");
    one(registered, "ReleaseLock", "rlhf-audit-trail-lock");
    assert.deepEqual(registered.filter(({ type, name }) => type.endsWith(":NetworkPolicy") && /load|gates/.test(name)).map(({ name }) => name).sort(), ["rlhf-audit-trail-network-from-load", "rlhf-audit-trail-network-load"]);
  });

  it("lets the gates reach the API server where its addresses are told", async () => {
    const { registered } = await runStack("staging", false, { network: { apiServer: { cidrs: ["10.0.0.1/32"], port: 443 } } });
    const { inputs } = one(registered, "NetworkPolicy", "rlhf-audit-trail-network-gates-to-api-server");
    assert.deepEqual(at(inputs, "spec.egress"), [{ to: [{ ipBlock: { cidr: "10.0.0.1/32" } }], ports: [{ protocol: "TCP", port: 443 }] }]);
    assert(!(await runStack("staging", false)).registered.some(({ name }) => name.endsWith("gates-to-api-server")));
  });

  it("opens a load balancer's Service to its clients", async () => {
    const { registered, outputs } = await runStack("local", false, { service: { type: "LoadBalancer" } });
    assert.equal(outputs["serviceEndpoint"], "http://203.0.113.7:80");
    const policy = one(registered, "NetworkPolicy", "rlhf-audit-trail-network-from-gateway").inputs;
    assert.deepEqual(listAt(policy, "spec.ingress.0.from").slice(1), [{ ipBlock: { cidr: "0.0.0.0/0" } }, { ipBlock: { cidr: "::/0" } }]);
  });
});
