/** Load on a Service of the local cluster, made inside the node's network, and all that was answered. */
import { type ChildProcess, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import type { Node } from "../cluster/node.ts";
import { type Answer, type Connecting, programPath, type RequestPlan } from "./switchRequests.ts";

/** 200 requests a second; ends by itself after four hours or three million requests. */
const usual: Omit<RequestPlan, "address"> = {
  port: 80,
  path: "/version",
  rate: 200,
  keptClients: 20,
  idleClients: 3,
  // Longer than a connection lives: each of its requests would come over an old one, were idle connections not ended.
  idleEveryMs: 12_000,
  maxRequests: 3_000_000,
  maxSeconds: 14_400,
};

/** A condition that does not come true in this time never will, on a machine far slower than this one. */
const patienceMs = 180_000;

/** Which client asked: those with a connection of their own have a number, and all that connect anew are one. */
export function clientOf({ connecting, client }: Pick<Answer, "connecting" | "client">): string {
  return `${connecting} ${client}`;
}

/** Requests to a Service, under way until `stop`. */
export class SwitchLoad {
  /** Every request that has ended, in the order of their ends. */
  readonly answers: Answer[] = [];
  /** All of its clients, as `clientOf` names them. */
  readonly clients: readonly string[];
  readonly #child: ChildProcess;
  readonly #ended: Promise<number | null>;
  readonly #watchers = new Set<() => void>();
  #complaints = "";

  private constructor(child: ChildProcess, { keptClients, idleClients }: RequestPlan) {
    const named = (connecting: Connecting, count: number): string[] => Array.from({ length: count }, (_, client) => clientOf({ connecting, client }));
    this.clients = [...named("new", 1), ...named("kept", keptClients), ...named("idle", idleClients)];
    this.#child = child;
    this.#ended = new Promise((resolve, reject) => child.once("error", reject).once("close", resolve));
    if (child.stdout === null || child.stderr === null) throw new Error("the load was started without pipes");
    child.stderr.setEncoding("utf8").on("data", (text: string) => (this.#complaints += text));
    createInterface({ input: child.stdout }).on("line", (line) => {
      this.answers.push(JSON.parse(line) as Answer);
      for (const watch of this.#watchers) watch();
    });
  }

  /** Starts it and returns with its first answer. `address`: the Service's cluster address. */
  static async start(node: Node, address: string, change: Partial<RequestPlan> = {}): Promise<SwitchLoad> {
    const plan: RequestPlan = { ...usual, ...change, address };
    const inside = ["--target", String(await node.mustBeAlive()), "--net", "--", process.execPath, programPath, JSON.stringify(plan)];
    const load = new SwitchLoad(spawn("nsenter", inside, { stdio: ["pipe", "pipe", "pipe"] }), plan);
    await load.until("the first answer", () => load.answers.length > 0);
    return load;
  }

  /** Asks again with every answer until it holds. Rejects when the load ends before, or when it takes far too long. */
  async until(what: string, holds: () => boolean): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<undefined>();
    const watch = (): void => {
      if (holds()) resolve(undefined);
    };
    const timer = setTimeout(() => reject(new Error(`not within ${patienceMs / 1000} s of load: ${what}`)), patienceMs);
    this.#watchers.add(watch);
    void this.#ended.then((code) => reject(new Error(`the load ended (${String(code)}) before: ${what}. ${this.#complaints}`)), reject);
    try {
      watch();
      await promise;
    } finally {
      clearTimeout(timer);
      this.#watchers.delete(watch);
    }
  }

  /** Waits for so many more answers. */
  async more(count: number): Promise<void> {
    const goal = this.answers.length + count;
    await this.until(`${count} more answers`, () => this.answers.length >= goal);
  }

  /** Why requests failed, each reason once with how often and between which moments of the load, in seconds; empty when none has. */
  failures(): string[] {
    const [first] = this.answers;
    const failed = this.answers.filter(({ failure }) => failure !== undefined);
    const second = (time: number): string => ((time - (first?.sent ?? 0)) / 1000).toFixed(2);
    return [...Map.groupBy(failed, ({ connecting, reused, failure }) => `${connecting}${reused ? ", connection used before" : ""}: ${String(failure)}`)].map(
      ([reason, all]) => `${all.length} × ${reason} (sent from second ${second(Math.min(...all.map(({ sent }) => sent)))} to ${second(Math.max(...all.map(({ sent }) => sent)))})`,
    );
  }

  /** Ends it once all that was asked is answered. */
  async stop(): Promise<void> {
    this.#child.stdin?.end();
    const code = await this.#ended;
    if (code !== 0) throw new Error(`the load ended with ${String(code)}: ${this.#complaints}`);
  }
}
