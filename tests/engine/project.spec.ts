import assert from "node:assert/strict";
import { join } from "node:path";
import { listStacks, loadProject, parseStackName, stackFile } from "../../engine/project.ts";
import { UserError } from "../../engine/errors.ts";
import { makeFolder, removeFolders } from "./folders.ts";

/** The message and fix of a UserError that `action` throws. */
function refusal(action: () => unknown): string {
  try {
    action();
  } catch (error) {
    assert(error instanceof UserError, String(error));
    return `${error.message} ${error.fix ?? ""}`;
  }
  return assert.fail("nothing was refused");
}

describe("project", () => {
  afterEach(removeFolders);

  it("reads name, program and runtime options, from a folder below", () => {
    const root = makeFolder({
      "Pulumi.yaml":
        "name: shop\nruntime:\n  name: nodejs\n  options:\n    typescript: false\n    tsconfig: other.json\n    nodeargs: --trace-warnings\nmain: src/program.js\n",
      "src/program.js": "",
      "deep/er/file": "",
    });
    const project = loadProject(join(root, "deep/er"));
    assert.equal(project.name, "shop");
    assert.equal(project.root, root);
    assert.equal(project.pwd, join(root, "src"));
    assert.equal(project.main, "program.js");
    assert.deepEqual(project.runtime, { typescript: false, tsconfig: "other.json", nodeargs: "--trace-warnings" });
  });

  it("runs a program without main in the project's folder, and a folder as itself", () => {
    const plain = loadProject(makeFolder({ "Pulumi.yaml": "name: a\nruntime: nodejs\n" }));
    assert.deepEqual([plain.pwd, plain.main, plain.runtime.typescript], [plain.root, ".", true]);
    const folder = loadProject(
      makeFolder({ "Pulumi.yaml": "name: a\nruntime: nodejs\nmain: infra/\n", "infra/index.js": "" }),
    );
    assert.deepEqual([folder.pwd, folder.main], [join(folder.root, "infra/"), "."]);
  });

  it("lists stacks in order and finds their files, fully qualified or not", () => {
    const root = makeFolder({
      "Pulumi.yaml": "name: a\nruntime: nodejs\n",
      "Pulumi.prod.yaml": "",
      "Pulumi.dev.yaml": "",
      "Pulumi.old.yml": "",
      "Pulumi.prod.yaml.bak": "",
    });
    const project = loadProject(root);
    assert.deepEqual(listStacks(project), ["dev", "old", "prod"]);
    assert.equal(stackFile(project, "acme/a/prod"), join(root, "Pulumi.prod.yaml"));
    assert.deepEqual(parseStackName(project, "acme/a/prod"), { organization: "acme", name: "prod" });
    assert.deepEqual(parseStackName(project, "prod"), { organization: "organization", name: "prod" });
  });

  it("names the nearest stack for one that is not there", () => {
    const project = loadProject(
      makeFolder({
        "Pulumi.yaml": "name: a\nruntime: nodejs\n",
        "Pulumi.production.yaml": "",
        "Pulumi.staging.yaml": "",
      }),
    );
    const words = refusal(() => stackFile(project, "prodction"));
    assert.match(words, /There is no stack "prodction"/);
    assert.match(words, /Did you mean "production"\? Known stacks: production, staging\./);
    assert.match(
      refusal(() => stackFile(project, "b/other/production")),
      /stack of project other; this is project a/,
    );
  });

  const bad: { what: string; yaml: string; says: RegExp }[] = [
    { what: "broken YAML", yaml: "name: a\nruntime: [nodejs\n", says: /Pulumi\.yaml:3:1 is not valid YAML/ },
    {
      what: "a name with blanks",
      yaml: "name: my project\nruntime: nodejs\n",
      says: /name is "my project"; it must be 1 to 100 letters/,
    },
    { what: "no name", yaml: "runtime: nodejs\n", says: /name is null/ },
    {
      what: "another runtime",
      yaml: "name: a\nruntime: python\n",
      says: /runtime is "python"; the embedded engine runs nodejs programs only.*--engine pulumi/,
    },
    {
      what: "a program that is not there",
      yaml: "name: a\nruntime: nodejs\nmain: nowhere.ts\n",
      says: /main is nowhere\.ts, and .*nowhere\.ts does not exist/,
    },
    {
      what: "an array of nothing",
      yaml: "name: a\nruntime: nodejs\nconfig:\n  xs: { type: array }\n",
      says: /config\.xs is an array and does not say of what/,
    },
    {
      what: "default and value",
      yaml: "name: a\nruntime: nodejs\nconfig:\n  x: { default: 1, value: 2 }\n",
      says: /config\.x has both default and value/,
    },
    {
      what: "a type for a foreign key",
      yaml: "name: a\nruntime: nodejs\nconfig:\n  aws:region: { type: string }\n",
      says: /config\.aws:region belongs to another namespace/,
    },
    {
      what: "an unknown type",
      yaml: "name: a\nruntime: nodejs\nconfig:\n  x: { type: number }\n",
      says: /config\.x\.type is "number"; it must be/,
    },
    { what: "a path for a key", yaml: "name: a\nruntime: nodejs\nconfig:\n  x.y: 1\n", says: /config\.x\.y is a path/ },
  ];
  for (const { what, yaml, says } of bad) {
    it(`refuses ${what}`, () => {
      assert.match(
        refusal(() => loadProject(makeFolder({ "Pulumi.yaml": yaml }))),
        says,
      );
    });
  }

  it("refuses a folder without a project", () => {
    assert.match(
      refusal(() => loadProject(makeFolder({}))),
      /No Pulumi\.yaml in/,
    );
  });
});
