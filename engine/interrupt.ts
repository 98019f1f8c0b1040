/** Ctrl-C and its kin: the first asks the operation to stop, the second ends everything at once. */
import { Interrupted } from "./errors.ts";

const signals = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

/** A signal watch. `dispose` puts things back as they were. */
export interface InterruptWatch {
  signal: AbortSignal;
  /** Called at once on a second signal and when the process exits with work still under way: kills children. */
  onKill(kill: () => void): void;
  dispose(): void;
}

/**
 * Watches for signals.
 * @param onFirst told the name of the first signal
 */
export function watchInterrupts(onFirst: (signal: string) => void): InterruptWatch {
  const controller = new AbortController();
  const kills: (() => void)[] = [];
  const killAll = (): void => {
    for (const kill of kills) kill();
  };
  const handler = (signal: NodeJS.Signals): void => {
    if (controller.signal.aborted) {
      killAll();
      process.exit(130);
    }
    onFirst(signal);
    controller.abort(new Interrupted(signal));
  };
  for (const signal of signals) process.on(signal, handler);
  process.on("exit", killAll);
  return {
    signal: controller.signal,
    onKill: (kill) => {
      kills.push(kill);
    },
    dispose: () => {
      for (const signal of signals) process.off(signal, handler);
      process.off("exit", killAll);
    },
  };
}
