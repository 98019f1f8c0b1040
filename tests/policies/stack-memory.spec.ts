/** What a scan keeps for stack rules is enough for them, and no more than it says. */
import assert from "node:assert/strict";
import { judgeStack, RuleIndex } from "../../policies/evaluate.ts";
import { fromManifest, fromPulumi, type Resource } from "../../policies/resource.ts";
import { deployment, manifest } from "../../policies/rules/examples.ts";
import { RULES } from "../../policies/rules/index.ts";
import { parseSettings } from "../../policies/settings.ts";
import { forStackRules } from "../../policies/stack-memory.ts";
import { copyPlain, Unknown } from "../../policies/value.ts";

describe("what is kept for stack rules", () => {
  const stackRules = RULES.filter((rule) => rule.scope === "stack");
  // Every rule's examples, judged by every stack rule under the parameters of its own.
  const examples = RULES.flatMap((rule) => [...rule.examples.pass, ...rule.examples.fail]).map((example) => [example].flat());
  for (const rule of stackRules) {
    it(`${rule.id} says the same of it`, () => {
      const settings = parseSettings(RULES, { [rule.id]: { ...rule.examples.parameters } }, "test");
      const say = (resources: readonly Resource[]) => judgeStack({ resources }, new RuleIndex([rule]), settings, { now: new Date(0) }).map(({ path, message, resource }) => [resource?.id, path, message]);
      for (const example of examples) {
        const whole = example.map((object) => fromManifest(object, { file: "a.yaml", line: 1 })).filter((resource) => resource !== undefined);
        assert.deepEqual(say(whole.map(forStackRules)), say(whole));
      }
    });
  }

  it("lets go of probes, security contexts and commands of pods, and of the values of ConfigMaps and Secrets", () => {
    const keep = (object: Readonly<Record<string, unknown>>) => JSON.stringify(forStackRules(fromManifest(object, { file: "a.yaml", line: 1 })!).data);
    const kept = keep(deployment({ command: ["run"], readinessProbe: { httpGet: { path: "/ready" } }, securityContext: { privileged: true } }));
    assert.doesNotMatch(kept, /command|readinessProbe|securityContext/);
    assert.match(kept, /"image"/);
    assert.equal((JSON.parse(keep(manifest("v1", "ConfigMap", { data: { key: "value" } }))) as { data: unknown }).data instanceof Object, true);
    assert.doesNotMatch(keep(manifest("v1", "Secret", { stringData: { key: "value" } })), /value/);
  });

  it("keeps what is unknown in a state unknown", () => {
    const { data } = forStackRules(fromPulumi("kubernetes:apps/v1:Deployment", copyPlain({ spec: { replicas: "3eeb2bf0-c639-47a8-9e75-3b44932eb421" } }), "urn:pulumi:a::b::c::d"));
    assert((data.spec as { replicas: unknown }).replicas instanceof Unknown);
  });
});
