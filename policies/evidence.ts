/** Compliance evidence: what a file must say, and what is wrong with one for a release at a date. */
import { z } from "zod";
import law from "./law.json" with { type: "json" };

/** The three files of evidence, by what they answer for. */
export const EVIDENCE_KINDS = ["eu-ai-act", "data-governance", "security-posture"] as const;
export type EvidenceKind = (typeof EVIDENCE_KINDS)[number];

const sha256 = z.string().regex(/^sha256:[0-9a-f]{64}$/, "must be sha256: and 64 hex digits");

/** One obligation answered, with what proves it. */
const itemSchema = z.strictObject({
  obligation: z.string().describe("id from the table of obligations, as in aia-12"),
  statement: z.string().min(10).describe("how the obligation is met, in a sentence"),
  evidence: z.strictObject({
    reference: z.string().min(1).describe("file beside this one, or a URL"),
    digest: sha256.describe("SHA-256 of what the reference names"),
  }),
});

/** An evidence file. */
export const evidenceSchema = z.strictObject({
  kind: z.enum(EVIDENCE_KINDS),
  example: z.strictObject({ asOf: z.iso.date() }).optional().describe("says that this is an example: its dates are judged as on asOf, and it counts for the example release only"),
  system: z.strictObject({
    id: z.string().min(1),
    riskClass: z.enum(["minimal", "limited", "high"]).default("high").describe("AI Act risk class; high when not given"),
    role: z.enum(["provider", "deployer"]).default("provider"),
  }),
  release: z.strictObject({ digests: z.array(sha256).min(1) }).describe("image digests this evidence belongs to"),
  owner: z.string().min(1),
  author: z.string().min(1),
  approver: z.string().min(1).describe("must not be the author"),
  reviewed: z.iso.date(),
  expires: z.iso.date().describe("last day on which it counts"),
  items: z.array(itemSchema),
});
export type Evidence = z.output<typeof evidenceSchema>;

/** An evidence file as found on disk. */
export interface EvidenceFile {
  /** Path relative to the evidence directory. */
  readonly file: string;
  /** Parsed content; undefined when the file can't be used. */
  readonly evidence?: Evidence;
  /** Why it can't be used. */
  readonly problems: readonly string[];
  /** Digest of each local reference; `missing` where no file is. URLs are not followed. */
  readonly references: Readonly<Record<string, string>>;
}

/** Law's view of one duty. */
export interface Obligation {
  readonly id: string;
  readonly article: string;
  readonly duty: string;
  /** Date from which it applies. */
  readonly from: string;
  readonly risk: readonly string[];
  readonly roles: readonly string[];
  readonly file: string;
}

/** The dated table of obligations. */
const OBLIGATIONS: readonly Obligation[] = law.obligations;

const DAY = 86_400_000;

/** What the gate asks of evidence. */
export interface EvidenceDemand {
  readonly kind: EvidenceKind;
  /** Digests of the images the workload runs. */
  readonly digests: readonly string[];
  readonly now: Date;
  /** Days before an obligation applies from which its evidence is asked for. */
  readonly leadDays: number;
  /** Digests for which example evidence counts. */
  readonly exampleDigests: readonly string[];
}

/** What is missing or wrong, in words; empty when the evidence counts. */
export function evidenceProblems(files: readonly EvidenceFile[], demand: EvidenceDemand): string[] {
  const broken = files.filter((file) => !file.evidence).map((file) => `${file.file} can't be used: ${file.problems.join("; ")}`);
  const ofKind = files.filter((file) => file.evidence?.kind === demand.kind);
  if (ofKind.length === 0) return [`no evidence file of kind ${demand.kind}`, ...broken];
  const answers = ofKind.map((file) => problemsOf(file, demand));
  // One sound file is enough: releases may keep theirs side by side.
  return answers.some((answer) => answer.length === 0) ? [] : answers.flat();
}

function problemsOf(file: EvidenceFile, demand: EvidenceDemand): string[] {
  const { evidence } = file;
  if (!evidence) return [];
  const problems: string[] = [];
  const say = (text: string) => problems.push(`${file.file}: ${text}`);
  if (!demand.digests.some((digest) => evidence.release.digests.includes(digest))) say(`belongs to another release (${evidence.release.digests.join(", ")}), not to ${demand.digests.join(", ") || "an image without digest"}`);
  if (evidence.example && !evidence.release.digests.every((digest) => demand.exampleDigests.includes(digest))) say("is an example, which counts for the example release only");
  if (evidence.approver.trim().toLowerCase() === evidence.author.trim().toLowerCase()) say(`was approved by its own author (${evidence.author})`);
  const now = evidence.example ? Date.parse(evidence.example.asOf) : demand.now.getTime();
  if (Date.parse(evidence.expires) + DAY <= now) say(`expired on ${evidence.expires}`);
  if (Date.parse(evidence.reviewed) > now) say(`says it was reviewed on ${evidence.reviewed}, which is still to come`);
  for (const obligation of demanded(evidence, demand.kind, now + demand.leadDays * DAY)) {
    if (!evidence.items.some((item) => item.obligation === obligation.id)) say(`says nothing about ${obligation.id} (${obligation.article}: ${obligation.duty})`);
  }
  for (const { evidence: { reference, digest } } of evidence.items) {
    const actual = file.references[reference];
    if (actual === "missing") say(`names ${reference}, which is not there`);
    else if (actual !== undefined && actual !== digest) say(`names ${reference} with another digest than it has`);
  }
  return problems;
}

function demanded(evidence: Evidence, kind: EvidenceKind, until: number): Obligation[] {
  const { riskClass, role } = evidence.system;
  return OBLIGATIONS.filter((duty) => duty.file === kind && duty.risk.includes(riskClass) && duty.roles.includes(role) && Date.parse(duty.from) <= until);
}
