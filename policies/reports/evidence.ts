/** Evidence as a report lists it: what each file says of itself, and whether its dates hold. */
import type { EvidenceFile, EvidenceKind } from "../evidence.ts";

/** One evidence file. */
export interface ReportEvidence {
  readonly file: string;
  /** `unusable`: it can't be read as evidence, and `problems` say why. */
  readonly state: "current" | "expired" | "unusable";
  readonly problems: readonly string[];
  readonly kind?: EvidenceKind;
  readonly system?: string;
  readonly owner?: string;
  readonly author?: string;
  readonly approver?: string;
  readonly reviewed?: string;
  readonly expires?: string;
  /** The day on which an example's dates are judged. */
  readonly exampleAsOf?: string;
  /** Image digests that it belongs to. */
  readonly digests: readonly string[];
  /** Obligations that it answers. */
  readonly obligations: readonly string[];
}

const DAY = 86_400_000;

/** Every file that was found, in order of names. Whether a release may rest on it is for the policies to say. */
export function reportEvidence(files: readonly EvidenceFile[], now: Date): ReportEvidence[] {
  return files.map(({ file, evidence, problems }) => {
    if (!evidence) return { file, state: "unusable", problems, digests: [], obligations: [] };
    const { kind, owner, author, approver, reviewed, expires, release, items, example, system } = evidence;
    const day = example ? Date.parse(example.asOf) : now.getTime();
    return {
      file, state: Date.parse(expires) + DAY <= day ? "expired" : "current", problems, kind, system: `${system.id} (${system.riskClass} risk, ${system.role})`, owner, author, approver, reviewed, expires,
      ...(example && { exampleAsOf: example.asOf }),
      digests: release.digests,
      obligations: items.map((item) => item.obligation),
    };
  });
}
