import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { loadStackConfig } from "../../config/load.ts";
import { ownValues } from "../../config/rawConfig.ts";
import { rules } from "../../config/rules.ts";
import { configSchema } from "../../config/schema.ts";
import { changed, local, production, raw, refusal, staging } from "./fixtures.ts";
import { refusedConfigs, validConfig } from "./refusedConfigs.ts";

/** The whole messages by title, as people read them. */
const expected = new Map(
  readFileSync(join(__dirname, "refusals.txt"), "utf8")
    .split(/^## /m)
    .slice(1)
    .map((section): [string, string] => {
      const end = section.indexOf("\n");
      return [section.slice(0, end), section.slice(end + 1).trimEnd()];
    }),
);

describe("a refused configuration", () => {
  for (const { title, stack, changes } of refusedConfigs) {
    it(`is explained: ${title}`, () => {
      assert.equal(refusal(raw(stack, changed(validConfig(stack), changes))).message.trimEnd(), expected.get(title));
    });
  }

  it("has no message on file that no case asks for", () => {
    assert.deepEqual([...expected.keys()].sort(), refusedConfigs.map(({ title }) => title).sort());
  });

  it("departs from one that is accepted", () => {
    for (const [stack, written] of Object.entries({ local, staging, production }))
      assert.equal(loadStackConfig(raw(stack, written)).stack, stack);
  });

  it("tells everything at once, schema and rules together", () => {
    const { message, problems } = refusal(
      raw(
        "staging",
        changed(staging, {
          replicas: "three",
          "canary.stepWieght": 15,
          "canary.stepWeight": 15,
          "slo.errorRate": 1,
          clustername: "x",
          clusterName: undefined,
        }),
      ),
    );
    assert.deepEqual(
      problems.map(({ key }) => key.replace("rlhf-audit-trail:", "")),
      ["canary.stepWieght", "clustername", "replicas", "canary.stepWeight", "slo.errorRate"],
    );
    assert.match(message, /^The configuration of stack "staging" has 5 problems; nothing was changed\.$/m);
  });

  it("tells a missing key although another one is mistyped", () => {
    const { problems } = refusal(raw("local", changed(local, { clusterName: undefined, loglevel: "INFO" })));
    assert.deepEqual(
      problems.map(({ key }) => key),
      ["rlhf-audit-trail:loglevel", "rlhf-audit-trail:clusterName"],
    );
  });

  it("suggests a key that is not set yet, where two are as near", () => {
    const suggested = (set: string) =>
      refusal(raw("staging", changed(staging, { [`gateway.${set}`]: 8000, "gateway.httpxPort": 1 }))).problems.map(
        ({ fix }) => fix.split(",")[0],
      );
    assert.deepEqual(suggested("httpPort"), ["Rename it to rlhf-audit-trail:gateway.httpsPort"]);
    assert.deepEqual(suggested("httpsPort"), ["Rename it to rlhf-audit-trail:gateway.httpPort"]);
  });

  it("shortens a long value", () => {
    const shown = (length: number) =>
      refusal(raw("local", { ...local, logLevel: "x".repeat(length) })).problems[0]?.value;
    assert.equal(shown(158), `"${"x".repeat(158)}"`);
    assert.equal(shown(159), `"${"x".repeat(159)}… (161 characters)`);
  });

  it("spares people the consequences of a mistake that is told already", () => {
    const { problems } = refusal(raw("staging", changed(staging, { "canary.interval": "5s" })));
    assert.deepEqual(
      problems.map(({ key }) => key),
      ["rlhf-audit-trail:canary.interval"],
    );
  });

  it("is refused by every rule over several keys, in some case", () => {
    const parsed = refusedConfigs.flatMap(({ stack, changes }) => {
      const { success, data } = configSchema.safeParse(ownValues(raw(stack, changed(validConfig(stack), changes))));
      return success ? [{ stack, data, strict: data.environment !== "local" }] : [];
    });
    const neverBroken = rules.filter(({ check }) =>
      parsed.every(({ stack, data, strict }) => check(data, { stack, strict, reveal: String }).length === 0),
    );
    assert.deepEqual(
      neverBroken.map(({ summary }) => summary),
      [],
    );
  });
});
