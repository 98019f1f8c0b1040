import type { Command } from "commander";
import { release } from "../blueGreenRelease.ts";
import { checkImage } from "../image.ts";
import { type ChangeOptions, changeOptions, withRelease } from "../releaseOptions.ts";

export function define(command: Command): void {
  changeOptions(command)
    .requiredOption("-i, --image <reference>", "the image, with its digest")
    .addHelpText(
      "after",
      "\nExample:\n  $ delivery release --stack production --image ghcr.io/terragonlabs/rlhf-audit-trail@sha256:…\n\n" +
        "Fills the idle slot, verifies it, switches, and watches it; what does not hold is taken back.\nBroken off at any point, the same command goes on, and any other one takes it back first.",
    )
    .action(async (options: ChangeOptions & { readonly image: string }) => {
      const image = checkImage(options.image);
      const { exitCode } = await withRelease(options, `release --stack ${options.stack}`, async (context) => await release(context, image));
      process.exitCode = exitCode;
    });
}
