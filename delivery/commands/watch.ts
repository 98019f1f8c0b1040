import type { Command } from "commander";
import { type StackOptions, stackOptions } from "../releaseOptions.ts";

export function define(command: Command): void {
  stackOptions(command)
    .addHelpText("after", "\nExample:\n  $ delivery watch --stack production\n\nShows each change of a release that somebody else makes, and ends with its exit status.")
    .action(async (options: StackOptions) => {
      const [{ watchInterrupts }, { runningOf, withStack }, { statusLines, statusOf }, { followRelease }] = await Promise.all([
        import("../../engine/interrupt.ts"),
        import("../openRelease.ts"),
        import("../stackStatus.ts"),
        import("../followRelease.ts"),
      ]);
      const interrupts = watchInterrupts(() => undefined);
      try {
        process.exitCode = await withStack(options, interrupts, async (stack) => {
          const running = runningOf(stack);
          return await followRelease(
            async () => await statusOf(stack, running, interrupts.signal),
            (status) => process.stdout.write(options.json === true ? `${JSON.stringify(status)}\n` : `${new Date().toISOString()}\n${statusLines(status).map((line) => `  ${line}\n`).join("")}`),
            interrupts.signal,
          );
        });
      } finally {
        interrupts.dispose();
      }
    });
}
