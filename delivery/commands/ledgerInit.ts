import type { Command } from "commander";
import { createLedger } from "../../ledger/writer.ts";
import { defaultLedger, secretKey, signingKeyOption } from "../ledgerOptions.ts";
import { type OutputOptions, show } from "../output.ts";

export function define(command: Command): void {
  signingKeyOption(command.argument("[folder]", "an empty or new folder", process.env.DELIVERY_LEDGER ?? defaultLedger))
    .addHelpText("after", "\nExample:\n  $ delivery ledger init .delivery/ledger --signing-key .delivery/ledger.key\n\nA release never begins a ledger by itself: if it did, deleting the old one would go unseen.")
    .action((folder: string, options: OutputOptions & { readonly signingKey: string }) => {
      const key = secretKey(options.signingKey);
      createLedger(folder, key);
      show(options, { folder, origin: key.name }, () => [`${folder} is an empty ledger of ${key.name}.`]);
    });
}
