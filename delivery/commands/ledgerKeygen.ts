import { existsSync } from "node:fs";
import type { Command } from "commander";
import { LedgerError } from "../../ledger/errors.ts";
import { replaceFile } from "../../ledger/files.ts";
import { generateKeys } from "../../ledger/note.ts";
import { defaultLedger } from "../ledgerOptions.ts";
import { type OutputOptions, show } from "../output.ts";

export function define(command: Command): void {
  command
    .argument("<name>", "the ledger's name for ever, a URL without scheme by custom, such as example.com/releases")
    .option("--out <prefix>", "write PREFIX.key (secret) and PREFIX.pub (public)", defaultLedger)
    .addHelpText("after", "\nExample:\n  $ delivery ledger keygen example.com/releases --out .delivery/ledger\n\nKeep the .key file where only the releasing account can read it, and back it up; give the .pub file to everyone.")
    .action((name: string, options: OutputOptions & { readonly out: string }) => {
      const secretPath = `${options.out}.key`;
      const publicPath = `${options.out}.pub`;
      const taken = [secretPath, publicPath].find((path) => existsSync(path));
      if (taken !== undefined) throw new LedgerError("exists", `${taken} is there already, and a key is never overwritten.`, "Give another --out.");
      const keys = generateKeys(name);
      replaceFile(secretPath, `${keys.secret}\n`, 0o600);
      replaceFile(publicPath, `${keys.public}\n`);
      show(options, { public: keys.public, secretFile: secretPath, publicFile: publicPath }, () => [`Wrote ${secretPath} (secret, for its owner only) and ${publicPath}:`, keys.public]);
    });
}
