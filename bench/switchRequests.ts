/**
 * The load of the switch's rehearsal, a process of its own: asks one path of one address at a fixed rate, whether answers come or not,
 * and writes one line for each request that ended. It runs in the cluster's network namespace, which has no way out; it ends by
 * itself at its limits, or when its standard input closes.
 *
 * Half of the requests make a new connection each; the other half belong to clients with one kept-alive connection each. A few more
 * clients ask so seldom that their connection idles in between. No client heeds `Keep-Alive: timeout`: servers have to end connections.
 */
import { Agent, type ClientRequest, request } from "node:http";
import type { Socket } from "node:net";
import { setImmediate as turn, setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";

/** What the process is told, as JSON in its first argument. */
export interface RequestPlan {
  /** IPv4 address and port. */
  address: string;
  port: number;
  /** What is asked; `/version` says who answered. */
  path: string;
  /** Name of the host that is asked for. @default - the address */
  host?: string;
  /** Further headers. @default - none */
  headers?: Readonly<Record<string, string>>;
  /** Whether clients with a kept connection keep the cookies that they are given, too. @default false */
  cookies?: boolean;
  /** Requests in a second, idle clients' not counted. */
  rate: number;
  /** Clients with a busy connection of their own. */
  keptClients: number;
  /** Clients that ask once in `idleEveryMs`. */
  idleClients: number;
  idleEveryMs: number;
  /** Bounds at which the load ends by itself. */
  maxRequests: number;
  maxSeconds: number;
}

/** new: one connection a request. kept: a busy kept-alive connection. idle: a kept-alive connection that is seldom used. */
export type Connecting = "new" | "kept" | "idle";

/** One request that ended. Times are milliseconds of the machine's monotonic clock, the same in all processes. */
export interface Answer {
  sent: number;
  answered: number;
  connecting: Connecting;
  client: number;
  /** It went over a connection that had carried another one before. */
  reused: boolean;
  /** Who answered: slot and image digest as the pod says; absent in a failure. */
  slot?: string;
  digest?: string;
  /** Cookies that were sent, and that were set, as they stand in the headers; absent where there were none. */
  carried?: string;
  given?: string;
  /** Why it failed: the connection's error, the status, or what was wrong with the answer. */
  failure?: string;
}

/** Milliseconds of the machine's monotonic clock. */
export function monotonicMs(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}

/** This program, for whoever starts it. */
export const programPath = fileURLToPath(import.meta.url);

const dialLimitMs = 3_000;
const answerLimitMs = 10_000;
const longestBody = 4_096;

/** Keeps connections until the server ends them, whatever the server says of its time. */
class PatientAgent extends Agent {
  constructor() {
    super({ keepAlive: true, maxSockets: 1 });
  }
  override keepSocketAlive(): boolean {
    return true;
  }
}

/** The cookies of one client, which asks one path of one host. */
class Cookies {
  readonly #values = new Map<string, string>();
  get header(): string | undefined {
    return this.#values.size === 0 ? undefined : [...this.#values].map(([name, value]) => `${name}=${value}`).join("; ");
  }
  take(given: readonly string[]): void {
    for (const line of given) {
      const [, name, value] = /^([^=;]+)=([^;]*)/.exec(line) ?? [];
      if (name === undefined || value === undefined) continue;
      if (Number(/;\s*max-age=(-?\d+)/i.exec(line)?.[1] ?? 1) > 0) this.#values.set(name, value);
      else this.#values.delete(name);
    }
  }
}

function identify(path: string, status: number, body: string): Pick<Answer, "slot" | "digest" | "failure"> {
  if (path !== "/version" && status < 500) return {};
  if (status !== 200) return { failure: `status ${status}: ${body.slice(0, 200)}` };
  try {
    const { slot, digest } = JSON.parse(body) as { slot?: unknown; digest?: unknown };
    // A canary's pods have no slot.
    if (slot === null && typeof digest === "string") return { digest };
    if (typeof slot === "string" && typeof digest === "string") return { slot, digest };
  } catch {
    // told below, with the body
  }
  return { failure: `neither slot nor digest in ${body.slice(0, 200)}` };
}

function watchDial(asked: ClientRequest): void {
  asked.once("socket", (socket: Socket) => {
    if (!socket.connecting) return;
    const timer = setTimeout(() => void giveUp(), dialLimitMs);
    const giveUp = async (): Promise<void> => {
      await turn(); // it may be there, and this process had no processor to see it
      if (socket.connecting) asked.destroy(new Error(`no connection within ${dialLimitMs} ms`));
    };
    socket.once("connect", () => clearTimeout(timer)).once("close", () => clearTimeout(timer));
  });
}

async function ask(plan: RequestPlan, agent: Agent | false, connecting: Connecting, client: number, cookies?: Cookies): Promise<Answer> {
  // A client that had no processor for a while learns first which of its connections were ended meanwhile.
  await turn();
  const carried = cookies?.header;
  const sent = monotonicMs();
  return await new Promise((resolve) => {
    const asked = request({ host: plan.address, port: plan.port, path: plan.path, agent, headers: { ...plan.headers, ...(carried !== undefined && { cookie: carried }), ...(plan.host !== undefined && { host: plan.host }) } });
    const timer = setTimeout(() => asked.destroy(new Error(`no answer within ${answerLimitMs} ms`)), answerLimitMs);
    let given: string[] = [];
    const end = (result: Pick<Answer, "slot" | "digest" | "failure">): void => {
      clearTimeout(timer);
      resolve({ sent, answered: monotonicMs(), connecting, client, reused: asked.reusedSocket, ...result, ...(carried !== undefined && { carried }), ...(given.length > 0 && { given: given.join(", ") }) });
    };
    watchDial(asked);
    asked.on("response", (response) => {
      let body = "";
      given = response.headers["set-cookie"] ?? [];
      cookies?.take(given);
      response.setEncoding("utf8").on("data", (text: string) => {
        if (body.length < longestBody) body += text;
      });
      response.on("end", () => end(identify(plan.path, response.statusCode ?? 0, body)));
      response.on("error", (error) => end({ failure: `while the answer was read: ${error.message}` }));
    });
    asked.on("error", (error: NodeJS.ErrnoException) => end({ failure: [error.code, error.message].filter((text) => text !== undefined).join(" ") }));
    asked.end();
  });
}

/** Once in a period, each client at a moment of its own. */
async function askSeldom(fire: () => void, { idleClients, idleEveryMs }: RequestPlan, client: number, signal: AbortSignal): Promise<void> {
  const wait = async (ms: number): Promise<boolean> => await delay(ms, true, { signal }).catch(() => false);
  if (!(await wait((client * idleEveryMs) / idleClients))) return;
  do fire();
  while (await wait(idleEveryMs));
}

async function main(plan: RequestPlan): Promise<void> {
  const kept = Array.from({ length: plan.keptClients }, () => new PatientAgent());
  const idle = Array.from({ length: plan.idleClients }, () => new PatientAgent());
  const jars = plan.cookies === true ? kept.map(() => new Cookies()) : [];
  const open = new Set<Promise<void>>();
  const fire = (agent: Agent | false, connecting: Connecting, client: number): void => {
    const one = ask(plan, agent, connecting, client, connecting === "kept" ? jars[client] : undefined).then((answer) => {
      process.stdout.write(`${JSON.stringify(answer)}\n`);
      open.delete(one);
    });
    open.add(one);
  };
  const stop = new AbortController();
  for (const end of ["end", "error"]) process.stdin.on(end, () => stop.abort());
  process.stdin.resume();

  const begun = monotonicMs();
  idle.forEach((agent, client) => void askSeldom(() => fire(agent, "idle", client), plan, client, stop.signal));
  for (let sent = 0; !stop.signal.aborted && sent < plan.maxRequests && monotonicMs() - begun < plan.maxSeconds * 1000; ) {
    const due = Math.min(plan.maxRequests, ((monotonicMs() - begun) * plan.rate) / 1000);
    for (; sent < due; sent++) {
      const client = Math.floor(sent / 2) % plan.keptClients;
      if (sent % 2 === 0) fire(false, "new", 0);
      else fire(kept[client] ?? false, "kept", client);
    }
    await delay(1);
  }
  stop.abort();
  await Promise.all(open);
  for (const agent of [...kept, ...idle]) agent.destroy();
  process.stdin.destroy();
}

if (process.argv[1] === programPath) await main(JSON.parse(process.argv[2] ?? "") as RequestPlan);
