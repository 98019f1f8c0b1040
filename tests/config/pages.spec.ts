import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "yaml";
import { z } from "zod";
import { jsonSchema } from "../../config/keys.ts";
import { generatedFiles, renderJsonSchema, renderPage, renderProject } from "../../config/pages.ts";
import { configSchema, projectName } from "../../config/schema.ts";
import { load, local } from "./fixtures.ts";

const read = (file: string) => readFileSync(join(__dirname, "../..", file), "utf8");

interface ConfigEntry {
  description: string;
  default: unknown;
}

describe("a generated file", () => {
  const project = read(generatedFiles.project);
  const drifted = "Run `npm run generate` and commit what it writes.";

  it("follows the schema: the configuration page", () =>
    assert.equal(read(generatedFiles.page), renderPage(), drifted));
  it("follows the schema: the JSON schema", () =>
    assert.equal(read(generatedFiles.schema), renderJsonSchema(), drifted));
  it("follows the schema: Pulumi.yaml", () => assert.equal(project, renderProject(project), drifted));

  it("keeps the rest of Pulumi.yaml and its comments", () => {
    const text = renderProject("# first\nname: x # second\nconfig:\n  old: {type: string}\n# third\nmain: index.ts\n");
    const { config, ...rest } = parse(text) as Record<string, unknown>;
    assert.deepEqual(rest, { name: "x", main: "index.ts" });
    assert.ok(!("old" in (config as object)));
    for (const comment of ["# first", "# second", "# third"]) assert.match(text, new RegExp(comment));
  });

  it("refuses a Pulumi.yaml that is no YAML", () =>
    assert.throws(() => renderProject("a: [1"), /Pulumi\.yaml can't be read/));

  it("has a description for every key, and a rule for every value", () => {
    const walk = (schema: ReturnType<typeof jsonSchema>, path: string): string[] => [
      ...(path !== "" && (schema.description ?? "") === "" ? [path] : []),
      ...(path !== "" && schema.type !== "object" && schema.rule === undefined ? [path] : []),
      ...Object.entries(schema.properties ?? {}).flatMap(([name, member]) => walk(member, `${path}.${name}`)),
    ];
    assert.deepEqual(walk(jsonSchema(), ""), []);
  });

  it("shows the defaults that the schema gives", () => {
    const parsed = configSchema.parse({ clusterName: "x", environment: "local" });
    const walk = (schema: ReturnType<typeof jsonSchema>, value: unknown, path: string): void => {
      if (schema.properties === undefined) {
        assert.deepEqual("default" in schema ? schema.default : value, value, path);
        if (!("default" in schema) && !["clusterName", "environment"].includes(path))
          assert.equal(value, undefined, path);
        return;
      }
      for (const [name, member] of Object.entries(schema.properties))
        walk(member, (value as Record<string, unknown>)[name], path === "" ? name : `${path}.${name}`);
    };
    walk(jsonSchema(), parsed, "");
  });
});

describe("Pulumi.yaml", () => {
  const { config, name, main, runtime } = parse(read("Pulumi.yaml")) as {
    config: Record<string, ConfigEntry>;
    name: string;
    main: string;
    runtime: { options: object };
  };

  it("names the namespace that the schema reads", () => assert.equal(name, projectName));

  it("runs index.ts, transpiled only", () => {
    assert.deepEqual(
      [main, runtime],
      [
        "index.ts",
        { name: "nodejs", options: { typescript: true, tsconfig: "tsconfig.pulumi.json", packagemanager: "npm" } },
      ],
    );
  });

  it("never ends a run before the program has told everything: no types, and no key without default", () => {
    for (const [key, entry] of Object.entries(config))
      assert.deepEqual(Object.keys(entry), ["description", "default"], key);
    assert.equal(
      Object.keys(config).length,
      Object.values(jsonSchema().properties ?? {}).filter((key) => "default" in key).length,
    );
  });

  it("adds nothing to what the schema would fill in by itself", () => {
    const defaults = Object.fromEntries(Object.entries(config).map(([key, entry]) => [key, entry.default]));
    assert.deepEqual(load("local", { ...defaults, ...local }), load("local", local));
  });
});

describe("the JSON schema", () => {
  const stackFiles = z.fromJSONSchema(JSON.parse(renderJsonSchema()) as Parameters<typeof z.fromJSONSchema>[0]);
  const accepts = (text: string) => stackFiles.safeParse(parse(text)).success;

  for (const stack of ["local", "staging", "production"])
    it(`accepts the file of ${stack}`, () => assert.ok(accepts(read(`Pulumi.${stack}.yaml`))));

  it("leaves other namespaces alone", () =>
    assert.ok(accepts(`${read("Pulumi.local.yaml")}  kubernetes:context: kind\n`)));
  it("refuses a mistyped key", () =>
    assert.ok(!accepts(`${read("Pulumi.local.yaml")}  rlhf-audit-trail:replica: 3\n`)));
  it("refuses a value out of range", () =>
    assert.ok(!accepts(read("Pulumi.local.yaml").replace("replicas: 1", "replicas: 0"))));
  it("refuses a mistyped member", () =>
    assert.ok(!accepts(read("Pulumi.local.yaml").replace("active: blue", "activ: blue"))));
});
