import assert from "node:assert/strict";
import { aliasUrns } from "../../engine/aliases.ts";
import type { Alias } from "../../engine/goal.ts";

const urn = (chain: string, name: string, project = "p", stack = "dev"): string => `urn:pulumi:${stack}::${project}::${chain}::${name}`;
const parent = urn("x:y:Group", "group");
const find = (aliases: Alias[], inUse: { [urn: string]: string } = {}, name = "thing", below: string | undefined = parent): string[] =>
  aliasUrns({ stack: "dev", project: "p", type: "x:y:Thing", name, parent: below, aliases }, (other) => inUse[other]);

describe("aliases", () => {
  const table: [string, Alias, string][] = [
    ["a whole URN", { urn: urn("a:b:C", "old") }, urn("a:b:C", "old")],
    ["a former name", { name: "old" }, urn("x:y:Group$x:y:Thing", "old")],
    ["a former type", { type: "x:y:Old" }, urn("x:y:Group$x:y:Old", "thing")],
    ["a former project and stack", { project: "q", stack: "prod" }, urn("x:y:Group$x:y:Thing", "thing", "q", "prod")],
    ["no former parent", { noParent: true }, urn("x:y:Thing", "thing")],
    ["the stack as former parent", { parent: urn("pulumi:pulumi:Stack", "p-dev") }, urn("x:y:Thing", "thing")],
    ["another former parent", { parent: urn("x:y:Other", "other") }, urn("x:y:Other$x:y:Thing", "thing")],
  ];
  for (const [name, alias, expected] of table) it(`resolves ${name}`, () => assert.deepEqual(find([alias]), [expected]));

  it("follows a former parent that was itself found under an alias", () => {
    const inUse = { [urn("x:y:Other", "other")]: urn("x:y:Former", "former") };
    assert.deepEqual(find([{ parent: urn("x:y:Other", "other") }], inUse), [urn("x:y:Former$x:y:Thing", "thing")]);
  });

  it("inherits from the parent's alias, also for its own aliases, renaming children named after the parent", () => {
    const inUse = { [parent]: urn("x:y:Group", "club") };
    assert.deepEqual(find([], inUse), [urn("x:y:Group$x:y:Thing", "thing")]);
    assert.deepEqual(find([], inUse, "group-thing"), [urn("x:y:Group$x:y:Thing", "club-thing")]);
    assert.deepEqual(find([{ name: "old" }], inUse), [urn("x:y:Group$x:y:Thing", "old"), urn("x:y:Group$x:y:Thing", "thing")]);
  });

  it("has none without cause", () => assert.deepEqual(find([]), []));
});
