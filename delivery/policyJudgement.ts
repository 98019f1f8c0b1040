/** What the policy pack said of a release: its JSON report, and the evidence files on the disk that it judged. */
import { join } from "node:path";
import { z } from "zod";
import { evidenceProblems, EVIDENCE_KINDS, type EvidenceFile, type EvidenceKind } from "../policies/evidence.ts";
import { readEvidence } from "../policies/evidence-files.ts";
import { EXAMPLE_DIGEST } from "../policies/example-release.ts";
import { DeliveryError } from "./deliveryError.ts";
import { digestOfText } from "./evidenceMap.ts";
import { exitCodes } from "./exitCodes.ts";
import { givenText } from "./signing.ts";

const reportSchema = z.object({
  tool: z.object({ name: z.string(), version: z.string(), digest: z.string().optional() }),
  run: z.object({ kind: z.string(), stack: z.string().optional() }),
  generated: z.string(),
  verdict: z.enum(["passed", "violated", "incomplete"]),
  images: z.array(z.object({ image: z.string() })),
  findings: z.array(z.object({ rule: z.string(), level: z.string(), status: z.string() })),
  evidence: z.array(z.object({ file: z.string(), state: z.string() })),
});
/** The part of a pack's report that evidence rests on. */
export type PolicyReport = z.output<typeof reportSchema>;

/** The pack that judged. */
export interface Judge {
  readonly name: string;
  readonly version: string;
  readonly digest: string;
}

const makeReport = "Make one: npm run preview -- --stack STACK --report json=report.json";

/**
 * Reads a report and refuses one on which no evidence can rest.
 * @param digest the image, `sha256:…`
 * @throws DeliveryError `usage` when it is none, `refused` when it is of another image or stack, too old, or not a pass
 */
export function readPolicyReport(path: string, demand: { readonly digest: string; readonly stack: string; readonly now: Date; readonly maxAgeHours: number }): { readonly report: PolicyReport; readonly judge: Judge } {
  const parsed = reportSchema.safeParse(jsonOf(givenText(path, "policy report", makeReport)));
  if (!parsed.success) throw new DeliveryError(exitCodes.usage, `${path} is no JSON report of the policy pack.`, makeReport);
  const report = parsed.data;
  const refuse = (why: string, fix: string): never => {
    throw new DeliveryError(exitCodes.refused, `${path} can't vouch for this release: ${why}. Nothing was written.`, fix);
  };
  const { digest } = report.tool;
  if (digest === undefined) return refuse("it does not say which policy pack judged (the pack ran from its sources)", makeReport);
  if (report.run.stack !== demand.stack) refuse(`it is of ${report.run.stack === undefined ? `a ${report.run.kind} of files` : `stack ${report.run.stack}`}, not of stack ${demand.stack}`, makeReport);
  if (report.verdict !== "passed") refuse(report.verdict === "violated" ? `mandatory policies object: ${objections(report)}` : "it is incomplete: the stack was not judged as a whole", "Mend what it names, or have it waived, and preview again.");
  if (!report.images.some(({ image }) => image.endsWith(`@${demand.digest}`))) refuse(`it does not judge ${demand.digest}, but ${report.images.map(({ image }) => image).join(", ") || "no image"}`, "Preview the stack with this image in its configuration.");
  const hours = (demand.now.getTime() - Date.parse(report.generated)) / 3_600_000;
  if (!(hours > -1 / 60 && hours <= demand.maxAgeHours)) refuse(`it was made on ${report.generated}, and may be ${demand.maxAgeHours} hours old`, makeReport);
  return { report, judge: { name: report.tool.name, version: report.tool.version, digest } };
}

function objections({ findings }: PolicyReport): string {
  const rules = [...new Set(findings.filter(({ level, status }) => level === "mandatory" && status !== "waived").map(({ rule }) => rule))];
  return rules.length > 4 ? `${rules.slice(0, 4).join(", ")} and ${rules.length - 4} more` : rules.join(", ");
}

/** A file that answers for one kind of evidence. */
export interface Answer {
  readonly kind: EvidenceKind;
  readonly file: string;
  readonly digest: string;
  /** As the file names them. */
  readonly author: string;
  readonly approver: string;
  readonly reviewed: string;
  readonly expires: string;
}

/**
 * The files that count for an image, judged again as they are on the disk now, since the report may be older than they are.
 * @param folder the evidence directory, as a rule `compliance`
 * @param leadDays how long before it applies an obligation is asked for; the rules of the pack asked for more or less, as configured
 * @throws DeliveryError `refused` when a kind has no file that counts
 */
export function readAnswers(folder: string, demand: { readonly digest: string; readonly now: Date; readonly leadDays: number }, report: PolicyReport): Answer[] {
  const files = readEvidence(folder);
  if (files === undefined) throw new DeliveryError(exitCodes.usage, `There is no folder ${folder} with evidence.`, "Name it with --compliance; compliance/README.md says what it holds.");
  return EVIDENCE_KINDS.map((kind) => {
    const asked = { kind, digests: [demand.digest], now: demand.now, leadDays: demand.leadDays, exampleDigests: [EXAMPLE_DIGEST] };
    const sound = files.find((file) => file.evidence?.kind === kind && evidenceProblems([file], asked).length === 0);
    if (sound?.evidence === undefined) {
      const problems = evidenceProblems(files.filter((file) => file.evidence === undefined || file.evidence.kind === kind), asked);
      throw new DeliveryError(exitCodes.refused, `There is no evidence for ${kind} that counts for ${demand.digest}: ${problems.join("; ")}. Nothing was written.`, "compliance/README.md says what a file must hold.");
    }
    return answerOf(folder, sound, sound.evidence, report);
  });
}

function answerOf(folder: string, { file }: EvidenceFile, { kind, author, approver, reviewed, expires }: NonNullable<EvidenceFile["evidence"]>, report: PolicyReport): Answer {
  if (!report.evidence.some((seen) => seen.file === file && seen.state === "current"))
    throw new DeliveryError(exitCodes.refused, `The policy report did not judge ${join(folder, file)}. Nothing was written.`, "Preview again: the report must be of the evidence as it is.");
  return { kind, file, digest: digestOfText(givenText(join(folder, file), "evidence file", "")), author, approver, reviewed, expires };
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
