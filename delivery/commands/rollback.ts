import type { Command } from "commander";
import { rollBack } from "../rollBack.ts";
import { type ChangeOptions, changeOptions, withRelease } from "../releaseOptions.ts";

export function define(command: Command): void {
  changeOptions(command)
    .option("--why <text>", "what the record says; no names", "an operator asked for it")
    .addHelpText("after", "\nExample:\n  $ delivery rollback --stack production --why 'answers are wrong since the release'\n\nGives the traffic back to the version before, which is still warm; needs no registry.")
    .action(async (options: ChangeOptions & { readonly why: string }) => {
      process.exitCode = await withRelease(options, `rollback --stack ${options.stack}`, async (context) => await rollBack(context, options.why));
    });
}
