/** Every rule by its own examples: pass, fail, unknown, waived. */
import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { judgeResource, judgeStack, RuleIndex, type Verdict } from "../../policies/evaluate.ts";
import { readEvidence } from "../../policies/evidence-files.ts";
import { parseImage } from "../../policies/kubernetes/image.ts";
import { containersOf, podOf } from "../../policies/kubernetes/pods.ts";
import { fromManifest, nameOf, namespaceOf, type Resource } from "../../policies/resource.ts";
import type { Example, Rule } from "../../policies/rule.ts";
import { RULES } from "../../policies/rules/index.ts";
import type { Settings } from "../../policies/settings.ts";
import { copyPlain, text, type Obj } from "../../policies/value.ts";
import { findWaiver, type Waiver } from "../../policies/waivers.ts";

// The SDK exports its proxy for tests, but not its type.
const { unknownCheckingProxy } = createRequire(import.meta.url)("@pulumi/policy/proxy.js") as { unknownCheckingProxy: (props: object) => object };

const NOW = new Date("2026-11-23T12:00:00Z");
const evidence = readEvidence("compliance");
const context = { now: NOW, ...(evidence && { evidence }) };
const UNKNOWN_OBJECT = "dd056dcd-154b-4c76-9bd3-c8f88648b5ff";

function resources(example: Example): Resource[] {
  const manifests = (Array.isArray(example) ? example : [example]) as Obj[];
  return manifests.map((manifest) => {
    const resource = fromManifest(manifest);
    assert(resource, "an example must be a Kubernetes object");
    return resource;
  });
}

function verdicts(rule: Rule, subjects: readonly Resource[], waivers: readonly Waiver[] = []): Verdict[] {
  const parameters = rule.parameters.parse(rule.examples.parameters ?? {});
  const settings: Settings = { rules: new Map([[rule.id, { level: "mandatory", parameters }]]), waivers };
  const index = new RuleIndex([rule]);
  return rule.scope === "stack" ? judgeStack({ resources: subjects }, index, settings, context) : subjects.flatMap((subject) => judgeResource(subject, index, settings, context));
}

/** The resource with all but its identity unknown, as the SDK's proxy shows it. */
function hidden(resource: Resource): Resource {
  const kept = ["apiVersion", "kind", "metadata"];
  const keys = Object.keys(resource.data).filter((key) => !kept.includes(key));
  const masked = { ...resource.data, ...Object.fromEntries((keys.length > 0 ? keys : ["metadata"]).map((key) => [key, UNKNOWN_OBJECT])) };
  return { ...resource, data: copyPlain(unknownCheckingProxy(masked)) };
}

function waiverFor(rule: Rule, resource: Resource): Waiver {
  const pod = podOf(resource);
  const digest = pod && containersOf(pod).map((container) => parseImage(text(container.spec, "image") ?? "")?.digest).find((found) => found !== undefined);
  const named = nameOf(resource) ?? "";
  return {
    rule: rule.id,
    resource: `${resource.kind}/${namespaceOf(resource)}/${named}`,
    reason: "known and accepted for the test",
    requestedBy: "a@example.org",
    approver: "b@example.org",
    expires: "2026-12-01",
    ...(digest !== undefined && { digest }),
  };
}

describe("rules", () => {
  it("have names of their own", () => {
    assert.equal(new Set(RULES.map((rule) => rule.id)).size, RULES.length);
    for (const rule of RULES) assert.match(rule.id, /^[a-z][a-z0-9]*(-[a-z0-9]+)*$/);
  });

  for (const rule of RULES) {
    describe(rule.id, () => {
      it("has examples and says why and how", () => {
        assert(rule.examples.pass.length > 0 && rule.examples.fail.length > 0);
        assert(rule.why.length > 20 && rule.fix.length > 10 && rule.title.endsWith("."));
      });
      it("passes what it should", () => {
        for (const example of rule.examples.pass) assert.deepEqual(verdicts(rule, resources(example)).map((verdict) => verdict.message), []);
      });
      it("finds what it should", () => {
        rule.examples.fail.forEach((example, index) => {
          const found = verdicts(rule, resources(example));
          assert(found.length > 0, `example ${index} of what must fail passes`);
          for (const verdict of found) {
            assert.equal(verdict.status, "violation", verdict.message);
            assert(verdict.resource, "every finding names its resource");
          }
        });
      });
      it("is not silent when it can't know", () => {
        for (const example of rule.examples.fail) assert(verdicts(rule, resources(example).map(hidden)).length > 0);
      });
      it("reports what is waived, and only advises", () => {
        for (const example of rule.examples.fail) {
          const subjects = resources(example);
          const found = verdicts(rule, subjects, subjects.map((subject) => waiverFor(rule, subject)));
          assert(found.length > 0);
          for (const verdict of found) assert.deepEqual([verdict.status, verdict.level], ["waived", "advisory"], JSON.stringify(findWaiver(rule.id, verdict.resource!, [waiverFor(rule, verdict.resource!)], NOW)));
        }
      });
    });
  }
});
