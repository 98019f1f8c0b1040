import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { Agent, request } from "node:http";
import type { Socket } from "node:net";
import { fileURLToPath } from "node:url";

const main = fileURLToPath(new URL("../../../services/audit-trail/main.ts", import.meta.url));

/** The service as a process of its own, as it runs in a pod. */
export type ServiceProcess = Readonly<{
  child: ChildProcess;
  port: number;
  adminPort: number;
  /** Everything it wrote so far. */
  output: () => string;
  /** Resolves when a line of the log holds the text. */
  logged: (text: string) => Promise<void>;
  /** The exit code. */
  exited: Promise<number | null>;
}>;

/** Starts the service and waits until it listens (`ready`: until it is ready). */
export async function startProcess(env: Readonly<Record<string, string>>, ready = true): Promise<ServiceProcess> {
  const child = spawn(process.execPath, [main], { env: { PATH: process.env["PATH"], ...env }, stdio: ["ignore", "pipe", "pipe"] });
  let output = "";
  const changed: (() => void)[] = [];
  for (const stream of [child.stdout, child.stderr])
    stream.on("data", (chunk: Buffer) => {
      output += chunk.toString();
      for (const wake of changed.splice(0)) wake();
    });
  const exited = once(child, "close").then(() => {
    for (const wake of changed.splice(0)) wake();
    return child.exitCode;
  });
  const logged = async (text: string): Promise<void> => {
    while (!output.includes(text)) {
      if (child.exitCode !== null || child.signalCode !== null) throw new Error(`The service ended before it logged ${JSON.stringify(text)}: ${output}`);
      await new Promise<void>((resolve) => changed.push(resolve));
    }
  };
  await logged('"msg":"Listening"');
  const line = JSON.parse(output.split("\n").find((candidate) => candidate.includes('"msg":"Listening"')) ?? "{}") as { port: number; adminPort: number };
  if (ready) await logged('"msg":"Ready"');
  return { child, port: line.port, adminPort: line.adminPort, output: () => output, logged, exited };
}

/** One answer; `socket` tells connections apart. */
export type Answer = Readonly<{ status: number; body: string; close: boolean; socket: Socket }>;

/** One request over `agent`, which keeps connections alive or not. Rejects when the connection fails. */
export async function ask(port: number, path: string, agent: Agent, options: Readonly<{ method?: string; body?: string; headers?: Record<string, string> }> = {}): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const outgoing = request({ host: "127.0.0.1", port, path, agent, method: options.method ?? "GET", headers: options.headers ?? {} }, (response) => {
      // Held before the answer ends, as the agent takes the socket back then.
      const { socket } = response;
      let body = "";
      response.setEncoding("utf8");
      response.on("data", (chunk: string) => (body += chunk));
      response.on("error", reject);
      response.on("end", () => {
        resolve({ status: response.statusCode ?? 0, body, close: response.headers.connection === "close", socket });
      });
    });
    outgoing.on("error", reject);
    outgoing.end(options.body);
  });
}

/** Clients that ask over kept-alive connections, each as soon as it was answered, until `stop`. */
export function load(port: number, path: string, clients: number): Readonly<{ answers: Answer[]; failures: unknown[]; more: (count: number) => Promise<void>; stop: () => Promise<void> }> {
  const answers: Answer[] = [];
  const failures: unknown[] = [];
  let running = true;
  const waiting: (() => void)[] = [];
  const agents = Array.from({ length: clients }, () => new Agent({ keepAlive: true, maxSockets: 1 }));
  const loops = agents.map(async (agent) => {
    while (running && failures.length === 0) {
      try {
        answers.push(await ask(port, path, agent));
      } catch (error) {
        failures.push(error);
      }
      for (const wake of waiting.splice(0)) wake();
    }
  });
  return {
    answers,
    failures,
    more: async (count) => {
      const goal = answers.length + count;
      while (answers.length < goal && failures.length === 0) await new Promise<void>((resolve) => waiting.push(resolve));
    },
    stop: async () => {
      running = false;
      await Promise.all(loops);
      for (const agent of agents) agent.destroy();
    },
  };
}
