/** One preview, update or destroy of one stack, from the start of the program to the end of the last deletion. */
import { Callbacks } from "./callbacks.ts";
import { Deployment, type DeploymentOptions } from "./stackOperation.ts";
import { engineService } from "./engineService.ts";
import { Hooks } from "./hooks.ts";
import type { OperationResult } from "./model.ts";
import { monitorService } from "./monitor.ts";
import { Packages } from "./packages.ts";
import { Program } from "./program.ts";
import { Registrations } from "./registration.ts";
import { serve } from "./rpc.ts";
import { Transforms } from "./transforms.ts";

const DEFAULT_PARALLEL = 16;

export interface OperationOptions extends Omit<DeploymentOptions, "preview" | "parallel"> {
  kind: "preview" | "update" | "destroy";
  /** Provider operations at the same time. Default 16. */
  parallel?: number;
  /** Whether the program's debug messages are wanted. Default: no. */
  debug?: boolean;
  /** Port for the program to connect to. Default: any free one. */
  port?: number;
}

/**
 * Runs an operation. Failures of the program, of resources and of policies are in the result's `errors`;
 * rejects only when the operation could not be carried out at all, or was aborted.
 */
export async function runOperation(options: OperationOptions): Promise<OperationResult> {
  const started = performance.now();
  const parallel = options.parallel ?? DEFAULT_PARALLEL;
  const callbacks = new Callbacks();
  const preview = options.kind === "preview";
  const deployment = new Deployment({ ...options, parallel, preview }, (diagnose) => new Hooks(callbacks, preview, diagnose));
  try {
    if (options.kind === "destroy") await deployment.finish();
    else await runProgram(options, deployment, callbacks, parallel);
    options.signal.throwIfAborted();
    return deployment.result(performance.now() - started);
  } finally {
    callbacks.close();
  }
}

async function runProgram(options: OperationOptions, deployment: Deployment, callbacks: Callbacks, parallel: number): Promise<void> {
  const { target, signal } = options;
  const preview = options.kind === "preview";
  const transforms = new Transforms(callbacks);
  const packages = new Packages();
  const registrations = new Registrations(transforms, packages, (pkg) => deployment.defaultProvider(pkg));
  const monitor = monitorService({ target, preview, parallel, host: deployment, registrations, transforms, hooks: deployment.hooks, packages });
  const server = await serve([monitor, engineService((diagnostic) => deployment.diagnose(diagnostic))], options.port);
  try {
    signal.throwIfAborted();
    const program = new Program({
      target,
      preview,
      parallel,
      debug: options.debug ?? false,
      address: server.address,
      onOutput: (stream, text) => deployment.programOutput(stream, text),
    });
    if (program.pid !== undefined) options.onEvent({ kind: "program-started", pid: program.pid });
    const stop = (): void => void program.stop();
    signal.addEventListener("abort", stop);
    const stopWatching = deployment.watch(() => program.kill());
    try {
      const end = await program.ended;
      await deployment.programGone(end);
    } finally {
      stopWatching();
      signal.removeEventListener("abort", stop);
      program.kill(); // children that it left behind
    }
  } finally {
    server.close();
  }
}
