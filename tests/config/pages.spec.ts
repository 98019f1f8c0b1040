import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "yaml";
import { z } from "zod";
import { jsonSchema } from "../../config/keys.ts";
import { generatedFiles, renderJsonSchema, renderPage, renderProject } from "../../config/pages.ts";
import { configSchema, projectName } from "../../config/schema.ts";

const read = (file: string) => readFileSync(join(__dirname, "../..", file), "utf8");

interface ConfigEntry {
  type: string;
  description: string;
  default?: unknown;
  items?: { type: string };
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

  it("demands of every stack what the schema demands, and no more", () => {
    assert.deepEqual(
      Object.entries(config)
        .filter(([, entry]) => !("default" in entry))
        .map(([key]) => key),
      ["clusterName", "environment"],
    );
  });

  it("uses the types that Pulumi knows, with defaults of these types", () => {
    const isOf: Record<string, (value: unknown) => boolean> = {
      string: (value) => typeof value === "string",
      integer: Number.isInteger,
      boolean: (value) => typeof value === "boolean",
      object: (value) => typeof value === "object" && value !== null && !Array.isArray(value),
      array: Array.isArray,
    };
    for (const [key, entry] of Object.entries(config)) {
      assert.ok(entry.type in isOf, `${key}: ${entry.type}`);
      if ("default" in entry) assert.ok(isOf[entry.type]!(entry.default), key);
      assert.equal(entry.type === "array", entry.items !== undefined, key);
    }
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
