import { type Command, InvalidArgumentError, Option } from "commander";
import { LedgerError } from "../../ledger/errors.ts";
import { readText, replaceFile } from "../../ledger/files.ts";
import { proveConsistency, proveInclusion } from "../../ledger/proof.ts";
import { publicKeys, type ReadOptions, readOptions } from "../ledgerOptions.ts";
import { type OutputOptions, show } from "../output.ts";

interface Options extends OutputOptions, ReadOptions {
  readonly out?: string;
  readonly older?: string;
}

export function define(command: Command): void {
  readOptions(command)
    .argument("[entry]", "number of the entry", entryNumber)
    .addOption(new Option("--older <checkpoint>", "instead: prove that the ledger continues the checkpoint in this file"))
    .option("--out <prefix>", "write PREFIX.json (the entry) and PREFIX.tlog-proof instead of printing")
    .addHelpText("after", "\nExamples:\n  $ delivery ledger proof 17 --out release-17\n  $ delivery ledger verify-proof release-17.tlog-proof --entry release-17.json --key ledger.pub\n  $ delivery ledger proof --older last-week.checkpoint")
    .action((entry: number | undefined, options: Options) => {
      const keys = publicKeys(options.key);
      if ((entry === undefined) === (options.older === undefined)) command.error("error: give the number of an entry, or --older", { exitCode: 1 });
      if (options.older !== undefined) {
        const proof = proveConsistency(options.ledger, readNote(options.older), keys);
        if (options.out !== undefined) replaceFile(`${options.out}.tlog-proof`, proof);
        show(options, { proof }, () => (options.out === undefined ? [proof.trimEnd()] : [`Wrote ${options.out}.tlog-proof.`]));
        return;
      }
      const { line, proof } = proveInclusion(options.ledger, entry ?? 0, keys);
      if (options.out !== undefined) {
        replaceFile(`${options.out}.json`, `${line.bytes.toString()}\n`);
        replaceFile(`${options.out}.tlog-proof`, proof);
      }
      show(options, { entry: line.entry, line: line.bytes.toString(), proof }, () =>
        options.out === undefined ? [proof.trimEnd()] : [`Wrote ${options.out}.json (entry ${line.entry.seq}, ${line.entry.kind} of ${line.entry.when}) and ${options.out}.tlog-proof.`],
      );
    });
}

function entryNumber(text: string): number {
  if (!/^(0|[1-9]\d{0,14})$/.test(text)) throw new InvalidArgumentError("an entry's number is a whole number from 0.");
  return Number(text);
}

function readNote(path: string): string {
  const note = readText(path);
  if (note === undefined) throw new LedgerError("bad-checkpoint", `There is no checkpoint in ${path}.`, "Give a file that holds a checkpoint kept from before.");
  return note;
}
