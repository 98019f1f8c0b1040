/** A copy of the local stack in a temporary folder, of which only the configuration is changed: each release is one `up`. */
import { spawn } from "node:child_process";
import { cp, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseDocument } from "yaml";
import { repository } from "../cluster/paths.ts";
import { monotonicMs } from "./switchRequests.ts";

/** What the stack is to be. A slot without an image is empty. */
export interface StackWish {
  active: "blue" | "green";
  blue?: string;
  green?: string;
  /** A duration; by default what the configuration says. */
  progressDeadline?: string;
  /** How a release is judged; by default what the configuration says. */
  bake?: Readonly<Record<string, string | number>>;
}

/** How an `up` ended. */
export interface UpEnd {
  code: number | null;
  /** Both outputs, in the order in which they came. */
  output: string;
  /** When it was started, when it first said something (its preview, whole), and when it ended; `monotonicMs`. */
  begun: number;
  spoke: number;
  done: number;
}

/** An `up` under way. */
export interface UpRun {
  /** Resolves when the output matches; rejects when it ends before. */
  printed: (pattern: RegExp) => Promise<void>;
  /** Kills it as the kernel would: it can't tell anyone. */
  kill: () => void;
  ended: Promise<UpEnd>;
}

const copied = ["package.json", "tsconfig.json", "tsconfig.pulumi.json", "index.ts", "config", "components", "policies", "compliance"];

/** A copy of the project to change the configuration of, in a temporary folder. `file`: the stack's. */
export async function copyOfProject(file: string): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "rlhf-stack-"));
  for (const path of ["Pulumi.yaml", file, ...copied]) await cp(join(repository, path), join(folder, path), { recursive: true });
  await symlink(join(repository, "node_modules"), join(folder, "node_modules"));
  return folder;
}

/** Starts `up` of a stack in such a folder. */
export function startUp(folder: string, stack: string, kubeconfig: string): UpRun {
  return startCommand(folder, [join(repository, "engine/main.mjs"), "up", "--stack", stack, "--kubeconfig", kubeconfig, "--yes"]);
}

/** Starts `delivery release` of a stack in such a folder. */
export function startRelease(folder: string, stack: string, kubeconfig: string, image: string): UpRun {
  return startCommand(folder, [join(repository, "delivery/main.mjs"), "release", "--stack", stack, "--kubeconfig", kubeconfig, "--image", image]);
}

function startCommand(folder: string, args: readonly string[]): UpRun {
  const begun = monotonicMs();
  const child = spawn(process.execPath, args, { cwd: folder, stdio: ["ignore", "pipe", "pipe"] });
  const watchers = new Set<() => void>();
  let output = "";
  let spoke = Infinity;
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (text: string) => {
      output += text;
      spoke = Math.min(spoke, monotonicMs());
      for (const watch of watchers) watch();
    });
  }
  const ended = new Promise<UpEnd>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code) => resolve({ code, output, begun, spoke, done: monotonicMs() }));
  });
  const printed = (pattern: RegExp): Promise<void> =>
    new Promise((resolve, reject) => {
      const watch = (): void => {
        if (pattern.test(output)) resolve();
      };
      watchers.add(watch);
      watch();
      void ended.then(() => reject(new Error(`ended without saying ${String(pattern)}:\n${output}`)), reject);
    });
  return { printed, kill: () => void child.kill("SIGKILL"), ended };
}

/** A stack of its own, with a state of its own. */
export class SwitchStack {
  readonly folder: string;
  readonly #kubeconfig: string;

  private constructor(folder: string, kubeconfig: string) {
    this.folder = folder;
    this.#kubeconfig = kubeconfig;
  }

  static async make(kubeconfig: string): Promise<SwitchStack> {
    return new SwitchStack(await copyOfProject("Pulumi.local.yaml"), kubeconfig);
  }

  /** Writes the wish into the stack's configuration and makes it true. */
  async up(wish: StackWish): Promise<UpEnd> {
    return await (await this.start(wish)).ended;
  }

  /** As `up`, and fails with its words unless it ends well. */
  async mustUp(wish: StackWish): Promise<UpEnd> {
    const end = await this.up(wish);
    if (end.code !== 0) throw new Error(`up to ${JSON.stringify(wish)} ended with ${String(end.code)}:\n${end.output}`);
    return end;
  }

  /** Starts what `up` does. */
  async start(wish: StackWish): Promise<UpRun> {
    await this.#write(wish);
    return startUp(this.folder, "local", this.#kubeconfig);
  }

  async #write({ active, blue, green, progressDeadline, bake }: StackWish): Promise<void> {
    const document = parseDocument(await readFile(join(repository, "Pulumi.local.yaml"), "utf8"));
    const slots = { ...(blue !== undefined && { blue: { image: blue } }), ...(green !== undefined && { green: { image: green } }) };
    document.setIn(["config", "rlhf-audit-trail:blueGreen"], { active, slots, ...(progressDeadline !== undefined && { progressDeadline }), ...(bake !== undefined && { bake }) });
    await writeFile(join(this.folder, "Pulumi.local.yaml"), document.toString());
  }

  /** Removes the folder; what is in the cluster stays. */
  async remove(): Promise<void> {
    await rm(this.folder, { recursive: true, force: true });
  }
}
