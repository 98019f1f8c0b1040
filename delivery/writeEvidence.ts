/** `delivery evidence`: what is known about an image, signed for the gates of one environment. */
import { resolve } from "node:path";
import { attestEvidence } from "../attestation/attest.ts";
import { documentNames } from "../attestation/documents.ts";
import type { EvidenceBundle } from "../attestation/evidence-bundle.ts";
import { keyId, parseSigningKey, parseTrust } from "../attestation/keys.ts";
import { ownerOf } from "../attestation/trust-file.ts";
import { verifyEvidence } from "../attestation/verify.ts";
import { digestOfText, evidenceMap } from "./evidenceMap.ts";
import { checkImage, digestOf } from "./image.ts";
import { noteAttestation, type NoteOptions } from "./noteAttestation.ts";
import type { OutputOptions } from "./output.ts";
import { authorOfCommit, pseudonymOfNamed } from "./people.ts";
import { type Answer, readAnswers, readPolicyReport } from "./policyJudgement.ts";
import { settingsDigest } from "./stackSettings.ts";
import { attesting, givenText } from "./signing.ts";
import { handOut } from "./handOut.ts";

/** What it is made of; files by their paths. */
export interface EvidenceChoice extends OutputOptions, NoteOptions {
  readonly image: string;
  readonly stack: string;
  readonly cwd: string;
  readonly environment: string;
  readonly report: string;
  /** Hours. */
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

/**
 * Judges, signs, verifies as a gate does, records, and only then writes.
 * @throws DeliveryError `refused` when what there is does not count, `usage` when an input can't be used
 */
export function writeEvidence(choice: EvidenceChoice): void {
  const now = new Date();
  const image = checkImage(choice.image);
  const digest = digestOf(image);
  const { report, judge } = readPolicyReport(choice.report, { digest, stack: choice.stack, now, maxAgeHours: choice.reportAge });
  const answers = readAnswers(resolve(choice.cwd, choice.compliance), { digest, now, leadDays: choice.leadDays }, report);
  const documents = documentsOf(choice);
  const bundle: EvidenceBundle = {
    environment: choice.environment,
    author: choice.author ?? authorOfCommit(choice.people, choice.cwd, choice.commit),
    policyPack: judge,
    configuration: { digest: settingsDigest(resolve(choice.cwd, `Pulumi.${choice.stack}.yaml`)) },
    evidence: answers.map((answer) => named(choice.people, answer)),
    documents: [...documents].map(([name, text]) => ({ name, digest: digestOfText(text) })),
    created: now.toISOString(),
    expires: new Date(now.getTime() + choice.days * 86_400_000).toISOString(),
  };
  const trustText = givenText(choice.trust, "trust file", "`delivery keygen --purpose evidence` makes a key and adds it.");
  const { signed, key } = attesting("The evidence", () => {
    const secret = parseSigningKey(givenText(choice.signWith, "signing key", "`delivery keygen --purpose evidence` makes one."));
    ownerOf(trustText, keyId(secret), "evidence");
    const envelope = JSON.stringify(attestEvidence([{ name: image.split("@")[0] ?? "", digest }], bundle, [secret]));
    verifyEvidence(envelope, { digest, environment: choice.environment, trust: parseTrust(trustText), now });
    return { signed: envelope, key: keyId(secret) };
  });
  const provenance = choice.provenance === undefined ? [] : [[documentNames.provenance, givenText(choice.provenance, "provenance", fileFix)] as const];
  const map = evidenceMap(digest, choice.namespace, new Map([[documentNames.evidence, signed], ...provenance, ...documents]));
  const seq = noteAttestation(choice, `evidence --stack ${choice.stack}`, {
    kind: "evidence-signed",
    stack: choice.stack,
    what: { image: digest, config: bundle.configuration.digest, pack: judge.digest },
    evidence: [{ name: documentNames.evidence, digest: digestOfText(signed) }, ...bundle.documents.map((document) => ({ name: document.name, digest: document.digest }))],
    data: { environment: choice.environment, key, expires: bundle.expires },
  });
  handOut(choice, map, { image, environment: choice.environment, author: bundle.author, expires: bundle.expires, key, documents: [documentNames.evidence, ...provenance.map(([name]) => name), ...documents.keys()], ...(seq === undefined ? {} : { entry: seq }) });
}

const fileFix = "Give the path of a file that is there.";

/** The documents that the bundle vouches for, by the names under which gates find them. */
function documentsOf({ sbom, vulnerabilities, vex }: EvidenceChoice): Map<string, string> {
  const given: readonly (readonly [string, string, string | undefined])[] = [
    [documentNames.sbom, "SBOM", sbom],
    [documentNames.vulnerabilities, "vulnerability report", vulnerabilities],
    [documentNames.vex, "VEX document", vex],
  ];
  return new Map(given.flatMap(([name, called, path]) => (path === undefined ? [] : [[name, givenText(path, called, fileFix)] as const])));
}

/** An answer without names: evidence is kept for years. */
function named(people: string, { author, approver, ...rest }: Answer): EvidenceBundle["evidence"][number] {
  return { ...rest, author: pseudonymOfNamed(people, author), approver: pseudonymOfNamed(people, approver) };
}
