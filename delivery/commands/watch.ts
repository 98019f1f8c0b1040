import type { Command } from "commander";
import { type StackOptions, stackOptions } from "../releaseOptions.ts";

export function define(command: Command): void {
  stackOptions(command)
    .addHelpText("after", "\nExample:\n  $ delivery watch --stack production\n\nShows each change of a release that somebody else makes, and ends with its exit status.")
    .action(async (options: StackOptions) => {
      const [{ watchInterrupts }, { runningOf, withStack }, { statusLines, statusOf }, { canaryStatusLines, canaryStatusOf }, { followRelease }] = await Promise.all([
        import("../../engine/interrupt.ts"),
        import("../openRelease.ts"),
        import("../stackStatus.ts"),
        import("../canaryStatus.ts"),
        import("../followRelease.ts"),
      ]);
      const interrupts = watchInterrupts(() => undefined);
      const { signal } = interrupts;
      const tell = (status: object, lines: readonly string[]): void => {
        process.stdout.write(options.json === true ? `${JSON.stringify(status)}\n` : `${new Date().toISOString()}\n${lines.map((line) => `  ${line}\n`).join("")}`);
      };
      try {
        process.exitCode = await withStack(options, interrupts, async (stack) => {
          const { canary } = stack;
          if (canary !== undefined) return await followRelease(async () => await canaryStatusOf(stack, canary, signal), (status) => tell(status, canaryStatusLines(status)), signal);
          const running = runningOf(stack);
          return await followRelease(async () => await statusOf(stack, running, signal), (status) => tell(status, statusLines(status)), signal);
        });
      } finally {
        interrupts.dispose();
      }
    });
}
