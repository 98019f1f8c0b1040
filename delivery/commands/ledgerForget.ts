import type { Command } from "commander";
import { forget } from "../../ledger/pseudonyms.ts";
import { peopleOption } from "../ledgerOptions.ts";
import { type OutputOptions, show } from "../output.ts";

export function define(command: Command): void {
  peopleOption(command.argument("<who>", "a pseudonym, or an identity as Git or the pipeline wrote it"))
    .addHelpText("after", '\nExample:\n  $ delivery ledger forget "Ada Lovelace <ada@example.com>"\n\nThe ledger stays as it is and verifies as before; nobody can tell any more whom the pseudonym stands for. Erase backups of the file, too.')
    .action((who: string, options: OutputOptions & { readonly people: string }) => {
      const forgotten = forget(options.people, who);
      show(options, { forgotten }, () => [forgotten.length === 0 ? `${options.people} knows nobody of that name: nothing was changed.` : `Forgotten: ${forgotten.join(", ")}.`]);
    });
}
