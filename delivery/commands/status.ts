import type { Command } from "commander";
import { type StackOptions, stackOptions } from "../releaseOptions.ts";

export function define(command: Command): void {
  stackOptions(command)
    .addHelpText("after", "\nExample:\n  $ delivery status --stack production")
    .action(async (options: StackOptions) => {
      const [{ watchInterrupts }, { show }, { runningOf, withStack }, { statusLines, statusOf }, { canaryStatusLines, canaryStatusOf }] = await Promise.all([
        import("../../engine/interrupt.ts"),
        import("../output.ts"),
        import("../openRelease.ts"),
        import("../stackStatus.ts"),
        import("../canaryStatus.ts"),
      ]);
      const interrupts = watchInterrupts(() => undefined);
      try {
        await withStack(options, interrupts, async (stack) => {
          if (stack.canary !== undefined) {
            const status = await canaryStatusOf(stack, stack.canary, interrupts.signal);
            show(options, status, () => canaryStatusLines(status));
            return;
          }
          const status = await statusOf(stack, runningOf(stack), interrupts.signal);
          show(options, status, () => statusLines(status));
        });
      } finally {
        interrupts.dispose();
      }
    });
}
