import { existsSync } from "node:fs";
import { copyFile, link, mkdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { basename, join } from "node:path";
import type { Readable } from "node:stream";
import { http } from "../engine/kubernetes/http.ts";
import { ClusterError, ExitCode } from "./failure.ts";
import { cniPlugins } from "./host.ts";
import type { Programs } from "./parts.ts";
import { stateFolder } from "./paths.ts";
import { mustRun, run } from "./run.ts";

/** What the launcher reads; `launcher/config.go` documents each field. */
export interface NodeSettings {
  name: string;
  state: string;
  binaries: string;
  cniPlugins: string;
  pauseImage: string;
  enforce: boolean;
  apiPort: number;
  forwards: { listen: number; target: string }[];
}

export interface PartStatus {
  name: string;
  pid: number;
  restarts: number;
  since?: string;
  ready: boolean;
  reason?: string;
}

/** What the launcher answers on its control socket. */
export interface NodeStatus {
  started: string;
  ready: boolean;
  /** Seconds from the start until each part, and `node`, was first ready. */
  milestones: Record<string, number>;
  parts: PartStatus[];
}

export interface NodeWishes {
  /** Port of 127.0.0.1 for the API server; by default the last one if it is free, or the first free from 16443 up. */
  port?: number;
  /** Further ports of 127.0.0.1: `listen` reaches `target` ("address:port") in the node's network. */
  forwards?: { listen: number; target: string }[];
  /** False leaves NetworkPolicies unenforced: the tests' negative control. */
  enforce?: boolean;
}

/** The image that holds a pod's namespaces. */
export const pauseImage = "localhost/rlhf-audit-trail/pause:1";

/** One cluster's node, running or not. */
export class Node {
  readonly name: string;
  readonly state: string;

  constructor(name: string) {
    this.name = name;
    this.state = stateFolder(name);
  }

  path(...parts: string[]): string {
    return join(this.state, ...parts);
  }

  get kubeconfig(): string {
    return this.path("kubeconfig");
  }

  /** PID 1's id on the host, or undefined. */
  async alive(): Promise<number | undefined> {
    const launcher = await this.launcher();
    if (launcher === undefined) return undefined;
    const result = await run(launcher, ["alive", this.path("launcher.json")]);
    return result.code === 0 ? Number(result.stdout) : undefined;
  }

  /** PID 1's id, or an error that says how to start it. */
  async mustBeAlive(): Promise<number> {
    const pid = await this.alive();
    if (pid === undefined) {
      throw new ClusterError(`Cluster "${this.name}" does not run.`, `Start it: npm run cluster -- up${this.option()}`, ExitCode.notRunning);
    }
    return pid;
  }

  /** The `--name` that a command line for this cluster needs, with a blank before it. */
  option(): string {
    return this.name === defaultName ? "" : ` --name ${this.name}`;
  }

  /** Starts the node unless it runs; a node that runs with other settings is refused. */
  async start(wishes: NodeWishes, programs: Programs): Promise<void> {
    const before = await this.settings();
    const running = (await this.alive()) !== undefined;
    const settings: NodeSettings = {
      name: this.name,
      state: this.state,
      binaries: this.path("bin"),
      cniPlugins,
      pauseImage,
      enforce: wishes.enforce ?? before?.enforce ?? true,
      apiPort: wishes.port ?? (running && before ? before.apiPort : await freePort(before?.apiPort)),
      forwards: wishes.forwards ?? before?.forwards ?? [],
    };
    if (running) {
      if (JSON.stringify(settings) !== JSON.stringify(before)) {
        throw new ClusterError(
          `Cluster "${this.name}" runs with other settings than asked for.`,
          `End it first: npm run cluster -- down${this.option()}`,
        );
      }
      return;
    }
    await mkdir(this.state, { recursive: true, mode: 0o700 });
    await this.copyPrograms(programs);
    await writeFile(this.path("launcher.json.new"), `${JSON.stringify(settings, undefined, 2)}\n`);
    await rename(this.path("launcher.json.new"), this.path("launcher.json"));
    await mustRun(this.path("bin/launcher"), ["start", this.path("launcher.json")]);
  }

  /** Ends the node and clears what it left outside; its folder stays. True when it ran. */
  async stop(): Promise<boolean> {
    const launcher = await this.launcher();
    if (launcher === undefined) return false;
    const ran = (await this.alive()) !== undefined;
    await mustRun(launcher, ["stop", this.path("launcher.json")]);
    return ran;
  }

  /** What the launcher says now; undefined while its socket does not answer. */
  async status(): Promise<NodeStatus | undefined> {
    return await new Promise((resolve) => {
      const asked = http.request({ socketPath: this.path("run/control.sock"), path: "/status", timeout: 5000 }, (response) => {
        let text = "";
        response.setEncoding("utf8").on("data", (part: string) => (text += part));
        response.on("end", () => resolve(JSON.parse(text) as NodeStatus));
        response.on("error", () => resolve(undefined));
      });
      asked.on("timeout", () => asked.destroy());
      asked.on("error", () => resolve(undefined));
      asked.end();
    });
  }

  /** Arguments of nsenter that run a program inside the node's namespaces. */
  async enter(program: readonly string[]): Promise<string[]> {
    const pid = await this.mustBeAlive();
    return ["--target", String(pid), "--mount", "--net", "--pid", "--ipc", "--uts", "--", ...program];
  }

  /** Runs a program inside the node's namespaces; its failure is an error. `input`: for its standard input. */
  async runInside(program: readonly string[], input?: Readable): Promise<string> {
    return await mustRun("nsenter", await this.enter(program), input === undefined ? {} : { input });
  }

  /** Runs kubectl as the cluster's administrator. */
  async kubectl(args: readonly string[], input?: string): Promise<string> {
    return await mustRun(this.path("bin/kubernetes"), ["kubectl", "--kubeconfig", this.kubeconfig, ...args], input === undefined ? {} : { input });
  }

  private async settings(): Promise<NodeSettings | undefined> {
    try {
      return JSON.parse(await readFile(this.path("launcher.json"), "utf8")) as NodeSettings;
    } catch (error) {
      if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
      throw new ClusterError(`${this.path("launcher.json")} can't be read: ${String(error)}`, `Remove the cluster's folder: rm -r ${this.state}`);
    }
  }

  private async launcher(): Promise<string | undefined> {
    const launcher = this.path("bin/launcher");
    return (await this.settings()) !== undefined && existsSync(launcher) ? launcher : undefined;
  }

  /** Links the programs into the cluster's folder: it goes on when the cache is emptied. */
  private async copyPrograms(programs: Programs): Promise<void> {
    const unfinished = this.path("bin.new");
    await rm(unfinished, { recursive: true, force: true });
    await mkdir(unfinished);
    for (const path of programs.values()) {
      const target = join(unfinished, basename(path));
      await link(path, target).catch(() => copyFile(path, target)); // the cache may be on another file system
    }
    await mkdir(join(unfinished, "tools"));
    await writeFile(join(unfinished, "tools/kubectl"), `#!/bin/sh\nexec ${this.path("bin/kubernetes")} kubectl "$@"\n`, { mode: 0o755 });
    await rm(this.path("bin"), { recursive: true, force: true });
    await rename(unfinished, this.path("bin"));
  }
}

export const defaultName = "local";

const firstPort = 16443;

/** The preferred port if 127.0.0.1 has it free, or the first free one: a stopped cluster's port may have gone to another. */
async function freePort(preferred = firstPort): Promise<number> {
  if (await isFree(preferred)) return preferred;
  for (let port = firstPort; port < firstPort + 1000; port++) {
    if (await isFree(port)) return port;
  }
  throw new ClusterError(`No free port of 127.0.0.1 from ${firstPort} to ${firstPort + 999}.`, "Name one: --port NUMBER");
}

async function isFree(port: number): Promise<boolean> {
  return await new Promise((resolve) => {
    const server = createServer();
    server.on("error", () => resolve(false));
    server.listen(port, "127.0.0.1", () => server.close(() => resolve(true)));
  });
}
