import { type Command, InvalidArgumentError } from "commander";
import type { Intent } from "../intent.ts";
import { type ChangeOptions, changeOptions } from "../releaseOptions.ts";
import { intentOptions } from "./release.ts";

interface Options extends ChangeOptions, Intent {
  readonly from: string;
  readonly image?: string;
  readonly maxAge: number;
}

export function define(command: Command): void {
  intentOptions(changeOptions(command))
    .requiredOption("--from <stack>", "the stack that has proven it")
    .option("-i, --image <reference>", "the image, with its digest (default: what was proven last)")
    .option("--max-age <days>", "days for which a proof counts", days, 14)
    .addHelpText("after", "\nExample:\n  $ delivery promote --from staging --stack production\n\nReleases what has passed its watch on the one stack on the other; the ledger is the proof. What was taken back there is refused.")
    .action(async (options: Options) => {
      const [{ checkImage, digestOf, withDigest }, { commitOf }, { withRelease }, { release }, { releaseCanary }, { findProof }] = await Promise.all([
        import("../image.ts"),
        import("../intent.ts"),
        import("../openRelease.ts"),
        import("../blueGreenRelease.ts"),
        import("../canaryRelease.ts"),
        import("../promotion.ts"),
      ]);
      const digest = options.image === undefined ? undefined : digestOf(checkImage(options.image));
      const intent = { ...options, ...commitOf(options.commit, options.cwd, process.env) };
      const { from, maxAge: maxAgeDays } = options;
      const { exitCode } = await withRelease(options, `promote --from ${from} --stack ${options.stack}`, {
        blueGreen: async (context) => {
          const { image } = findProof(context.history.releases, { from, digest, maxAgeDays, now: new Date() });
          const { blue = "", green = blue } = context.running.images;
          return await release(context, options.image ?? withDigest(green, image), intent);
        },
        canary: async (context) => {
          const { image } = findProof(context.history.releases, { from, digest, maxAgeDays, now: new Date() });
          return await releaseCanary(context, options.image ?? withDigest(context.running.image, image), intent);
        },
      });
      process.exitCode = exitCode;
    });
}

function days(text: string): number {
  const value = Number(text);
  if (!(value > 0 && value <= 3650)) throw new InvalidArgumentError("must be a number of days above 0 and at most 3650.");
  return value;
}
