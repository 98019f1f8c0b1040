import type { Command } from "commander";
import { LedgerError } from "../../ledger/errors.ts";
import { readText } from "../../ledger/files.ts";
import { keyTitle } from "../../ledger/note.ts";
import { verifyLedger } from "../../ledger/verify.ts";
import { defaultLedger, keyOption, publicKeys } from "../ledgerOptions.ts";
import { type OutputOptions, show } from "../output.ts";

interface Options extends OutputOptions {
  readonly key: readonly string[];
  readonly seen: readonly string[];
}

export function define(command: Command): void {
  keyOption(command.argument("[folder]", "the ledger", process.env.DELIVERY_LEDGER ?? defaultLedger))
    .option("--seen <checkpoint>", "file with a checkpoint seen earlier, or from a mirror: the ledger must continue it", (path: string, before: readonly string[]) => [...before, path], [])
    .addHelpText("after", "\nExamples:\n  $ delivery ledger verify .delivery/ledger --key ledger.pub\n  $ delivery ledger verify .delivery/ledger --key ledger.pub --seen last-week.checkpoint")
    .action((folder: string, options: Options) => {
      const started = performance.now();
      const { checkpoint, clockFlags, tail } = verifyLedger(folder, { keys: publicKeys(options.key), seen: options.seen.map(readSeen) });
      const seconds = (performance.now() - started) / 1000;
      const { size, origin } = checkpoint;
      const root = checkpoint.root.toString("base64");
      const signers = checkpoint.signers.map(keyTitle);
      show(options, { valid: true, origin, size, root, signers, clockFlags, tail, seconds }, () => [
        `${folder} holds what was signed: ${size} ${size === 1 ? "entry" : "entries"} of ${origin}.`,
        `  root    ${root}`,
        `  signed  ${signers.join(", ")}`,
        `  took    ${seconds.toFixed(2)} s`,
        ...(clockFlags > 0 ? [`  note    before ${clockFlags} of them the clock had gone back; each says by how much`] : []),
        ...(tail.bytes > 0 ? [`  note    ${tail.bytes} bytes behind the end are no part of the ledger: a crash cut an append short; the next append removes them`] : []),
      ]);
    });
}

function readSeen(path: string): string {
  const note = readText(path);
  if (note === undefined) throw new LedgerError("bad-checkpoint", `There is no checkpoint in ${path}.`, "Give a file that holds a checkpoint kept from before.");
  return note;
}
