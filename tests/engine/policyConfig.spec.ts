import assert from "node:assert/strict";
import fc from "fast-check";
import { UserError } from "../../engine/errors.ts";
import { type EnforcementLevel } from "../../engine/model.ts";
import { type ConfigurablePolicy, parsePolicyConfig, settlePolicies } from "../../engine/policyConfig.ts";

const policies: ConfigurablePolicy[] = [
  { name: "a", level: "mandatory", properties: {}, required: [] },
  { name: "b", level: "advisory", properties: {}, required: [] },
  {
    name: "c",
    level: "disabled",
    properties: { n: { type: "integer", minimum: 1, default: 7 }, names: { type: "array", items: { type: "string" } } },
    required: ["n"],
  },
];

/** What holds after a configuration file of this text. */
function settle(text: string, initial = "{}"): { [name: string]: string } {
  const settled = settlePolicies("probe", policies, parsePolicyConfig(initial, "initial"), {
    settings: parsePolicyConfig(text, "dev.json"),
    path: "dev.json",
  });
  return Object.fromEntries(
    [...settled].map(([name, { level, properties }]) => [
      name,
      `${level}${Object.keys(properties).length > 0 ? ` ${JSON.stringify(properties)}` : ""}`,
    ]),
  );
}

function refusal(text: string): string {
  try {
    settle(text);
  } catch (error) {
    assert(error instanceof UserError, String(error));
    return `${error.message} ${error.fix ?? ""}`;
  }
  return assert.fail("nothing was refused");
}

describe("policy configuration", () => {
  const cases: { what: string; text: string; initial?: string; gives: { [name: string]: string } }[] = [
    {
      what: "nothing said: the pack's own levels and defaults",
      text: "",
      gives: { a: "mandatory", b: "advisory", c: 'disabled {"n":7}' },
    },
    {
      what: '"all" is for every policy',
      text: '{ "all": "mandatory" }',
      gives: { a: "mandatory", b: "mandatory", c: 'mandatory {"n":7}' },
    },
    {
      what: 'a policy\'s own entry goes before "all", whatever the order',
      text: '{ "b": "disabled", "all": "mandatory", "a": { "enforcementLevel": "advisory" } }',
      gives: { a: "advisory", b: "disabled", c: 'mandatory {"n":7}' },
    },
    {
      what: "parameters alone leave the level",
      text: '{ "c": { "n": 3 }, "a": {} }',
      gives: { a: "mandatory", b: "advisory", c: 'disabled {"n":3}' },
    },
    {
      what: "the file goes before the pack's initial configuration",
      initial: '{ "all": "disabled", "c": { "enforcementLevel": "remediate", "n": 2 } }',
      text: '{ "b": "mandatory" }',
      gives: { a: "disabled", b: "mandatory", c: 'remediate {"n":2}' },
    },
    {
      what: "a schema named for editors is no policy",
      text: '{ "$schema": "x.json" }',
      gives: { a: "mandatory", b: "advisory", c: 'disabled {"n":7}' },
    },
  ];
  for (const { what, text, initial, gives } of cases) it(what, () => assert.deepEqual(settle(text, initial), gives));

  it('every policy named has the level it was given, every other one that of "all"', () => {
    const level = fc.constantFrom<EnforcementLevel>("advisory", "mandatory", "remediate", "disabled");
    fc.assert(
      fc.property(level, fc.dictionary(fc.constantFrom("a", "b", "c"), level), (all, single) => {
        const settled = settlePolicies("probe", policies, new Map(), {
          path: "x",
          settings: parsePolicyConfig(JSON.stringify({ ...single, all }), "x"),
        });
        for (const { name } of policies) assert.equal(settled.get(name)?.level, single[name] ?? all);
      }),
    );
  });

  const bad: { what: string; text: string; says: RegExp }[] = [
    {
      what: "an unknown policy, with the nearest one",
      text: '{ "aa": "mandatory" }',
      says: /dev\.json sets "aa", which is no policy of probe\. Did you mean "a"\? Known policies: a, b, c\./,
    },
    {
      what: "an unknown level",
      text: '{ "a": "strict" }',
      says: /dev\.json: the level of a is "strict"; it must be advisory, mandatory, remediate or disabled/,
    },
    { what: "a level that is no text", text: '{ "a": { "enforcementLevel": 3 } }', says: /the level of a is 3/ },
    { what: "a number for an entry", text: '{ "a": 1 }', says: /a is 1; it must be a level or an object/ },
    {
      what: "parameters that the schema does not admit, all at once",
      text: '{ "c": { "n": 0, "names": [1] } }',
      says: /configuration of policy pack probe is not valid:\n {2}- c\.n: .*\n {2}- c\.names\.0: .* Mend dev\.json/,
    },
    { what: "broken JSON", text: "{", says: /dev\.json is not valid JSON/ },
    { what: "a list", text: "[]", says: /dev\.json must be a JSON object of policy names/ },
    { what: "ESC environments", text: '{ "environments": ["a/b"] }', says: /imports ESC environments/ },
  ];
  for (const { what, text, says } of bad) it(`refuses ${what}`, () => assert.match(refusal(text), says));
});
