/** A stack on a local cluster, with users, a ledger, and the release command as people run it: for rehearsals and their tests. */
import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { join } from "node:path";
import type { Node } from "../cluster/node.ts";
import { repository } from "../cluster/paths.ts";
import { mustRun } from "../cluster/run.ts";
import type { ReleaseEvent } from "../delivery/releaseEvents.ts";
import type { FaultSettings } from "../services/audit-trail/fault-settings.ts";
import { SwitchLoad } from "./switchLoad.ts";
import { type Answer, monotonicMs } from "./switchRequests.ts";
import { SwitchStack } from "./switchStack.ts";
import { SwitchWatch } from "./switchWatch.ts";

/** What a command told, and when this process was told (`monotonicMs`). */
export interface Told {
  readonly event: ReleaseEvent;
  readonly at: number;
}

/** How a command ended. */
export interface CommandEnd {
  /** null when it was killed. */
  readonly code: number | null;
  readonly told: readonly Told[];
  readonly errors: string;
  readonly begun: number;
  readonly done: number;
}

/** A command under way. */
export interface CommandRun {
  /** Resolves when it is told; rejects when the command ends before. */
  readonly reached: (step: ReleaseEvent["step"]) => Promise<void>;
  /** As the kernel would: it can't tell anyone. */
  readonly kill: () => void;
  readonly ended: Promise<CommandEnd>;
}

const service = "rlhf-audit-trail-service";

export class ReleaseScene {
  readonly stack: SwitchStack;
  readonly watch: SwitchWatch;
  /** Asks who answers. */
  readonly load: SwitchLoad;
  /** Asks the service's own routes: what faults show in. */
  readonly users: SwitchLoad;
  /** What commands reach the cluster by. */
  kubeconfig: string;
  readonly #node: Node;

  private constructor(node: Node, stack: SwitchStack, watch: SwitchWatch, load: SwitchLoad, users: SwitchLoad) {
    this.#node = node;
    this.kubeconfig = node.kubeconfig;
    this.stack = stack;
    this.watch = watch;
    this.load = load;
    this.users = users;
  }

  /**
   * Makes the first version true, begins a ledger and lets users in.
   * @param rates requests a second: those that ask who answers, and those of the service's users
   */
  static async open(node: Node, first: string, bake: Readonly<Record<string, string | number>>, rates = { load: 50, users: 50 }): Promise<ReleaseScene> {
    const stack = await SwitchStack.make(node.kubeconfig);
    await stack.mustUp({ active: "blue", blue: first, progressDeadline: "15s", bake });
    const delivery = async (...args: string[]) => await mustRun(process.execPath, [join(repository, "delivery/main.mjs"), ...args], { cwd: stack.folder });
    await delivery("ledger", "keygen", "rehearsal.example/releases");
    await delivery("ledger", "init");
    const address = await node.kubectl(["get", "service", service, "--namespace=local", "--output=jsonpath={.spec.clusterIP}"]);
    const watch = await SwitchWatch.open(node.kubeconfig, "local", service);
    const load = await SwitchLoad.start(node, address, { rate: rates.load, keptClients: 5, idleClients: 1 });
    const users = await SwitchLoad.start(node, address, { rate: rates.users, keptClients: 5, idleClients: 1, path: "/v1/chain/head" });
    return new ReleaseScene(node, stack, watch, load, users);
  }

  /** Starts `delivery` with these words in the stack's folder. */
  start(...words: string[]): CommandRun {
    const begun = monotonicMs();
    const args = [join(repository, "delivery/main.mjs"), ...words, "--stack", "local", "--kubeconfig", this.kubeconfig, "--json"];
    const child = spawn(process.execPath, args, { cwd: this.stack.folder, stdio: ["ignore", "pipe", "pipe"] });
    const told: Told[] = [];
    const watchers = new Set<() => void>();
    let errors = "";
    child.stderr.setEncoding("utf8").on("data", (text: string) => (errors += text));
    createInterface({ input: child.stdout }).on("line", (line) => {
      const document = JSON.parse(line) as ReleaseEvent | { readonly error: { readonly message: string } };
      if ("error" in document) errors += `${document.error.message}\n`;
      else told.push({ event: document, at: monotonicMs() });
      for (const watch of watchers) watch();
    });
    const ended = new Promise<CommandEnd>((resolve, reject) => {
      child.once("error", reject);
      child.once("close", (code) => resolve({ code, told, errors, begun, done: monotonicMs() }));
    });
    const reached = (step: ReleaseEvent["step"]): Promise<void> =>
      new Promise((resolve, reject) => {
        const watch = (): void => {
          if (told.some(({ event }) => event.step === step)) resolve();
        };
        watchers.add(watch);
        watch();
        void ended.then(({ code }) => reject(new Error(`ended with ${String(code)} before ${step}: ${errors}`)), reject);
      });
    return { reached, kill: () => void child.kill("SIGKILL"), ended };
  }

  async run(...words: string[]): Promise<CommandEnd> {
    return await this.start(...words).ended;
  }

  /** Makes the pods of an image bad while they serve: what no verification can see before. The image must have been born with faults enabled. */
  async inject(image: string, faults: Partial<FaultSettings>): Promise<void> {
    const ask = `fetch("http://127.0.0.1:8001/admin/faults", { method: "PUT", headers: { "content-type": "application/json" }, body: ${JSON.stringify(JSON.stringify(faults))} }).then((answer) => process.exit(answer.ok ? 0 : 1))`;
    const { items } = JSON.parse(await this.#node.kubectl(["get", "pods", "--namespace=local", "--selector=app=rlhf-audit-trail", "--output=json"])) as {
      items: { metadata: { name: string; deletionTimestamp?: string }; spec: { containers: { image: string }[] } }[];
    };
    for (const { metadata, spec } of items) {
      if (metadata.deletionTimestamp === undefined && spec.containers.some((container) => container.image === image)) {
        await this.#node.kubectl(["exec", "--namespace=local", metadata.name, "--", "node", "-e", ask]);
      }
    }
  }

  /** What `ledger verify` says; rejects unless it verifies. */
  async verifyLedger(): Promise<string> {
    return await mustRun(process.execPath, [join(repository, "delivery/main.mjs"), "ledger", "verify", ".delivery/ledger", "--key", ".delivery/ledger.pub"], { cwd: this.stack.folder });
  }

  /** Both loads' answers that were sent since. */
  since(time: number): Answer[] {
    return [...this.load.answers, ...this.users.answers].filter(({ sent }) => sent >= time).sort((a, b) => a.answered - b.answered);
  }

  async close(): Promise<void> {
    this.watch.close();
    await this.load.stop();
    await this.users.stop();
    await this.stack.remove();
  }
}
