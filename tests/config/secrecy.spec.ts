import assert from "node:assert/strict";
import fc from "fast-check";
import { describeKeys } from "../../config/keys.ts";
import { changed, local, production, raw, refusal, staging } from "./fixtures.ts";

const known = describeKeys().map(({ path }) => path.join("."));
// Long and random enough never to stand in a message by chance.
const secret = fc.uuid();
const bases = fc.constantFrom(
  ["local", local] as const,
  ["staging", staging] as const,
  ["production", production] as const,
);

describe("a secret value", () => {
  it("is in no message, wherever it stands and in whatever form", () => {
    const form = fc.constantFrom(
      (text: string): unknown => text,
      (text: string): unknown => `{"a": "${text}`,
      (text: string): unknown => [text, { deep: text }],
      (text: string): unknown => ({ member: text }),
      (text: string): unknown => `https://user:${text}@vault.example.com`,
    );
    fc.assert(
      fc.property(
        bases,
        fc.constantFrom(...known, "unknown", "secrets.token", "canary.gates.apiKey"),
        secret,
        form,
        ([stack, written], key, value, wrap) => {
          const config = raw(stack, { ...changed(written, { [key]: wrap(value) }), environment: "nowhere" }, [
            key.split(".")[0]!,
          ]);
          assert.ok(!refusal(config).message.includes(value));
        },
      ),
      { numRuns: 500 },
    );
  });

  it("is not given away by the rules of other keys", () => {
    const limits = raw(
      "local",
      changed(local, { "resources.requests.cpu": "1779m", "resources.limits.cpu": "1777m" }),
      ["resources"],
    );
    assert.deepEqual(refusal(limits).problems, [
      {
        key: "rlhf-audit-trail:resources.requests.cpu",
        value: "[secret]",
        rule: "at most resources.limits.cpu ([secret])",
        fix: "Lower the request or raise the limit.",
      },
    ]);
  });

  it("is not given away by a sum or a product", () => {
    const quota = refusal(raw("production", changed(production, { "resources.limits.cpu": "17" }), ["resources"]));
    assert.match(quota.message, /quota\.limits\.cpu/);
    assert.doesNotMatch(quota.message, /17|119/);
  });

  it("stays hidden under a slip in the namespace", () => {
    const config = raw("local", { ...local, "rlhf-audit-trial:token": "s3cr3t-value" });
    assert.doesNotMatch(refusal({ ...config, secretKeys: ["rlhf-audit-trial:token"] }).message, /s3cr3t-value/);
  });

  it("that is a password in an address is hidden even where nothing is marked as secret", () => {
    const { message } = refusal(
      raw("production", changed(production, { "secrets.store.address": "postgres://app:s3cr3t-value@db/audit" })),
    );
    assert.match(message, /postgres:\/\/app:\[hidden\]@db\/audit/);
    assert.doesNotMatch(message, /s3cr3t-value/);
  });

  it("is set as a secret again by the command that the fix shows", () => {
    const { problems } = refusal(
      raw("production", changed(production, { "secrets.store.address": "none" }), ["secrets"]),
    );
    assert.equal(
      problems[0]?.fix,
      "For example: pulumi config set --path --secret rlhf-audit-trail:secrets.store.address https://vault.example.com:8200",
    );
  });
});
