/** Options of the commands that look at a stack or change it. */
import { type Command, Option } from "commander";
import { defaultLedger, peopleOption, signingKeyOption } from "./ledgerOptions.ts";
import type { OutputOptions } from "./output.ts";

/** As commander yields them. */
export interface StackOptions extends OutputOptions {
  readonly stack: string;
  readonly cwd: string;
  readonly kubeconfig?: string;
  readonly context?: string;
  readonly engine?: "embedded" | "pulumi";
}
export interface ChangeOptions extends StackOptions {
  readonly ledger: string;
  readonly signingKey: string;
  readonly people: string;
  readonly verbose: boolean;
}

/** Adds the options that name a stack and its cluster. */
export function stackOptions(command: Command): Command {
  return command
    .requiredOption("-s, --stack <name>", "the stack")
    .option("-C, --cwd <folder>", "folder of the project", ".")
    .option("--kubeconfig <file>", "the cluster's kubeconfig (default: the stack's, KUBECONFIG, ~/.kube/config)")
    .option("--context <name>", "context in it")
    .addOption(new Option("--engine <name>", "who has the stack (default: the embedded engine where it has a state of it, else the Pulumi CLI)").choices(["embedded", "pulumi"]));
}

/** Adds the options of commands that change a stack. */
export function changeOptions(command: Command): Command {
  return peopleOption(signingKeyOption(stackOptions(command)))
    .addOption(new Option("--ledger <folder>", "the ledger that records it").env("DELIVERY_LEDGER").default(defaultLedger))
    .option("--verbose", "show all that the engine prints", false);
}
