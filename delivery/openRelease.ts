/** What the commands of a stack open before anything is done, and close whatever happens. */
import { type InterruptWatch, watchInterrupts } from "../engine/interrupt.ts";
import { DeliveryError } from "./deliveryError.ts";
import { exitCodes } from "./exitCodes.ts";
import { acquireLease } from "./lease.ts";
import { showProgress } from "./progress.ts";
import { openRecorder } from "./recorder.ts";
import type { ReleaseContext } from "./releaseContext.ts";
import type { ChangeOptions, StackOptions } from "./releaseOptions.ts";
import { engineOf } from "./stackUpdate.ts";
import { openStack, type Running, type RunningCanary, type Stack } from "./stack.ts";

/** Opens the stack for reading, and closes it whatever happens. */
export async function withStack<Result>(options: StackOptions, interrupts: InterruptWatch, use: (stack: Stack) => Promise<Result>): Promise<Result> {
  const { stack: name, cwd, kubeconfig, context, engine } = options;
  const stack = await openStack({ stack: name, cwd, env: process.env, signal: interrupts.signal, ...(kubeconfig !== undefined && { kubeconfig }), ...(context !== undefined && { context }), ...(engine !== undefined && { engine }) });
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
  const { tell, now } = showProgress(options);
  const interrupts = watchInterrupts((signal) => process.stderr.write(`${signal}: stopping; the same command goes on from here, and \`delivery rollback\` takes it back\n`));
  try {
    return await withStack(options, interrupts, async (stack) => {
      const { namespace } = stack.canary ?? runningOf(stack);
      const optional = stack.environment === "local";
      const recorder = openRecorder({ ...options, optional, env: process.env, command }, (message) => process.stderr.write(`${message}\n`));
      const lease = await acquireLease(stack.cluster.client, namespace, interrupts.signal, (holder) => process.stderr.write(`${holder} holds the lease; waiting to see whether it lives\n`));
      const shared = { stack, lease, deploy: engineOf(stack), update: { interrupts, verbose: options.verbose, onLine: now }, tell, note: recorder.note, history: recorder };
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
