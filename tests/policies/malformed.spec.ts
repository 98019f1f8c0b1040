/** Manifests with a part replaced by something else: rules say what they can, and none fails. */
import assert from "node:assert/strict";
import fc from "fast-check";
import { exampleResources, exampleSets, verdictsOf } from "../../policies/example-findings.ts";
import { readEvidence } from "../../policies/evidence-files.ts";
import { fromManifest, type Resource } from "../../policies/resource.ts";
import { RULES } from "../../policies/rules/index.ts";
import { isObj, type Obj } from "../../policies/value.ts";

const evidence = readEvidence("compliance");
const context = { now: new Date("2026-11-23T12:00:00Z"), ...(evidence && { evidence }) };
/** What people and generators write by mistake. */
const odd = fc.oneof(fc.constantFrom<unknown>(null, "", 0, -1, true, [], {}, [null], ["x"], [[]], [{}], "x", { x: null }), fc.jsonValue({ maxDepth: 2 }));

function pathsOf(value: unknown, path: readonly (string | number)[] = []): (readonly (string | number)[])[] {
  const children = Array.isArray(value) ? value.map((item: unknown, index): [number, unknown] => [index, item]) : isObj(value) ? Object.entries(value) : [];
  return [path, ...children.flatMap(([key, child]) => pathsOf(child, [...path, key]))];
}

function replaced(value: unknown, [key, ...rest]: readonly (string | number)[], by: unknown): unknown {
  if (key === undefined) return by;
  if (Array.isArray(value)) return value.map((item: unknown, index) => (index === key ? replaced(item, rest, by) : item));
  return { ...(value as Obj), [key]: replaced((value as Obj)[key], rest, by) };
}

describe("malformed manifests", () => {
  for (const rule of RULES) {
    it(`don't make ${rule.id} fail`, () => {
      const stacks = exampleSets(rule).flatMap((examples) => [...examples.pass, ...examples.fail].map((example) => ({ examples, resources: exampleResources(example) })));
      fc.assert(
        fc.property(fc.constantFrom(...stacks), fc.nat(), fc.nat(), odd, ({ examples, resources }, which, where, by) => {
          const spoiled = resources[which % resources.length]!;
          const paths = pathsOf(spoiled.data).filter(([first]) => first !== undefined && first !== "apiVersion" && first !== "kind");
          const data = replaced(spoiled.data, paths[where % paths.length]!, by) as Obj;
          const subjects = resources.map((resource): Resource => (resource === spoiled ? (fromManifest(data) ?? resource) : resource));
          for (const verdict of verdictsOf(rule, examples, subjects, context)) assert.notEqual(verdict.status, "error", verdict.message);
        }),
        { numRuns: 60 },
      );
    });
  }
});
