import assert from "node:assert/strict";
import { build } from "./canaryStack.ts";
import { at, type Inputs, one, type Registered } from "./mocks.ts";

describe("The release lock", () => {
  const names = (registered: readonly Registered[]) => registered.filter(({ type }) => type.includes("ValidatingAdmission")).map(({ inputs }) => at(inputs, "metadata.name"));

  it("looks at changes of the one target's pod template, in the one namespace, by the one Canary", async () => {
    const { registered } = await build({}, false);
    const spec = one(registered, "ValidatingAdmissionPolicy").inputs["spec"] as Inputs;
    assert.deepEqual(spec["paramKind"], { apiVersion: "flagger.app/v1beta1", kind: "Canary" });
    assert.deepEqual(at(spec, "matchConstraints.resourceRules"), [
      { apiGroups: ["apps"], apiVersions: ["v1"], operations: ["UPDATE"], resources: ["deployments"], resourceNames: ["audit"] },
    ]);
    assert.equal(at(spec, "matchConditions.0.expression"), "object.spec.template != oldObject.spec.template");
    assert.equal(spec["failurePolicy"], "Fail");
    const binding = one(registered, "ValidatingAdmissionPolicyBinding").inputs;
    assert.deepEqual(at(binding, "spec.paramRef"), { name: "audit", namespace: "staging", parameterNotFoundAction: "Allow" });
    assert.deepEqual(at(binding, "spec.matchResources.namespaceSelector.matchLabels"), { "kubernetes.io/metadata.name": "staging" });
    assert.deepEqual(at(binding, "spec.validationActions"), ["Deny"]);
    assert.equal(at(binding, "spec.policyName"), "audit-release-lock.staging");
    assert.deepEqual(names(registered), ["audit-release-lock.staging", "audit-release-lock.staging"]);
  });

  it("is not made where it is not wanted", async () => {
    assert.deepEqual(names((await build({ lock: false }, false)).registered), []);
  });
});
