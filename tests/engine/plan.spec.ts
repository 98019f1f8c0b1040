import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { type Schema, Validator } from "@cfworker/json-schema";
import fc from "fast-check";
import { AssetValue, type OperationResult, type PropertyValue, Secret, Unknown } from "../../engine/model.ts";
import { masker, plainValue } from "../../engine/plain.ts";
import { exitCodeOf, makePlan, outcome, type PlanDocument, summarize } from "../../engine/plan.ts";
import { result, step, target, webUrn, childUrn } from "./samples.ts";

const schema = JSON.parse(readFileSync(new URL("../../docs/plan.schema.json", import.meta.url), "utf8")) as Schema;

/** The document as a reader of the file gets it. */
function written(from: OperationResult): PlanDocument {
  return JSON.parse(JSON.stringify({ version: 1, plans: [makePlan("preview", target, from)] })) as PlanDocument;
}

describe("plan", () => {
  it("is what its schema says, and nothing more", () => {
    const { errors, valid } = new Validator(schema, "2020-12", false).validate(written(result));
    assert(valid, JSON.stringify(errors, null, 1));
    assert(!new Validator(schema).validate({ ...written(result), extra: 1 }).valid);
    const [plan] = written(result).plans;
    assert(!new Validator(schema).validate({ version: 1, plans: [{ ...plan, result: "fine" }] }).valid);
  });

  it("holds no secret, in no field", () => {
    assert.doesNotMatch(JSON.stringify(written(result)), /hunter2/);
    const [plan] = written(result).plans;
    assert(plan);
    assert.deepEqual(plan.outputs, {
      endpoint: "http://web",
      password: "[secret]",
      later: "[unknown]",
      service: childUrn("core/v1:Service", "web-service"),
    });
    assert.equal(plan.diagnostics[2]?.message, "deprecated: [secret]");
  });

  it("any value becomes plain JSON in which a secret is one word", () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        const text = JSON.stringify(
          plainValue({ open: [new Unknown()], closed: { deep: new Secret(value as PropertyValue) } }),
        );
        assert.equal(text, '{"open":["[unknown]"],"closed":{"deep":"[secret]"}}');
      }),
    );
    assert.equal(
      plainValue(new AssetValue({ "4dabf18193072939515e22adb298388d": "0def7320c3a5731c473e5ecbe6d01bc7" })),
      "[archive]",
    );
  });

  it("masks the longest secret first, and leaves the shortest alone", () => {
    assert.equal(masker(["abc", "abcdef", "x", ""])("x abcdef abc"), "x [secret] [secret]");
  });

  it("counts a replacement once, whatever its steps", () => {
    assert.deepEqual(makePlan("preview", target, result).summary, {
      create: 2,
      update: 1,
      replace: 1,
      delete: 1,
      read: 0,
      same: 3,
    });
    assert.deepEqual(
      summarize([step("delete-replaced", webUrn), step("replace", webUrn), step("create-replacement", webUrn)]).replace,
      1,
    );
  });

  it("an error goes before a violation, a violation before advice", () => {
    assert.equal(outcome(result), "violation");
    assert.equal(outcome({ ...result, errors: ["x"] }), "error");
    assert.equal(
      outcome({ errors: [], findings: result.findings.filter(({ level }) => level === "advisory") }),
      "clean",
    );
    assert.equal(exitCodeOf([]), 0);
    assert.equal(exitCodeOf(["clean", "violation"]), 2);
    assert.equal(exitCodeOf(["clean", "violation", "error"]), 1);
  });
});
