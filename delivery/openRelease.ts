/** What the commands of a stack open before anything is done, and close whatever happens. */
import { type InterruptWatch, watchInterrupts } from "../engine/interrupt.ts";
import { DeliveryError } from "./deliveryError.ts";
import { exitCodes } from "./exitCodes.ts";
import { acquireLease } from "./lease.ts";
import type { OutputOptions } from "./output.ts";
import { openRecorder } from "./recorder.ts";
import type { ReleaseContext } from "./releaseContext.ts";
import type { ReleaseEvent, Tell } from "./releaseEvents.ts";
import type { ChangeOptions, StackOptions } from "./releaseOptions.ts";
import { openStack, type Running, type RunningCanary, type Stack } from "./stack.ts";

/** Opens the stack for reading, and closes it whatever happens. */
export async function withStack<Result>(options: StackOptions, interrupts: InterruptWatch, use: (stack: Stack) => Promise<Result>): Promise<Result> {
  const { stack: name, cwd, kubeconfig, context } = options;
  const stack = await openStack({ stack: name, cwd, env: process.env, signal: interrupts.signal, ...(kubeconfig !== undefined && { kubeconfig }), ...(context !== undefined && { context }) });
  try {
    return await use(stack);
  } finally {
    await stack.close();
  }
}

/** What a command does with each kind of stack. */
export interface ByStrategy<Result> {
  readonly blueGreen: (context: ReleaseContext) => Promise<Result>;
  readonly canary: (context: ReleaseContext<RunningCanary>) => Promise<Result>;
}

/**
 * Opens stack, ledger and lease, and closes them whatever happens.
 * @throws DeliveryError what forbids it, before anything is changed
 */
export async function withRelease<Result>(options: ChangeOptions, command: string, { blueGreen, canary }: ByStrategy<Result>): Promise<Result> {
  const tell = teller(options);
  const interrupts = watchInterrupts((signal) => process.stderr.write(`${signal}: stopping; the same command goes on from here, and \`delivery rollback\` takes it back\n`));
  try {
    return await withStack(options, interrupts, async (stack) => {
      const { namespace } = stack.canary ?? runningOf(stack);
      const optional = stack.environment === "local";
      const recorder = openRecorder({ ...options, optional, env: process.env, command }, (message) => process.stderr.write(`${message}\n`));
      const lease = await acquireLease(stack.cluster.client, namespace, interrupts.signal, (holder) => process.stderr.write(`${holder} holds the lease; waiting to see whether it lives\n`));
      const shared = { stack, lease, update: { interrupts, verbose: options.verbose }, tell, note: recorder.note, history: recorder };
      try {
        return stack.canary === undefined ? await blueGreen({ ...shared, running: runningOf(stack) }) : await canary({ ...shared, running: stack.canary });
      } finally {
        await lease.release();
      }
    });
  } finally {
    interrupts.dispose();
  }
}

/** What runs as blue and green, or the way to get there. */
export function runningOf({ running, choice }: Stack): Running {
  if (running !== undefined) return running;
  throw new DeliveryError(exitCodes.usage, `Nothing of stack ${choice.stack} runs yet: it was never made true here.`, `Make its first version true with npm run up -- --stack ${choice.stack}; from then on releases follow.`);
}

/** Lines for people on standard error, or one JSON document a line on standard output for programs. */
function teller({ json }: OutputOptions): Tell {
  const begun = performance.now();
  let last = 0;
  return (step, text, judgement) => {
    const event: ReleaseEvent = { step, at: new Date().toISOString(), text, ...(judgement !== undefined && { judgement }) };
    if (json === true) process.stdout.write(`${JSON.stringify(event)}\n`);
    else if (judgement === undefined || performance.now() - last > 5000 || judgement.decision !== "wait") {
      last = performance.now();
      process.stderr.write(`${((performance.now() - begun) / 1000).toFixed(1).padStart(6)} s  ${step.padEnd(12)}  ${text}${judgement === undefined ? "" : measured(judgement.measures)}\n`);
    }
  };
}

function measured({ requests, errorRatio, p95, ready }: Readonly<Record<string, number | null>>): string {
  const parts = [
    `${ready ?? 0} pods ready`,
    ...(requests === null || requests === undefined ? ["nothing measured yet"] : [`${requests} requests`, `${((errorRatio ?? 0) * 100).toFixed(2)} % errors`, `p95 ${Math.round((p95 ?? 0) * 1000)} ms`]),
  ];
  return ` (${parts.join(", ")})`;
}
