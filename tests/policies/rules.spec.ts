/** Every rule by its own examples: pass, fail, unknown, waived. */
import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { readEvidence } from "../../policies/evidence-files.ts";
import { exampleResources, exampleSets, hidden, verdictsOf } from "../../policies/example-findings.ts";
import type { Example, Examples } from "../../policies/rule.ts";
import { RULES } from "../../policies/rules/index.ts";
import { findWaiver } from "../../policies/waivers.ts";
import { waiverFor } from "./waiverFor.ts";

// The SDK exports its proxy for tests, but not its type.
const { unknownCheckingProxy } = createRequire(import.meta.url)("@pulumi/policy/proxy.js") as { unknownCheckingProxy: (props: object) => object };

const NOW = new Date("2026-11-23T12:00:00Z");
const EXPIRES = "2026-12-01";
const evidence = readEvidence("compliance");
const context = { now: NOW, ...(evidence && { evidence }) };

describe("rules", () => {
  it("have names of their own", () => {
    assert.equal(new Set(RULES.map((rule) => rule.id)).size, RULES.length);
    for (const rule of RULES) assert.match(rule.id, /^[a-z][a-z0-9]*(-[a-z0-9]+)*$/);
  });

  for (const rule of RULES) {
    const each = (kind: "pass" | "fail", check: (example: Example, examples: Examples, index: number) => void) => {
      for (const examples of exampleSets(rule)) examples[kind].forEach((example, index) => check(example, examples, index));
    };
    describe(rule.id, () => {
      it("has examples and says why and how", () => {
        assert(rule.examples.pass.length > 0 && rule.examples.fail.length > 0);
        assert(rule.why.length > 20 && rule.fix.length > 10 && rule.title.endsWith("."));
      });
      it("passes what it should", () => {
        each("pass", (example, examples) => assert.deepEqual(verdictsOf(rule, examples, exampleResources(example), context).map((verdict) => verdict.message), []));
      });
      it("finds what it should", () => {
        each("fail", (example, examples, index) => {
          const found = verdictsOf(rule, examples, exampleResources(example), context);
          assert(found.length > 0, `example ${index} of what must fail passes`);
          for (const verdict of found) {
            assert.equal(verdict.status, "violation", verdict.message);
            assert(verdict.resource, "every finding names its resource");
          }
        });
      });
      it("is not silent when it can't know", () => {
        each("fail", (example, examples) => assert(verdictsOf(rule, examples, exampleResources(example).map((resource) => hidden(resource, unknownCheckingProxy)), context).length > 0));
      });
      it("reports what is waived, and only advises", () => {
        each("fail", (example, examples) => {
          const subjects = exampleResources(example);
          const found = verdictsOf(rule, examples, subjects, context, subjects.map((subject) => waiverFor(rule, subject, EXPIRES)));
          assert(found.length > 0);
          for (const verdict of found) assert.deepEqual([verdict.status, verdict.level], ["waived", "advisory"], JSON.stringify(findWaiver(rule.id, verdict.resource!, [waiverFor(rule, verdict.resource!, EXPIRES)], NOW)));
        });
      });
    });
  }
});
