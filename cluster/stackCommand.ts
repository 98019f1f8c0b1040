/**
 * `npm run up` and `npm run destroy`: the engine in a process of its own. A stack whose environment is `local` gets the local cluster,
 * unless a kubeconfig says which other one is meant.
 */
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { homedir } from "node:os";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { ClusterError, ExitCode } from "./failure.ts";
import { ensureCluster, ensureLocalStack } from "./localStack.ts";
import { defaultName, Node } from "./node.ts";
import { repository } from "./paths.ts";
import { type LocalStackFile, readStackFile } from "./stackFile.ts";

const tell = (line: string) => process.stderr.write(`${line}\n`);

/** The stack that `up` means when none is named: the one that needs nothing but this machine. */
const defaultStack = "local";

/** The options that matter before the engine reads all of them; unknown ones are its business. */
function readArguments(args: readonly string[]) {
  const { values } = parseArgs({
    args: [...args],
    strict: false,
    options: {
      stack: { type: "string", short: "s" },
      cwd: { type: "string", short: "C" },
      kubeconfig: { type: "string" },
      context: { type: "string" },
      cluster: { type: "string" },
      help: { type: "boolean", short: "h" },
    },
  });
  const text = (value: unknown): string | undefined => (typeof value === "string" ? value : undefined);
  return {
    stack: text(values.stack),
    folder: resolve(text(values.cwd) ?? "."),
    cluster: text(values.cluster),
    help: values.help === true,
    /** Somebody says which cluster is meant; the engine finds it. */
    namesCluster: values.kubeconfig !== undefined || values.context !== undefined,
  };
}

/** Runs the engine on this terminal and returns its exit status. */
async function runEngine(args: readonly string[], env: NodeJS.ProcessEnv): Promise<number> {
  const child = spawn(process.execPath, [join(repository, "engine/main.mjs"), ...args], { stdio: "inherit", env });
  // Ctrl-C reaches the engine by the terminal; it decides when to end. What is sent to this process alone is passed on.
  process.on("SIGINT", () => undefined);
  for (const signal of ["SIGTERM", "SIGHUP"] as const) process.on(signal, () => child.kill(signal));
  return await new Promise((done, fail) => {
    child.on("error", fail);
    child.on("close", (code) => done(code ?? 1));
  });
}

/** How to look at what `up` has made. */
function furtherLook(node: Node, { namespace, canary, gatewayClass }: LocalStackFile, stack: string): string[] {
  const option = node.option();
  const kubectl = `npm run cluster -- shell${option} -- kubectl --namespace ${namespace}`;
  const outside = `${node.path("bin/tools/kubectl")} --kubeconfig ${node.kubeconfig} --namespace ${namespace}`;
  const [home, entrance] = gatewayClass === "contour" ? ["contour", "envoy"] : ["traefik", "traefik"];
  const way: [string, string][] = canary
    ? [
        ["releases, as Flagger judges them", `${kubectl} get canaries --watch`],
        ["the Gateway on 127.0.0.1:8080", `${outside.replace(`--namespace ${namespace}`, `--namespace ${home}`)} port-forward service/${entrance} 8080:web`],
      ]
    : [["the service on 127.0.0.1:8080", `${outside} port-forward service/rlhf-audit-trail-service 8080:http`]];
  const rows = [
    ["pods and Services", `${kubectl} get pods,services`],
    ["logs", `${kubectl} logs --selector app=rlhf-audit-trail --follow`],
    ["a shell with kubectl", `npm run cluster -- shell${option}`],
    ...way,
    ["the cluster's parts", `npm run cluster -- status${option}`],
    ["take the stack down", `npm run destroy -- --stack ${stack}${clusterOption(node)}`],
    ["end the cluster", `npm run cluster -- down${option}`],
  ] as const;
  const width = Math.max(...rows.map(([what]) => what.length));
  return ["", "Look further:", ...rows.map(([what, command]) => `  ${what.padEnd(width)}  ${command}`)];
}

function clusterOption({ name }: Node): string {
  return name === defaultName ? "" : ` --cluster ${name}`;
}

/** Arguments without `--cluster`, which only this command knows. */
function withoutCluster(args: readonly string[]): string[] {
  return args.filter((arg, index) => arg !== "--cluster" && args[index - 1] !== "--cluster" && !arg.startsWith("--cluster="));
}

async function run(command: string, given: readonly string[]): Promise<number> {
  const { stack = command === "up" ? defaultStack : undefined, folder, cluster, help, namesCluster } = readArguments(given);
  const args = [command, ...withoutCluster(given), ...(command === "up" && !help && readArguments(given).stack === undefined ? ["--stack", defaultStack] : [])];
  const file = stack === undefined || help ? undefined : await readStackFile(folder, stack.slice(stack.lastIndexOf("/") + 1));
  const elsewhere = namesCluster || file?.namesCluster === true || (process.env.KUBECONFIG ?? "") !== "" || existsSync(join(homedir(), ".kube/config"));
  if (stack === undefined || file?.environment !== "local" || (elsewhere && cluster === undefined)) return await runEngine(args, process.env);

  const node = await prepare(command, cluster ?? defaultName, file);
  if (node === undefined) return await runEngine(args, process.env);
  // Not as an option: so the Pulumi CLI sees it, too.
  const status = await runEngine(args, { ...process.env, KUBECONFIG: node.kubeconfig });
  if (status === 0 && command === "up") for (const line of furtherLook(node, file, stack)) process.stdout.write(`${line}\n`);
  return status;
}

/** The local cluster with all that the stack needs; to take a stack down, the cluster alone, if it was ever made. */
async function prepare(command: string, name: string, file: LocalStackFile): Promise<Node | undefined> {
  if (command === "up") return await ensureLocalStack(name, file, tell);
  return existsSync(new Node(name).kubeconfig) ? await ensureCluster(name, tell) : undefined;
}

const [command = "", ...given] = process.argv.slice(2);
try {
  process.exitCode = await run(command, given);
} catch (error) {
  if (!(error instanceof ClusterError)) throw error;
  const unfit = error.exitCode === ExitCode.unfitHost;
  tell(unfit ? `No kubeconfig is given, and this machine can't make a cluster of its own. ${error.message}` : error.message);
  if (error.fix !== undefined) tell(`  ${error.fix}`);
  process.exitCode = ExitCode.failed;
}
