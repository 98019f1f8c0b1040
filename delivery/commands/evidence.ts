import { type Command, InvalidArgumentError } from "commander";
import type { NoteOptions } from "../noteAttestation.ts";
import { ledgerOfAttestations } from "../ledgerOptions.ts";
import type { OutputOptions } from "../output.ts";
import { signWithOption, trustOption } from "../signing.ts";

interface Options extends OutputOptions, NoteOptions {
  readonly image: string;
  readonly stack: string;
  readonly cwd: string;
  readonly environment?: string;
  readonly report: string;
  readonly reportAge: number;
  readonly compliance: string;
  readonly leadDays: number;
  readonly provenance?: string;
  readonly sbom?: string;
  readonly vulnerabilities?: string;
  readonly vex?: string;
  readonly author?: string;
  readonly commit: string;
  readonly days: number;
  readonly signWith: string;
  readonly trust: string;
  readonly namespace?: string;
  readonly out?: string;
}

export function define(command: Command): void {
  ledgerOfAttestations(trustOption(signWithOption(command)))
    .requiredOption("-i, --image <reference>", "the image, with its digest")
    .requiredOption("-s, --stack <name>", "the stack that it goes to")
    .requiredOption("--report <file>", "the policy pack's JSON report of this stack with this image: it must have passed")
    .option("-C, --cwd <folder>", "folder of the project", ".")
    .option("--environment <name>", "the environment that it counts in (default: the stack's name)")
    .option("--report-age <hours>", "how old the report may be", count, 24)
    .option("--compliance <folder>", "the evidence files that the pack judges", "compliance")
    .option("--lead-days <days>", "days before an obligation applies from which its evidence is asked for", count, 730)
    .option("--sbom <file>", "CycloneDX, SPDX 2 or SPDX 3")
    .option("--vulnerabilities <file>", "Trivy's JSON, CycloneDX or SARIF")
    .option("--vex <file>", "OpenVEX or CycloneDX")
    .option("--provenance <file>", "Sigstore bundle with SLSA provenance; it is signed by itself")
    .option("--commit <id>", "the commit that it was built from: its author is the release's", "HEAD")
    .option("--author <pseudonym>", "who wrote the release, instead")
    .option("--days <count>", "how long it counts", count, 7)
    .option("--namespace <name>", "namespace of the ConfigMap (default: kubectl's)")
    .option("--out <file>", "write the ConfigMap there (default: standard output)")
    .addHelpText(
      "after",
      "\nExamples:\n  $ npm run preview -- --stack production --report json=report.json\n" +
        "  $ delivery evidence --stack production --image ghcr.io/terragonlabs/rlhf-audit-trail@sha256:… --report report.json --sbom sbom.json --vulnerabilities trivy.json --provenance provenance.json --sign-with pipeline.key --out evidence.json\n" +
        "  $ kubectl apply --server-side --field-manager=delivery-evidence --namespace production --filename evidence.json\n\n" +
        "Before anything is written the result is verified as the gates will verify it. Exit statuses: 6 what is there does not count, 7 wrong input.",
    )
    .action(async (options: Options) => {
      const { writeEvidence } = await import("../writeEvidence.ts");
      writeEvidence({ ...options, environment: options.environment ?? options.stack });
    });
}

function count(text: string): number {
  if (!/^[1-9]\d{0,4}$/.test(text)) throw new InvalidArgumentError("must be a whole number from 1 to 99999.");
  return Number(text);
}
