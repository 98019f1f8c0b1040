import { existsSync } from "node:fs";
import { type Command, Option } from "commander";
import { purposes, type Purpose } from "../../attestation/keys.ts";
import { generateSigningKeys, withTrusted } from "../../attestation/trust-file.ts";
import { readText, replaceFile } from "../../ledger/files.ts";
import { DeliveryError } from "../deliveryError.ts";
import { exitCodes } from "../exitCodes.ts";
import { whoRuns } from "../identity.ts";
import { peopleOption } from "../ledgerOptions.ts";
import { type OutputOptions, show } from "../output.ts";
import { attesting, trustOption } from "../signing.ts";

interface Options extends OutputOptions {
  readonly purpose: readonly Purpose[];
  readonly out?: string;
  readonly trust: string;
  readonly people: string;
  readonly until?: string;
}

export function define(command: Command): void {
  peopleOption(trustOption(command.argument("[owner]", "whose key it is, a pseudonym (default: that of the person whom Git knows here)")))
    .addOption(new Option("--purpose <word...>", "what it may sign").choices(purposes).makeOptionMandatory())
    .option("--out <prefix>", "write PREFIX.key (secret) and PREFIX.pub (default: .delivery/OWNER)")
    .option("--until <moment>", "when it ceases to count, such as 2027-01-31T12:00:00Z")
    .addHelpText(
      "after",
      "\nExamples:\n  $ delivery keygen ci-1 --purpose evidence --out .delivery/pipeline\n  $ delivery keygen --purpose approval --out ~/approval\n\n" +
        "The public half is added to the trust file, which the gates are given: npm run cluster -- add gates --trust .delivery/trust.json",
    )
    .action((given: string | undefined, options: Options) => {
      const owner = given ?? whoRuns(options.people, process.cwd(), process.env).git;
      if (owner === undefined) throw new DeliveryError(exitCodes.usage, "Nobody knows whose key it shall be: Git has no name here.", "Name the owner by a pseudonym, as in: delivery keygen ci-1 --purpose evidence");
      const prefix = options.out ?? `.delivery/${owner}`;
      const files = { secret: `${prefix}.key`, public: `${prefix}.pub` };
      const taken = Object.values(files).find((path) => existsSync(path));
      if (taken !== undefined) throw new DeliveryError(exitCodes.usage, `${taken} is there already, and a key is never overwritten.`, "Give another --out.");
      const pair = generateSigningKeys();
      const entry = { owner, publicKey: pair.public, purposes: [...new Set(options.purpose)], ...(options.until === undefined ? {} : { validUntil: options.until }) };
      const trust = attesting("The key", () => withTrusted(readText(options.trust), entry));
      replaceFile(files.secret, pair.secret, 0o600);
      replaceFile(files.public, pair.public);
      replaceFile(options.trust, trust);
      show(options, { owner, id: pair.id, purposes: entry.purposes, secretFile: files.secret, publicFile: files.public, trustFile: options.trust }, () => [
        `Wrote ${files.secret} (secret, for its owner only) and ${files.public}; ${options.trust} trusts it for ${entry.purposes.join(" and ")}.`,
        `  owner  ${owner}`,
        `  key    ${pair.id}`,
      ]);
    });
}
