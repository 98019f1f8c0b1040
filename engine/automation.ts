/** `--engine pulumi`: the same commands by the Pulumi CLI, through the Automation API. */
import { execFile } from "node:child_process";
import { delimiter, join } from "node:path";
import { promisify } from "node:util";
import automation from "@pulumi/pulumi/automation/index.js";
import { deserializeResource, type SerializedResource } from "./deployment.ts";
import { EventCollector, ownWords } from "./automationEvents.ts";
import { Interrupted, UserError } from "./errors.ts";
import type { PropertyMap, ResourceState } from "./model.ts";
import { makePlan, type Plan } from "./plan.ts";
import { type Terminal } from "./progress.ts";
import type { Project } from "./project.ts";
import { identify } from "./stackRun.ts";

export interface CliOptions {
  packs: { path: string; configPath?: string }[];
  /** What the CLI's environment has besides. */
  environment: NodeJS.ProcessEnv;
  diff: boolean;
  debug: boolean;
  /** Compare the recorded objects with the real ones first. */
  refresh: boolean;
  terminal: Terminal;
  signal: AbortSignal;
}

/** One command of the CLI and what came of it. `outputs`: the stack's, secrets as `[secret]`. */
export interface CliRun {
  plan: Plan;
  outputs: PropertyMap;
}

/** What the stack's configuration says of the cluster. */
interface ClusterConfiguration {
  kubeconfig: string | undefined;
  context: string | undefined;
}

const execute = promisify(execFile);

/** The stack is not the CLI's: none is there, or its backend does not know the stack. */
export class NoCliStack extends UserError {}

/** A stack of the CLI's backend. */
export class CliStack {
  readonly #project: Project;
  readonly #name: string;
  readonly #stack: automation.Stack;
  readonly #options: CliOptions;

  private constructor(project: Project, name: string, stack: automation.Stack, options: CliOptions) {
    this.#project = project;
    this.#name = name;
    this.#stack = stack;
    this.#options = options;
  }

  /** @throws UserError when there is no CLI, it cannot select the stack, or packs and their configurations do not pair */
  static async open(project: Project, name: string, options: CliOptions): Promise<CliStack> {
    const configured = options.packs.filter(({ configPath }) => configPath !== undefined).length;
    if (configured > 0 && configured < options.packs.length) {
      throw new UserError(
        "The Pulumi CLI takes policy configurations for all packs or for none.",
        "Name a --policy-pack-config for each --policy-pack.",
      );
    }
    return new CliStack(project, name, await selectStack(project, name, options.environment), options);
  }

