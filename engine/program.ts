/** The Pulumi program in its own process, run by the SDK's own runner. */
import { spawn, type ChildProcess } from "node:child_process";
import { createRequire } from "node:module";
import { join } from "node:path";
import { childEnvironment, childNodeFlags } from "./childNode.ts";
import { UserError } from "./errors.ts";
import type { ProjectStack } from "./model.ts";

/** The runner's exit code for "the user has been told what is wrong". */
const ALREADY_REPORTED = 32;
/** How long the process may take to leave after SIGINT, in milliseconds. */
const GRACE_MS = 2_000;

export interface ProgramOptions {
  target: ProjectStack;
  preview: boolean;
  parallel: number;
  /** Whether its debug messages are wanted. */
  debug: boolean;
  /** Address of the server that has the monitor and the engine service. */
  address: string;
  onOutput: (stream: "stdout" | "stderr", text: string) => void;
}

/** How the process ended. `reported`: it has said itself, by its log or on stderr, what was wrong. */
export interface ProgramEnd {
  code: number | null;
  signal: NodeJS.Signals | null;
  reported: boolean;
}

export class Program {
  /** Resolves when the process is gone and all its output was passed on. Rejects when it could not be started. */
  readonly ended: Promise<ProgramEnd>;
  readonly #child: ChildProcess;

  /** Starts the process, as the leader of a process group of its own. */
  constructor(options: ProgramOptions) {
    const { target, onOutput } = options;
    const cwd = target.pwd ?? target.root;
    this.#child = spawn(process.execPath, [...childNodeFlags, ...splitWords(target.runtime.nodeargs ?? ""), ...programArguments(options, cwd)], {
      cwd,
      detached: true,
      env: programEnvironment(options),
      stdio: ["pipe", "pipe", "pipe"],
    });
    for (const stream of ["stdout", "stderr"] as const) {
      this.#child[stream]?.setEncoding("utf8").on("data", (text: string) => onOutput(stream, text));
    }
    // A process that is gone is told by its end, not by a broken pipe.
    this.#child.stdin?.on("error", () => undefined);
    this.ended = new Promise((resolve, reject) => {
      this.#child.on("error", (cause) => reject(new UserError(`The program could not be started: ${cause.message}`, undefined, { cause })));
      this.#child.on("close", (code, signal) => resolve({ code, signal, reported: code === ALREADY_REPORTED }));
    });
    this.ended.catch(() => undefined); // whoever awaits it hears of it
  }

  /** Its process id, which is also that of its group; undefined when it could not be started. */
  get pid(): number | undefined {
    return this.#child.pid;
  }

  /** Asks the process and its children to end, kills them when they do not within two seconds, and waits until they are gone. */
  async stop(): Promise<void> {
    const { exitCode, signalCode } = this.#child;
    if (this.#child.pid === undefined || exitCode !== null || signalCode !== null) return;
    this.#signal("SIGINT");
    const timer = setTimeout(() => this.kill(), GRACE_MS);
    await this.ended.catch(() => undefined);
    clearTimeout(timer);
  }

  /** Kills the process and its children at once. */
  kill(): void {
    this.#signal("SIGKILL");
  }

  #signal(signal: NodeJS.Signals): void {
    const { pid } = this.#child;
    if (pid === undefined) return;
    try {
      process.kill(-pid, signal);
    } catch {
      this.#child.kill(signal); // the group is gone, or the platform has none
    }
  }
}

function programArguments({ target, preview, parallel, address }: ProgramOptions, cwd: string): string[] {
  const args: string[] = [
    runnerPath(cwd),
    "--monitor",
    address,
    "--engine",
    address,
    "--organization",
    target.organization,
    "--project",
    target.project,
    "--root-directory",
    target.root,
    "--stack",
    target.stack,
    "--pwd",
    cwd,
  ];
  if (preview) args.push("--dry-run");
  return [...args, "--parallel", String(parallel), target.main];
}

function runnerPath(cwd: string): string {
  try {
    return createRequire(join(cwd, "package.json")).resolve("@pulumi/pulumi/cmd/run/index.js");
  } catch (cause) {
    throw new UserError(`The Pulumi SDK is not installed for the program in ${cwd}.`, "Run npm ci there.", { cause });
  }
}

function programEnvironment({ target, debug }: ProgramOptions): NodeJS.ProcessEnv {
  const { root, runtime } = target;
  return {
    ...childEnvironment(target),
    RLHF_ENGINE_TRANSPILED: join(root, "node_modules", ".cache", "transpiled"),
    ...(debug && { RLHF_ENGINE_DEBUG: "true" }),
    ...(runtime.typescript ? { PULUMI_NODEJS_TYPESCRIPT: "true" } : {}),
    ...(runtime.tsconfig === undefined ? {} : { PULUMI_NODEJS_TSCONFIG_PATH: runtime.tsconfig }),
  };
}

/** Splits arguments at spaces; single and double quotes keep them together. */
export function splitWords(text: string): string[] {
  return [...text.matchAll(/(?:"[^"]*"|'[^']*'|[^\s"'])+/g)].map(([word]) => word.replaceAll(/"([^"]*)"|'([^']*)'/g, "$1$2"));
}
