import { documentNames } from "../../attestation/documents.ts";
import type { TrustedRoot } from "@sigstore/protobuf-specs";
import type { EvidenceBundle } from "../../attestation/evidence-bundle.ts";
import type { Cluster } from "./cluster.ts";
import { judgeEachImage } from "./each-image.ts";
import type { Evidence } from "./evidence-store.ts";
import { provenanceFindings } from "./provenance.ts";
import type { Release } from "./release.ts";
import { readSbom } from "./sbom.ts";
import { reaches, type severities } from "./severity.ts";
import { signedEvidence, vouchedDocument, type TrustNow } from "./signed-evidence.ts";
import { no, type Finding, type Judgement } from "./verdict.ts";
import { isAboutVulnerability, isCurrent, readVex, type Exemption } from "./vex.ts";
import { readReport, type Vulnerability } from "./vulnerabilities.ts";

/** What the security gate asks of a release. */
export interface SecurityDemand {
  readonly builders: readonly string[];
  /** Whose certificates may sign provenance. @default - nobody's, only keys */
  readonly certificates?: { readonly root: TrustedRoot; readonly issuer: string; readonly subject: string };
  /** Oldest vulnerability report and oldest exemption that count. */
  readonly reportMaxAgeMs: number;
  readonly vexMaxAgeMs: number;
  /** Vulnerabilities of this severity and above refuse a release. */
  readonly refusedFrom: (typeof severities)[number];
}

const hours = (ms: number): string => `${Math.floor(ms / 3_600_000)} h`;

/**
 * Judges every image of a release: signed provenance by a trusted builder, an SBOM, and a fresh vulnerability report without anything bad
 * that no exemption speaks of. That images are named by digest was seen before.
 */
export async function judgeSecurity(cluster: Cluster, release: Release, demand: SecurityDemand, by: TrustNow, signal: AbortSignal): Promise<Judgement> {
  const judged = await judgeEachImage(
    cluster,
    release,
    (evidence) => {
      const bundle = signedEvidence(evidence, by);
      const sbom = sbomFindings(evidence, bundle);
      const report = reportFindings(evidence, bundle, demand, by.now);
      return { findings: [...provenance(evidence, demand, by), ...sbom.findings, ...report.findings], good: `${evidence.digest} (${sbom.good}; ${report.good})` };
    },
    signal,
  );
  return { ...judged, good: `provenance, SBOM and vulnerability report are in order: ${judged.good}` };
}

function provenance(evidence: Evidence, demand: SecurityDemand, { trust, now }: TrustNow): Finding[] {
  const text = evidence.document(documentNames.provenance);
  if (text === undefined) return [no(`there is no provenance of ${evidence.digest} (${documentNames.provenance} in ${evidence.place})`)];
  const keys = trust.filter((key) => key.purposes.includes("provenance") && key.validFrom <= now.getTime() && now.getTime() < key.validUntil);
  return provenanceFindings(text, evidence.digest, { keys, builders: demand.builders, ...(demand.certificates === undefined ? {} : { certificates: demand.certificates }) });
}

interface Part {
  readonly findings: readonly Finding[];
  readonly good: string;
}
const bad = (finding: Finding): Part => ({ findings: [finding], good: "" });

function sbomFindings(evidence: Evidence, bundle: EvidenceBundle): Part {
  const document = vouchedDocument(evidence, bundle, documentNames.sbom, "SBOM");
  if ("finding" in document) return bad(document.finding);
  const sbom = readSbom(json(document.text));
  if (sbom === undefined) return bad(no(`the SBOM of ${evidence.digest} is neither CycloneDX nor SPDX, or lists nothing`));
  return { findings: [], good: `${sbom.count} components in ${sbom.format}` };
}

function reportFindings(evidence: Evidence, bundle: EvidenceBundle, demand: SecurityDemand, now: Date): Part {
  const { digest } = evidence;
  const document = vouchedDocument(evidence, bundle, documentNames.vulnerabilities, "vulnerability report");
  if ("finding" in document) return bad(document.finding);
  const report = readReport(json(document.text));
  if (report === undefined) return bad(no(`the vulnerability report of ${digest} is neither Trivy's JSON nor CycloneDX nor SARIF`));
  if (report.about.length > 0 && !report.about.includes(digest)) return bad(no(`the vulnerability report of ${digest} says it is about ${report.about.join(", ")}`));
  if (report.made === undefined) return bad(no(`the vulnerability report of ${digest} does not say when it was made, or that it was made to its end`));
  const age = now.getTime() - report.made.getTime();
  if (age < -60_000) return bad(no(`the vulnerability report of ${digest} says it was made on ${report.made.toISOString()}, which is still to come`));
  if (age > demand.reportMaxAgeMs) return bad(no(`the vulnerability report of ${digest} is ${hours(age)} old; ${hours(demand.reportMaxAgeMs)} are the limit, so scan the image again`));
  const exemptions = exemptionsIn(evidence, bundle);
  const refused = report.vulnerabilities.filter(({ severity }) => reaches(severity, demand.refusedFrom));
  const open: string[] = [];
  for (const vulnerability of refused) {
    const spoken = exemptions.all.filter((exemption) => isAboutVulnerability(exemption, vulnerability));
    if (spoken.some((exemption) => isCurrent(exemption, now, demand.vexMaxAgeMs))) continue;
    open.push(described(vulnerability) + (spoken.length === 0 ? "" : `; its VEX statement is older than ${hours(demand.vexMaxAgeMs)} or has no date`));
  }
  const findings = [...exemptions.findings];
  if (open.length > 0) findings.push(no(`${digest} has ${open.length} open vulnerabilities of severity ${demand.refusedFrom} or above: ${open.slice(0, 5).join(", ")}${open.length > 5 ? ", …" : ""}`));
  return { findings, good: `${report.format} report of ${report.made.toISOString()} with ${refused.length - open.length} exempted` };
}

/** A VEX document need not be there; one that nobody vouches for, or that cannot be read, exempts nothing and is said. */
function exemptionsIn(evidence: Evidence, bundle: EvidenceBundle): { readonly all: readonly Exemption[]; readonly findings: readonly Finding[] } {
  if (evidence.document(documentNames.vex) === undefined) return { all: [], findings: [] };
  const document = vouchedDocument(evidence, bundle, documentNames.vex, "VEX document");
  if ("finding" in document) return { all: [], findings: [document.finding] };
  const all = readVex(json(document.text), evidence.digest);
  return all === undefined ? { all: [], findings: [no(`the VEX document of ${evidence.digest} is neither OpenVEX nor CycloneDX`)] } : { all, findings: [] };
}

function described({ id, severity, component, fixedIn }: Vulnerability): string {
  return `${id} (${severity}) in ${component}${fixedIn === undefined ? "" : `, fixed in ${fixedIn}`}`;
}

function json(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}
