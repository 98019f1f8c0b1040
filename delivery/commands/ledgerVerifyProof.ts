import type { Command } from "commander";
import { LedgerError } from "../../ledger/errors.ts";
import { readBytes } from "../../ledger/files.ts";
import { verifyConsistencyProof, verifyInclusionProof } from "../../ledger/proof.ts";
import { keyOption, publicKeys } from "../ledgerOptions.ts";
import { type OutputOptions, show } from "../output.ts";

interface Options extends OutputOptions {
  readonly key: readonly string[];
  readonly entry?: string;
  readonly older?: string;
}

export function define(command: Command): void {
  keyOption(command.argument("<proof>", "file that `ledger proof` wrote"))
    .option("--entry <file>", "file with the entry: the proof must be that it is in the ledger")
    .option("--older <checkpoint>", "file with an older checkpoint: the proof must be that the ledger continues it")
    .addHelpText("after", "\nExample:\n  $ delivery ledger verify-proof release-17.tlog-proof --entry release-17.json --key ledger.pub")
    .action((path: string, options: Options) => {
      const proof = read(path, "proof").toString("utf8");
      const keys = publicKeys(options.key);
      if (options.entry !== undefined && options.older === undefined) {
        const { checkpoint, line } = verifyInclusionProof(proof, read(options.entry, "entry"), keys);
        show(options, { valid: true, origin: checkpoint.origin, size: checkpoint.size, entry: line.entry }, () => [
          `It holds: ${options.entry ?? ""} is entry ${line.entry.seq} (${line.entry.kind}, ${line.entry.when}) of the ${checkpoint.size} that ${checkpoint.origin} signed.`,
        ]);
      } else if (options.older !== undefined && options.entry === undefined) {
        const { origin, size } = verifyConsistencyProof(proof, read(options.older, "checkpoint").toString("utf8"), keys);
        show(options, { valid: true, origin, size }, () => [`It holds: the ${size} entries of ${origin} only add to those of the older checkpoint.`]);
      } else {
        command.error("error: give either --entry or --older", { exitCode: 1 });
      }
    });
}

function read(path: string, what: string): Buffer {
  const bytes = readBytes(path);
  if (bytes === undefined) throw new LedgerError("bad-proof", `There is no ${what} in ${path}.`, "Give the files that `delivery ledger proof N --out PREFIX` wrote.");
  return bytes;
}
