import { type Command, InvalidArgumentError } from "commander";
import { ledgerOfAttestations } from "../ledgerOptions.ts";
import type { NoteOptions } from "../noteAttestation.ts";
import type { OutputOptions } from "../output.ts";
import { signWithOption, trustOption } from "../signing.ts";
import { personsWords } from "../recordedText.ts";

interface Options extends OutputOptions, NoteOptions {
  readonly image: string;
  readonly environment: string;
  readonly stack?: string;
  readonly evidence: string;
  readonly hours: number;
  readonly why?: string;
  readonly signWith: string;
  readonly trust: string;
  readonly namespace?: string;
  readonly out?: string;
}

export function define(command: Command): void {
  ledgerOfAttestations(trustOption(signWithOption(command)))
    .requiredOption("-i, --image <reference>", "the image, with its digest")
    .requiredOption("-e, --environment <name>", "the one environment that the yes is for")
    .requiredOption("--evidence <file>", "the ConfigMap with the signed evidence: it says who wrote the release, who may not approve it")
    .option("-s, --stack <name>", "the stack, for the record (default: the environment's name)")
    .option("--hours <count>", "how long the yes counts", hours, 24)
    .option("--why <text>", "what the approval says; no names", personsWords)
    .option("--namespace <name>", "namespace of the ConfigMap (default: kubectl's)")
    .option("--out <file>", "write the ConfigMap there (default: standard output)")
    .addHelpText(
      "after",
      "\nExamples:\n  $ kubectl get configmap release-evidence-… --namespace production --output=json > evidence.json\n" +
        "  $ delivery approve --environment production --image ghcr.io/terragonlabs/rlhf-audit-trail@sha256:… --evidence evidence.json --sign-with ~/approval.key --out approval.json\n" +
        "  $ kubectl apply --server-side --field-manager=delivery-approval --namespace production --filename approval.json\n\n" +
        "Before anything is written the evidence and the approval are verified as the gates will verify them. Exit statuses: 6 it would not count, 7 wrong input.",
    )
    .action(async (options: Options) => {
      const { writeApproval } = await import("../writeApproval.ts");
      writeApproval(options);
    });
}

function hours(text: string): number {
  if (!/^[1-9]\d{0,3}$/.test(text)) throw new InvalidArgumentError("must be a whole number from 1 to 9999.");
  return Number(text);
}
