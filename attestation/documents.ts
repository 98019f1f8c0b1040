/** Where what is known about an image lies: one ConfigMap to each digest, beside the release. */

/** Names under which documents about an image are found in its ConfigMap. */
export const documentNames = {
  evidence: "evidence.dsse.json",
  provenance: "provenance.sigstore.json",
  sbom: "sbom.json",
  vulnerabilities: "vulnerabilities.json",
  vex: "vex.json",
  /** A yes for one environment. */
  approval: (environment: string): string => `approval-${environment}.dsse.json`,
} as const;

/** Name of the ConfigMap that holds what is known about an image (`sha256:…`). */
export function evidenceName(digest: string): string {
  return `release-evidence-${digest.slice("sha256:".length)}`;
}
