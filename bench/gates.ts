/** Gates under load: 200 questions a second for 20 seconds, each sent at its time however late the answers before it are. */
import { Agent, request } from "node:http";
import { setTimeout as until } from "node:timers/promises";
import { startGatesScene } from "./gatesScene.ts";
import type { Figure, Report } from "./measure.ts";

const rate = 200;
const seconds = 20;
const goalMs = 50;

/** What one kind of question is answered with, and what it costs. */
interface Question {
  readonly called: string;
  /** Fields of Flagger's payload that differ. */
  readonly change: object;
  readonly status: number;
  /** Whether it waits for others, whose time is no fault of the gate's: the goal leaves such ones out. */
  readonly reads: boolean;
}

const questions: readonly Question[] = [
  { called: "a no that needs no read", change: { namespace: "other" }, status: 403, reads: false },
  { called: "a yes: three reads of the API server, one signature", change: {}, status: 200, reads: true },
];

export const usualRuns = 3;

export async function run(runs: number): Promise<Report> {
  const scene = await startGatesScene();
  try {
    const figures: Figure[] = [];
    const late: string[] = [];
    for (const { called, change, status, reads } of questions) {
      const body = JSON.stringify({ name: "app", namespace: "shop", phase: "Progressing", checksum: "5888c66699", metadata: { gate: "compliance", hook: "pre-rollout" }, ...change });
      await load(scene.question, body, status, 2); // compiled code and open connections, as after the first minute
      const all: number[][] = [];
      const before = scene.reads();
      for (let at = 0; at < runs; at += 1) all.push(await load(scene.question, body, status, seconds));
      if (!reads && scene.reads() !== before) throw new Error("a question that needs no read made one; what was measured is not what it says");
      for (const share of [0.5, 0.99, 1]) {
        const samples = all.map((times) => quantile(times, share));
        figures.push({ name: `${called}, ${share === 1 ? "slowest" : `p${share * 100}`}`, unit: "ms", digits: 1, samples });
        if (share === 0.99 && !reads && Math.max(...samples) > goalMs) late.push(called);
      }
    }
    return {
      title: `A gate at ${rate} questions a second, for ${seconds} s a run`,
      figures,
      notes: [`Goal: p99 below ${goalMs} ms without external reads. Times run from the moment at which a question was due, so that waiting behind slow ones counts; every answer was the expected one. The API server is a stand-in on loopback, in the process of the load.`],
      ...(late.length === 0 ? {} : { failure: `p99 above ${goalMs} ms: ${late.join("; ")}` }),
    };
  } finally {
    await scene.stop();
  }
}

/** Asks for so many seconds; milliseconds of each answer. */
async function load(url: URL, body: string, expected: number, duration: number): Promise<number[]> {
  const agent = new Agent({ keepAlive: true, maxSockets: 256 });
  const begun = performance.now();
  const answers: Promise<number>[] = [];
  const wrong = new Map<number, number>();
  for (let at = 0; at < rate * duration; at += 1) {
    const due = begun + (at * 1000) / rate;
    const early = due - performance.now();
    if (early > 1) await until(early);
    const answered = async (): Promise<number> => {
      const status = await ask(url, body, agent).catch(() => 0);
      if (status !== expected) wrong.set(status, (wrong.get(status) ?? 0) + 1);
      return performance.now() - due;
    };
    answers.push(answered());
  }
  const times = await Promise.all(answers);
  agent.destroy();
  if (wrong.size > 0) throw new Error(`not every answer was ${expected}: ${[...wrong].map(([status, count]) => `${count} × ${status === 0 ? "none" : status}`).join(", ")}; 409 means that the machine is too busy to measure`);
  return times;
}

async function ask(url: URL, body: string, agent: Agent): Promise<number> {
  return await new Promise((resolve, reject) => {
    const sent = request(url, { agent, method: "POST", headers: { "Content-Type": "application/json" } }, (response) => {
      response.resume();
      response.once("end", () => resolve(response.statusCode ?? 0));
      response.once("error", reject);
    });
    sent.once("error", reject);
    sent.end(body);
  });
}

function quantile(times: readonly number[], share: number): number {
  const sorted = times.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.ceil(sorted.length * share) - 1)] ?? 0;
}
