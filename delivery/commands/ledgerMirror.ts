import { type Command, Option } from "commander";
import { defaultLedger, keyOption } from "../ledgerOptions.ts";
import { type OutputOptions, show } from "../output.ts";

interface Options extends OutputOptions {
  readonly key: readonly string[];
  readonly to: string;
  readonly endpoint?: string;
  readonly region?: string;
}

export function define(command: Command): void {
  keyOption(command.argument("[folder]", "the ledger", process.env.DELIVERY_LEDGER ?? defaultLedger))
    .requiredOption("--to <place>", "s3://BUCKET/PREFIX, or git:REPOSITORY#BRANCH")
    .addOption(new Option("--endpoint <url>", "the storage's address (default: Amazon's)").env("AWS_ENDPOINT_URL_S3"))
    .addOption(new Option("--region <name>", "the storage's region").env("AWS_REGION"))
    .addHelpText(
      "after",
      "\nExamples:\n  $ delivery ledger mirror .delivery/ledger --to git:git@example.com:audit/ledger.git#production\n  $ delivery ledger mirror --to s3://audit-ledger/production --endpoint https://storage.example.com\n\n" +
        "Credentials of the storage: AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN.\nA ledger that does not continue its mirror was cut or changed: the exit status says how, and the mirror stays as it is.",
    )
    .action(async (folder: string, options: Options) => {
      const [{ mirrorLedger }, { publicKeys }, { openMirror }] = await Promise.all([import("../../ledger/mirror.ts"), import("../ledgerOptions.ts"), import("../mirrorPlace.ts")]);
      const mirror = await openMirror(options.to, options, process.env);
      const { origin, before, size } = await mirrorLedger(folder, publicKeys(options.key), mirror);
      show(options, { origin, place: mirror.place, before, size }, () => [size === before ? `${mirror.place} has all ${size} entries of ${origin}.` : `${mirror.place} had ${before} and has all ${size} entries of ${origin}.`]);
    });
}
