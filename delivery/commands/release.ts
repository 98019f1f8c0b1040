import { type Command, Option } from "commander";
import type { Intent } from "../intent.ts";
import { type ChangeOptions, changeOptions } from "../releaseOptions.ts";
import { schemaSteps } from "../schemaContract.ts";
import { personsWords } from "../recordedText.ts";

/** Adds what a release declares of itself. */
export function intentOptions(command: Command): Command {
  return command
    .option("--why <text>", "what the record says; no names", personsWords)
    .option("--commit <id>", "full id of the commit that it was built from (default: what the pipeline names)")
    .addOption(new Option("--reason <word>", "incident: it mends what users met").choices(["planned", "incident"]).default("planned"))
    .addOption(new Option("--schema <step>", "what it does to the database's schema; contract is refused while the old version must stay able to return").choices(schemaSteps).default("none"))
    .option("--override-freeze <why>", "release in spite of a freeze; recorded", personsWords);
}

export function define(command: Command): void {
  intentOptions(changeOptions(command).requiredOption("-i, --image <reference>", "the image, with its digest"))
    .addHelpText(
      "after",
      "\nExamples:\n  $ delivery release --stack production --image ghcr.io/terragonlabs/rlhf-audit-trail@sha256:…\n  $ delivery release --stack production --image … --reason incident --override-freeze 'answers are wrong'\n\n" +
        "As blue-green it fills the idle slot, verifies it, switches, and watches it; as a canary it follows Flagger. What does not hold is taken back.\nBroken off at any point, the same command goes on, and any other one takes it back first.",
    )
    .action(async (options: ChangeOptions & Intent & { readonly image: string }) => {
      const [{ checkImage }, { commitOf }, { withRelease }, { release }, { releaseCanary }] = await Promise.all([
        import("../image.ts"),
        import("../intent.ts"),
        import("../openRelease.ts"),
        import("../blueGreenRelease.ts"),
        import("../canaryRelease.ts"),
      ]);
      const image = checkImage(options.image);
      const intent = { ...options, ...commitOf(options.commit, options.cwd, process.env) };
      const { exitCode } = await withRelease(options, `release --stack ${options.stack}`, {
        blueGreen: async (context) => await release(context, image, intent),
        canary: async (context) => await releaseCanary(context, image, intent),
      });
      process.exitCode = exitCode;
    });
}