  /** Runs a command, whose own output is shown. Problems of the stack are part of the plan, not thrown. */
  async run(kind: Plan["kind"]): Promise<CliRun> {
    const { packs, diff, debug, refresh, terminal, signal } = this.#options;
    const started = performance.now();
    const collected = new EventCollector();
    const show = (text: string): void => terminal.write(text);
    const shared = {
      debug,
      diff,
      refresh,
      color: terminal.isTTY ? ("always" as const) : ("never" as const),
      signal: forCli(signal),
      onOutput: show,
      onError: show,
      onEvent: (event: Parameters<EventCollector["take"]>[0]) => collected.take(event),
    };
    const configs = packs.map(({ configPath }) => configPath).filter((path) => path !== undefined);
    const judged = { ...shared, policyPacks: packs.map(({ path }) => path), policyPackConfigs: configs };
    try {
      if (kind === "preview") await this.#stack.preview(judged);
      else if (kind === "update") await this.#stack.up(judged);
      else await this.#stack.destroy(shared);
    } catch (error) {
      signal.throwIfAborted();
      collected.failed(error);
    }
    // A command that ended well all the same was still interrupted.
    signal.throwIfAborted();
    const result = collected.result(performance.now() - started);
    return { plan: makePlan(kind, identify(this.#project, this.#name), result), outputs: result.outputs };
  }

  /**
   * Number of resources that the backend records.
   * @throws UserError when the CLI can't read them
   */
  async size(): Promise<number> {
    return (await this.#recorded()).length;
  }

  /**
   * What the backend records; secrets stay closed, as `[secret]`.
   * @throws UserError when the CLI can't read it
   */
  async resources(): Promise<ResourceState[]> {
    return (await this.#recorded()).map((resource) => deserializeResource(resource, closed));
  }

  /** Not `exportStack` of the Automation API: that one has every secret opened. */
  async #recorded(): Promise<SerializedResource[]> {
    const { pulumiCommand, workDir, envVars } = this.#stack.workspace;
    try {
      const args = ["stack", "export", "--stack", this.#name, "--non-interactive"];
      const { stdout } = await execute(pulumiCommand.command, args, { cwd: workDir, env: { ...process.env, ...envVars }, maxBuffer: Infinity });
      const { deployment } = JSON.parse(stdout) as { deployment: { resources?: SerializedResource[] } | null };
      return deployment?.resources ?? [];
    } catch (cause) {
      throw cannot("read the state of", this.#name, cause);
    }
  }

  /**
   * The stack's configuration, by key with namespace.
   * @throws UserError when the CLI can't read it, as with another passphrase
   */
  async configuration(): Promise<Record<string, string>> {
    try {
      return Object.fromEntries(Object.entries(await this.#stack.getAllConfig()).map(([key, { value }]) => [key, value]));
    } catch (cause) {
      throw cannot("read the configuration of", this.#name, cause);
    }
  }

  /** What the stack's configuration says of the cluster. */
  async cluster(): Promise<ClusterConfiguration> {
    const { "kubernetes:kubeconfig": kubeconfig, "kubernetes:context": context } = await this.configuration();
    return { kubeconfig, context };
  }
}

/** Opens nothing. */
const closed = { decrypt: (): string => JSON.stringify("[secret]") };

/** A person's Ctrl-C reaches the CLI from the terminal itself; a second interrupt from us would make it stop without recording. */
function forCli(signal: AbortSignal): AbortSignal {
  const passed = new AbortController();
  const fromTerminal = (): boolean => process.stdin.isTTY && signal.reason instanceof Interrupted && signal.reason.signal === "SIGINT";
  signal.addEventListener("abort", () => (fromTerminal() ? undefined : passed.abort(signal.reason)));
  return passed.signal;
}

/** What the CLI could not do, in its own words: of a passphrase or a lock they tell the way out. */
function cannot(what: string, stack: string, cause: unknown): UserError {
  return new UserError(`The Pulumi CLI cannot ${what} the stack ${stack}: ${ownWords(cause)}`, undefined, { cause });
}

/** A PATH in which a CLI of the machine goes before the project's package that downloads one: npm puts its folders first. */
function installedFirst(path: string): string {
  const ofPackages = (folder: string): boolean => folder.endsWith(join("node_modules", ".bin"));
  const folders = path.split(delimiter);
  return [...folders.filter((folder) => !ofPackages(folder)), ...folders.filter(ofPackages)].join(delimiter);
}

async function findCli(): Promise<automation.PulumiCommand> {
  process.env["PATH"] = installedFirst(process.env["PATH"] ?? "");
  try {
    return await automation.PulumiCommand.get();
  } catch (cause) {
    throw new NoCliStack(
      `The Pulumi CLI is not there, or does not run: ${ownWords(cause)}`,
      "Where the network allows, npx pulumi version downloads it; or leave out --engine pulumi: the embedded engine needs no CLI.",
      { cause },
    );
  }
}

async function selectStack(project: Project, stack: string, environment: NodeJS.ProcessEnv): Promise<automation.Stack> {
  const pulumiCommand = await findCli();
  const given = Object.entries(environment).filter((entry): entry is [string, string] => entry[1] !== undefined);
  try {
    return await automation.LocalWorkspace.selectStack({ stackName: stack, workDir: project.root }, { pulumiCommand, envVars: Object.fromEntries(given) });
  } catch (cause) {
    const failure = cannot("select", stack, cause);
    if (!(cause instanceof automation.StackNotFoundError) && !failure.message.includes("PULUMI_ACCESS_TOKEN must be set")) throw failure;
    throw new NoCliStack(
      failure.message,
      `Log in to the backend that has it (pulumi login; file://~ for files), or make it: pulumi stack init ${stack}.`,
      { cause },
    );
  }
}
