/** The local cluster's command line: `npm run cluster -- up|down|status|kubeconfig|logs|shell|add|image`. */
import { Command, CommanderError, InvalidArgumentError } from "commander";
import { outliveReader } from "../engine/outliveReader.ts";
import type { AddOptions } from "./add.ts";
import { ClusterError, ExitCode } from "./failure.ts";
import { defaultName, type NodeWishes } from "./node.ts";

const tell = (line: string) => process.stderr.write(`${line}\n`);

interface Options {
  name: string;
}

outliveReader();

const program = new Command("cluster")
  .description("A real Kubernetes of one node, on this machine and reached only from it.")
  .showHelpAfterError("Run with --help for the commands.")
  .exitOverride();

function command(name: string, description: string): Command {
  return program.command(name).description(description).option("--name <name>", "which cluster; several can run side by side", defaultName);
}

command("up", "start the cluster, or repair it; the first time builds it, for minutes")
  .option("--port <port>", "port of 127.0.0.1 for the API server (default: the last one, or the first free from 16443)", portNumber)
  .option("--forward <listen:target...>", "further ports of 127.0.0.1, such as 8080:10.245.0.1:30080 for a NodePort", forward)
  .option("--no-enforce", "leave NetworkPolicies unenforced (a test's negative control)")
  .action(async (options: Options & { port?: number; forward?: NodeWishes["forwards"]; enforce: boolean }) => {
    const { up } = await import("./up.ts");
    const wishes: NodeWishes = {
      ...(options.port === undefined ? {} : { port: options.port }),
      ...(options.forward === undefined ? {} : { forwards: options.forward }),
      ...(options.enforce ? {} : { enforce: false }),
    };
    const node = await up(options.name, wishes, tell);
    tell(`export KUBECONFIG=${node.kubeconfig}`);
  });

command("down", "end the cluster; its data stays in its folder")
  .option("--purge", "remove its folder, too", false)
  .action(async (options: Options & { purge: boolean }) => {
    const { down } = await import("./down.ts");
    await down(options.name, options.purge, tell);
  });

command("status", "what runs, since when, and why not")
  .option("--json", "for programs", false)
  .action(async (options: Options & { json: boolean }) => {
    const { status } = await import("./status.ts");
    process.exitCode = await status(options.name, options.json);
  });

command("kubeconfig", "print the path of the kubeconfig file")
  .option("--raw", "print the file itself, which holds the administrator's key", false)
  .action(async (options: Options & { raw: boolean }) => {
    const { kubeconfig } = await import("./status.ts");
    process.stdout.write(await kubeconfig(options.name, options.raw));
  });

command("logs", "print a part's log; without a part, name them")
  .argument("[part]", "kubelet, kube-apiserver, launcher, …")
  .option("-f, --follow", "go on as it grows", false)
  .action(async (part: string | undefined, options: Options & { follow: boolean }) => {
    const { logs } = await import("./status.ts");
    process.exitCode = await logs(options.name, part, options.follow);
  });

command("shell", "open a shell inside the node's namespaces, with kubectl and ctr; or run one program there")
  .argument("[program...]", "program and arguments, after --")
  .action(async (words: string[], options: Options) => {
    const { shell } = await import("./shell.ts");
    process.exitCode = await shell(options.name, words);
  });

command("add", "add something to a running cluster")
  .argument("<what>", "data: PostgreSQL and Redis, and the Secret that the local stack refers to; canary: Flagger, Gateway API, Traefik and Prometheus; contour: Contour and Envoy, a data plane that mirrors and keeps sessions; gates: what Flagger asks")
  .option("--namespace <namespace>", "the stack's namespace: of the Secret, whose Gateway Contour serves, and whose releases the gates judge", "local")
  .option("--gates-namespace <namespace>", "where the gates run (default: the stack's namespace)")
  .option("--trust <file>", "keys that count for the gates; needed the first time")
  .option("--set <name=value...>", "a setting of the gates, such as ENVIRONMENT=staging", setting)
  .action(async (what: string, { name, namespace, ...rest }: Options & { namespace: string } & AddOptions) => {
    const { add } = await import("./add.ts");
    await add(what, name, namespace, tell, rest);
  });

command("image", "build a service's image, load it, and print the reference for the stack's configuration")
  .option("--service <name>", "audit-trail or gates", "audit-trail")
  .option("--label <name=value>", "a label that makes it another image with another digest", undefined)
  .action(async (options: Options & { service: string; label?: string }) => {
    const { serviceImage } = await import("./workload.ts");
    process.stdout.write(`${await serviceImage(options.name, options.service, options.label, tell)}\n`);
  });

function portNumber(text: string): number {
  const port = Number(text);
  if (!Number.isInteger(port) || port < 1 || port > 65535) throw new InvalidArgumentError("a port is a whole number from 1 to 65535.");
  return port;
}

function setting(text: string, before: Readonly<Record<string, string>> = {}): Record<string, string> {
  const [, name, value] = /^([A-Z][A-Z0-9_]*)=(.*)$/.exec(text) ?? [];
  if (name === undefined || value === undefined) throw new InvalidArgumentError("write NAME=VALUE, for example ENVIRONMENT=staging.");
  return { ...before, [name]: value };
}

function forward(text: string, before: NodeWishes["forwards"] = []): NonNullable<NodeWishes["forwards"]> {
  const match = /^(\d+):(\d+\.\d+\.\d+\.\d+):(\d+)$/.exec(text);
  const [, listen = "", address = "", port = ""] = match ?? [];
  if (match === null) throw new InvalidArgumentError("write PORT:ADDRESS:PORT, for example 8080:10.245.0.1:30080.");
  return [...before, { listen: portNumber(listen), target: `${address}:${portNumber(port)}` }];
}

try {
  await program.parseAsync();
} catch (error) {
  if (error instanceof ClusterError) {
    tell(error.message);
    if (error.fix !== undefined) tell(`  ${error.fix}`);
    process.exitCode = error.exitCode;
  } else if (error instanceof CommanderError) {
    process.exitCode = error.exitCode === 0 ? ExitCode.ok : ExitCode.usage;
  } else {
    const debug = process.env.CLUSTER_DEBUG !== undefined && error instanceof Error;
    tell(debug ? String(error.stack) : `${String(error)} (an unexpected error: CLUSTER_DEBUG=1 shows where it came from)`);
    process.exitCode = ExitCode.failed;
  }
}
