/** The process of one policy pack, run by Pulumi's own runner, with a gRPC client to it. */
import { type ChildProcess, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import grpc from "@grpc/grpc-js";
import analyzerGrpc from "@pulumi/pulumi/proto/analyzer_grpc_pb.js";
import { childEnvironment, childNodeFlags } from "./childNode.ts";
import { UserError } from "./errors.ts";
import { type ProjectStack } from "./model.ts";
import { type PackFiles } from "./policyPack.ts";

/** Messages of any size, as Pulumi's own limits are. */
const maxMessageBytes = 400 * 1024 * 1024;
/** How long a pack may take to leave by itself, in milliseconds. */
const graceMs = 2_000;

type Callback<Response> = (error: grpc.ServiceError | null, response: Response) => void;

/** A pack's process, from its start. */
export class PackProcess {
  readonly files: PackFiles;
  /** Resolves once the pack takes calls; fails with a UserError when it ends before, with what it printed. */
  readonly serving: Promise<void>;
  readonly #child: ChildProcess;
  readonly #ended: Promise<string>;
  #end: string | undefined;
  #client: analyzerGrpc.AnalyzerClient | undefined;
  #closing = false;

  /**
   * Starts the process.
   * @param dryRun what the pack's `pulumi.runtime.isDryRun()` says
   * @param extra added to its environment
   * @param onOutput given each line that the pack prints, but its port
   */
  constructor(
    files: PackFiles,
    target: ProjectStack,
    dryRun: boolean,
    extra: NodeJS.ProcessEnv,
    onOutput: (line: string) => void,
  ) {
    this.files = files;
    const child = spawn(
      process.execPath,
      // The engine's address: the runner demands one and never calls it.
      [
        ...childNodeFlags,
        files.runner,
        "127.0.0.1:0",
        files.path,
      ],
      { cwd: files.path, detached: true, stdio: ["pipe", "pipe", "pipe"], env: { ...environment(target, dryRun), ...extra } },
    );
    this.#child = child;
    this.#ended = new Promise((done) => {
      child.on("error", (error) => done(`could not be started: ${error.message}`));
      child.on("close", (code, signal) =>
        done(signal === null ? `ended with exit code ${code ?? "unknown"}` : `was ended by ${signal}`),
      );
    });
    void this.#ended.then((end) => {
      this.#end = end;
    });
    // A pack that is gone is told by #ended, not by a broken pipe.
    child.stdin.on("error", () => undefined);
    const printed: string[] = [];
    createInterface({ input: child.stderr }).on("line", (line) => {
      printed.push(line);
      onOutput(line);
    });
    const lines = createInterface({ input: child.stdout });
    const port = new Promise<string>((done) => lines.once("line", done));
    lines.on("line", (line) => {
      if (this.#client !== undefined) onOutput(line);
    });
    this.serving = this.#connect(port, printed);
    this.serving.catch(() => undefined); // whoever awaits it hears of it
  }

  async #connect(announced: Promise<string>, printed: readonly string[]): Promise<void> {
    const { path } = this.files;
    const port = await Promise.race([announced, this.#ended.then(() => undefined)]);
    if (port === undefined) {
      throw new UserError(
        `The policy pack ${path} ${await this.#ended} before it served.\n${printed.join("\n")}`.trimEnd(),
        "Mend the pack and run again.",
      );
    }
    if (!/^\d+$/.test(port.trim())) {
      this.kill();
      throw new UserError(
        `The policy pack ${path} printed ${JSON.stringify(port)} where its port is expected.`,
        "A pack must print nothing to standard output before new PolicyPack(…): use console.error.",
      );
    }
    this.#client = new analyzerGrpc.AnalyzerClient(`127.0.0.1:${port.trim()}`, grpc.credentials.createInsecure(), {
      "grpc.max_receive_message_length": maxMessageBytes,
      "grpc.max_send_message_length": maxMessageBytes,
    });
  }

  /** How the process ended, e.g. `ended with exit code 1`; undefined while it runs, or when it was asked to end. */
  get death(): string | undefined {
    return this.#closing ? undefined : this.#end;
  }

  /** Makes one call. A failed call's error carries the pack's own words in `details`. */
  async call<Response>(
    send: (client: analyzerGrpc.AnalyzerClient, done: Callback<Response>) => unknown,
  ): Promise<Response> {
    await this.serving;
    return new Promise((done, fail) => {
      if (this.#client === undefined) fail(new Error("the policy pack is not connected"));
      else send(this.#client, (error, response) => (error === null ? done(response) : fail(error)));
    });
  }

  /** Asks the process to end and waits for it; kills it when it does not within two seconds. */
  async close(): Promise<void> {
    this.#closing = true;
    this.#client?.close();
    this.#child.stdin?.end();
    const timer = setTimeout(() => this.kill(), graceMs);
    await this.#ended;
    clearTimeout(timer);
  }

  /** Kills the process and its children at once. */
  kill(): void {
    this.#closing = true;
    const { pid, exitCode, signalCode } = this.#child;
    if (pid === undefined || exitCode !== null || signalCode !== null) return;
    try {
      process.kill(-pid, "SIGKILL");
    } catch {
      this.#child.kill("SIGKILL"); // the group is gone, or the platform has none
    }
  }
}

function environment(target: ProjectStack, dryRun: boolean): NodeJS.ProcessEnv {
  const identity = {
    ORGANIZATION: target.organization,
    PROJECT: target.project,
    STACK: target.stack,
    DRY_RUN: String(dryRun),
  };
  const named = Object.entries(identity).flatMap(
    ([key, value]) =>
      [
        [`PULUMI_NODEJS_${key}`, value],
        [`PULUMI_${key}`, value],
      ] as const,
  );
  return { ...childEnvironment(target), ...Object.fromEntries(named) };
}
