/** Runs the command line as people do: in a process of its own, in a project made for the test. */
import { type ChildProcess, spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { manifestMagic } from "../../engine/deployment.ts";
import type { Plan, PlanDocument } from "../../engine/plan.ts";
import { makeFolder, nodeModules } from "./folders.ts";
import { policy } from "./packs.ts";

const main = fileURLToPath(new URL("../../engine/main.mjs", import.meta.url));

/** How a run ended. */
export interface Ended {
  code: number | null;
  stdout: string;
  stderr: string;
}
export interface Running {
  child: ChildProcess;
  /** Resolves when the output matches; rejects when the process ends first. */
  printed(pattern: RegExp): Promise<void>;
  ended: Promise<Ended>;
}

/** Environment of a run: nothing of this process that would change what is shown. */
function cleanEnvironment(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const inherited = Object.entries(process.env).filter(
    ([key]) => !/^(PULUMI_|FORCE_COLOR|NO_COLOR|NODE_OPTIONS)/.test(key),
  );
  // The project's own cache would be empty.
  return { ...Object.fromEntries(inherited), NODE_COMPILE_CACHE: join(nodeModules, ".cache", "node-compile"), ...env };
}

/** Starts the command line in a folder. */
export function startCli(cwd: string, args: readonly string[], env: NodeJS.ProcessEnv = {}): Running {
  const child = spawn(process.execPath, [main, ...args], {
    cwd,
    env: cleanEnvironment(env),
    stdio: ["ignore", "pipe", "pipe"],
  });
  const output = { stdout: "", stderr: "" };
  const watchers = new Set<() => void>();
  for (const stream of ["stdout", "stderr"] as const) {
    child[stream].setEncoding("utf8").on("data", (text: string) => {
      output[stream] += text;
      for (const watch of watchers) watch();
    });
  }
  const ended = new Promise<Ended>((done) => child.on("close", (code) => done({ code, ...output })));
  const printed = (pattern: RegExp): Promise<void> =>
    new Promise((done, fail) => {
      const watch = (): void => {
        if (pattern.test(output.stdout + output.stderr)) done();
      };
      watchers.add(watch);
      watch();
      void ended.then(() =>
        fail(new Error(`ended without printing ${String(pattern)}:\n${output.stdout}\n${output.stderr}`)),
      );
    });
  return { child, printed, ended };
}

/** Runs the command line in a folder to its end. */
export function runCli(cwd: string, args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<Ended> {
  return startCli(cwd, args, env).ended;
}

/** The plan of the one stack that a run in this folder wrote by `--json plan.json`. */
export function planOf(root: string): Plan | undefined {
  return (JSON.parse(readFileSync(join(root, "plan.json"), "utf8")) as PlanDocument).plans[0];
}

/** A project of one JavaScript program; `stacks` are texts by name. */
export function makeProject(
  program: string,
  stacks: { [name: string]: string } = { dev: "" },
  files: { [path: string]: string } = {},
): string {
  return makeFolder(
    {
      "Pulumi.yaml": "name: shop\nruntime:\n  name: nodejs\n  options:\n    typescript: false\n",
      "package.json": "{}",
      "index.js": `const pulumi = require("@pulumi/pulumi");\nconst k8s = require("@pulumi/kubernetes");\n${program}\n`,
      ...Object.fromEntries(Object.entries(stacks).map(([name, text]) => [`Pulumi.${name}.yaml`, text])),
      ...files,
    },
    { modules: true },
  );
}

/** Files of a pack below \`policies/\`, which is run without being named. */
export function makeGate(body: string): { [path: string]: string } {
  return {
    "policies/PulumiPolicy.yaml": "runtime: nodejs\n",
    "policies/package.json": '{"version":"1.0.0","main":"index.js"}',
    "policies/index.js": `new (require("@pulumi/policy").PolicyPack)("gate", { policies: [${policy("no-maps", body)}] });`,
  };
}

/** The text of a state with these resources. */
export const stateOf = (resources: object[]): string =>
  JSON.stringify({
    version: 3,
    deployment: {
      manifest: { time: "2026-01-01T00:00:00Z", magic: manifestMagic("v3.270.0"), version: "v3.270.0" },
      resources,
    },
  });

/** Objects of every kind in one program. */
export const program = `
const config = new pulumi.Config();
const map = new k8s.core.v1.ConfigMap("settings", { metadata: { name: "settings" }, data: { size: config.get("size") ?? "none", token: config.getSecret("token") ?? "" } });
exports.name = map.metadata.name;
exports.token = config.getSecret("token");
console.log("the program speaks");
`;
/** A pack that objects to it. */
export const gate = makeGate('if (args.type === "kubernetes:core/v1:ConfigMap") report("no ConfigMaps, please")');
