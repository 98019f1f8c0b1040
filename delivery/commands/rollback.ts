import { type Command, InvalidArgumentError } from "commander";
import { type ChangeOptions, changeOptions } from "../releaseOptions.ts";
import { personsWords } from "../recordedText.ts";

export function define(command: Command): void {
  changeOptions(command)
    .option("--why <text>", "what the record says; no names", personsWords, "an operator asked for it")
    .option("--to <number>", "the version of this release, as `delivery history` numbers them", number)
    .addHelpText(
      "after",
      "\nExamples:\n  $ delivery rollback --stack production --why 'answers are wrong since the release'\n  $ delivery rollback --stack production --to 41\n\n" +
        "Gives the traffic back to the version before, which is still warm; needs no registry. An older one is deployed, verified and watched first.",
    )
    .action(async (options: ChangeOptions & { readonly why: string; readonly to?: number }) => {
      const [{ withRelease }, { rollBack, rollBackTo }, { rollBackCanary }] = await Promise.all([import("../openRelease.ts"), import("../rollBack.ts"), import("../canaryRelease.ts")]);
      const { to, why } = options;
      process.exitCode = await withRelease(options, `rollback --stack ${options.stack}`, {
        blueGreen: async (context) => (to === undefined ? await rollBack(context, why) : await rollBackTo(context, to, why)),
        canary: async (context) => await rollBackCanary(context, why, to),
      });
    });
}

function number(text: string): number {
  if (!/^[1-9]\d{0,8}$/.test(text)) throw new InvalidArgumentError("must be a whole number from 1.");
  return Number(text);
}
