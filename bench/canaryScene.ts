/** The canary stack on a cluster under load, and what one release of it looked like from outside. */
import { add } from "../cluster/add.ts";
import type { Node } from "../cluster/node.ts";
import { digestOf } from "../delivery/image.ts";
import { CanaryStack, canaryNames, type CanaryWish, entrances } from "./canaryStack.ts";
import { CanaryWatch, type Told } from "./canaryWatch.ts";
import { SwitchLoad } from "./switchLoad.ts";
import type { Answer, RequestPlan } from "./switchRequests.ts";
import type { UpEnd } from "./switchStack.ts";

/** Requests that take longer count as slow; the stacks' bound. */
const slowMs = 500;

/** Phases in which another release is taken. */
const settled = new Set(["Initialized", "Succeeded", "Failed"]);

/** One release. Times in seconds. */
export interface Outcome {
  end: UpEnd;
  phases: string[];
  weights: number[];
  /** From Flagger's first look at the revision to its verdict; undefined when it never looked. */
  judged: number | undefined;
  /** From the new version's first request to its last; undefined when it had none. */
  exposed: number | undefined;
  /** From the first bad answer to the moment at which all traffic is on the old version; undefined without bad answers. */
  takenBack: number | undefined;
  requests: number;
  /** Answers of the new version. */
  fresh: number;
  bad: Answer[];
  slow: number;
}

export class CanaryScene {
  readonly node: Node;
  readonly stack: CanaryStack;
  readonly watch: CanaryWatch;
  load: SwitchLoad | undefined;
  /** Where users come in, once it has begun. */
  address = "";

  private constructor(node: Node, stack: CanaryStack) {
    this.node = node;
    this.stack = stack;
    this.watch = new CanaryWatch(node.kubeconfig);
  }

  /** Adds to a running cluster what the stack needs. */
  static async make(node: Node, tell: (line: string) => void): Promise<CanaryScene> {
    await add("canary", node.name, canaryNames.namespace, tell);
    await add("data", node.name, canaryNames.namespace, tell);
    return new CanaryScene(node, await CanaryStack.make(node.kubeconfig));
  }

  /**
   * The first deployment, and the load: `rate` requests a second to the Gateway, half of them over new connections. Again, with the version
   * that has the traffic: moves stack and users to another data plane.
   */
  async begin(wish: CanaryWish, rate: number, plan: Partial<RequestPlan> = {}): Promise<void> {
    const { plane = "traefik" } = wish;
    const moves = this.load !== undefined;
    await this.load?.stop();
    const { code, output } = await (await this.stack.start(wish)).ended;
    if (code !== 0) throw new Error(`the deployment ended with ${String(code)}:\n${output}`);
    // Traefik leaves the former data plane's word on the route, and Flagger would wait for a newer one; of a route that it makes anew only Traefik speaks.
    if (moves && plane === "traefik") {
      const route = [`httproute/${canaryNames.app}`, `--namespace=${canaryNames.namespace}`];
      await this.node.kubectl(["delete", ...route]);
      await this.node.kubectl(["wait", ...route, "--for=create", "--timeout=180s"]);
    }
    this.address = await this.node.kubectl(["get", "service", entrances[plane], `--namespace=${plane}`, "--output=jsonpath={.spec.clusterIP}"]);
    this.load = await SwitchLoad.start(this.node, this.address, { rate, host: canaryNames.hostname, idleClients: 0, ...plan });
    // Each proxy learns of the route by itself, and clients may be there before: what counts begins when all are answered.
    await this.load.until("two seconds without a failure", () => this.load?.answers.slice(-2 * rate).every(({ failure }) => failure === undefined) === true && this.load.answers.length > 2 * rate);
  }

  /** Makes one release and waits for its end, and for the requests of two more seconds. `meanwhile` runs beside it. */
  async release(wish: CanaryWish, meanwhile: () => Promise<unknown> = () => Promise.resolve()): Promise<Outcome> {
    const { load, watch } = this;
    if (load === undefined) throw new Error("the scene has not begun");
    // A verdict that is still to come would refuse this one.
    await watch.until("no release is being judged", () => settled.has(watch.phases.at(-1)?.value ?? ""));
    const [from, phase, weight] = [load.answers.length, watch.phases.length, watch.weights.length];
    const run = await this.stack.start(wish);
    const [end] = await Promise.all([run.ended, meanwhile()]);
    await load.more(100);
    const answers = load.answers.slice(from);
    return outcome(end, answers, { phases: watch.phases.slice(phase), weights: watch.weights.slice(weight) }, digestOf(wish.image));
  }

  async end(): Promise<void> {
    this.watch.close();
    await this.load?.stop();
    await this.stack.remove();
  }
}

function outcome(end: UpEnd, answers: readonly Answer[], told: { phases: Told<string>[]; weights: Told<number>[] }, digest: string): Outcome {
  const seconds = (from: number | undefined, to: number | undefined): number | undefined => (from === undefined || to === undefined ? undefined : (to - from) / 1000);
  const fresh = answers.filter((answer) => answer.digest === digest);
  const slow = answers.filter(({ sent, answered }) => answered - sent > slowMs);
  const bad = answers.filter(({ failure }) => failure !== undefined);
  const first = told.phases.find(({ value }) => value === "Progressing");
  const verdict = told.phases.findLast(({ value }) => value === "Succeeded" || value === "Failed");
  const back = told.weights.findLast(({ value }) => value === 0);
  const firstBad = [...bad, ...slow].map(({ answered }) => answered).sort((left, right) => left - right)[0];
  return {
    end,
    phases: told.phases.map(({ value }) => value),
    weights: told.weights.map(({ value }) => value),
    judged: seconds(first?.at, verdict?.at),
    exposed: seconds(fresh[0]?.answered, fresh.at(-1)?.answered),
    takenBack: firstBad === undefined ? undefined : seconds(firstBad, back?.at),
    requests: answers.length,
    fresh: fresh.length,
    bad,
    slow: slow.length,
  };
}
