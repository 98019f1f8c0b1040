/** The table of checks, and the Pod Security profiles. */
import assert from "node:assert/strict";
import checks from "../../policies/checks.json" with { type: "json" };
import { judgeResource, RuleIndex } from "../../policies/evaluate.ts";
import { UNDECIDED } from "../../policies/checks-undecided.ts";
import { stalePages } from "../../policies/docs.ts";
import { BASELINE, RESTRICTED } from "../../policies/profiles.ts";
import { fromManifest } from "../../policies/resource.ts";
import { deployment } from "../../policies/rules/examples.ts";
import { RULES } from "../../policies/rules/index.ts";
import { defaultSettings } from "../../policies/settings.ts";

const names = new Set(RULES.map((rule) => rule.id));

describe("table of checks", () => {
  it("names only policies that exist", () => {
    for (const [check, policies] of Object.entries(checks)) for (const policy of policies as string[]) assert(names.has(policy), `${check}: ${policy}`);
  });
  it("has a reason for each check without policies", () => {
    for (const [check, policies] of Object.entries(checks)) assert.equal((policies as string[]).length === 0, check in UNDECIDED, check);
  });
  it("pages are what the rules say", () => {
    assert.deepEqual(stalePages(), []);
  });
  it("profiles name only policies that exist, with parameters they know", () => {
    for (const [id, parameters] of Object.entries({ ...BASELINE, ...RESTRICTED })) assert(RULES.find((rule) => rule.id === id)?.parameters.safeParse(parameters).success, id);
  });
  it("restricted asks for all that baseline does", () => {
    for (const id of Object.keys(BASELINE)) assert(id in RESTRICTED);
  });
});

describe("a failing rule", () => {
  it("reports itself as mandatory and the others go on", () => {
    const [sound, ...others] = RULES.filter((rule) => rule.scope === "resource");
    assert(sound);
    const broken = { ...sound, id: "broken-rule", kinds: ["*"], check: () => { throw new TypeError("no such thing"); } };
    const rules = [broken, ...others];
    const resource = fromManifest(deployment({ tty: true }))!;
    const verdicts = judgeResource(resource, new RuleIndex(rules), defaultSettings(rules), { now: new Date() });
    const own = verdicts.find((verdict) => verdict.rule.id === "broken-rule");
    assert.deepEqual([own?.status, own?.level], ["error", "mandatory"]);
    assert.match(own!.message, /no such thing/);
    assert(verdicts.some((verdict) => verdict.rule.id === "no-interactive-containers"));
  });
});
