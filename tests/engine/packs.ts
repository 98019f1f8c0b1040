/** Small policy packs for tests, run by Pulumi's own runner. */
import { type PolicyResource, type ProjectStack, type PropertyMap } from "../../engine/model.ts";
import { dirname } from "node:path";
import { makeFolder, nodeModules } from "./folders.ts";

/** What a pack's files are when nothing else is said. */
const manifest = {
  "PulumiPolicy.yaml": "runtime: nodejs\n",
  "package.json": '{"name":"pack","version":"1.2.3","main":"index.js"}',
};

/** Makes a pack from the JavaScript of its policies: expressions, in an array. Returns its folder. */
export function makePack(policies: string, files: { [path: string]: string } = {}, name = "probe"): string {
  const source = `const { PolicyPack } = require("@pulumi/policy");\nnew PolicyPack(${JSON.stringify(name)}, { enforcementLevel: "advisory", policies: [${policies}] });\n`;
  return makeFolder({ ...manifest, "index.js": source, ...files }, { modules: true });
}

/** A resource policy: its function's body may use `args` and `report`. */
export function policy(name: string, body: string, more = ""): string {
  return `{ name: ${JSON.stringify(name)}, description: "About ${name}.", ${more} validateResource: (args, report) => { ${body} } }`;
}

/** A stack to judge; its root is the repository, where Node's compile cache is warm. */
export function makeTarget(root = dirname(nodeModules)): ProjectStack {
  return {
    project: "shop",
    stack: "dev",
    organization: "acme",
    root,
    main: ".",
    runtime: { typescript: false },
    configuration: { values: { "shop:size": "3" }, secretKeys: [] },
  };
}

/** A resource to judge. */
export function makeResource(
  name: string,
  properties: PropertyMap = {},
  changes: Partial<PolicyResource> = {},
): PolicyResource {
  return {
    urn: `urn:pulumi:dev::shop::test:index:Thing::${name}`,
    type: "test:index:Thing",
    name,
    properties,
    dependencies: [],
    propertyDependencies: {},
    options: {
      protect: false,
      ignoreChanges: [],
      deleteBeforeReplace: undefined,
      aliases: [],
      additionalSecretOutputs: [],
      customTimeouts: { create: 0, update: 0, delete: 0 },
    },
    ...changes,
  };
}
