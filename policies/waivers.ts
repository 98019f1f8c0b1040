/** Time-boxed exemptions of one resource from one rule. Always reported; an invalid or expired one waives nothing. */
import { z } from "zod";
import { annotation, nameOf, namespaceOf, type Resource } from "./resource.ts";
import { containersOf, podOf } from "./kubernetes/pods.ts";
import { parseImage } from "./kubernetes/image.ts";
import { known, text } from "./value.ts";

/** Annotation that holds a JSON array of waivers (without `resource`) on the object itself. */
const WAIVER_ANNOTATION = "policy.rlhf-audit-trail.dev/waivers";

const digest = z.string().regex(/^sha256:[0-9a-f]{64}$/, "must be sha256: and 64 hex digits");
const date = z.iso.date();

/** A waiver as written in the pack's configuration. */
export const waiverSchema = z.strictObject({
  rule: z.string().min(1).describe("policy name"),
  resource: z.string().min(1).describe("Kind/namespace/name, Kind/name, or the whole URN"),
  reason: z.string().min(10, "say why, in ten characters or more"),
  requestedBy: z.string().min(1),
  approver: z.string().min(1),
  expires: date.describe("last day on which it holds"),
  digest: digest.optional().describe("image digest that the resource must run; needed where its images have one"),
});

/** A waiver for one rule and resource. */
export type Waiver = z.output<typeof waiverSchema>;

const annotationSchema = z.array(waiverSchema.omit({ resource: true }));

/** Longest time for which a waiver may be given from today, in days. */
const LONGEST_WAIVER_DAYS = 90;

const DAY = 86_400_000;

/** Whether a waiver covers a finding, and if one was meant to but doesn't, why not. */
export type WaiverAnswer = { readonly waived: true; readonly waiver: Waiver } | { readonly waived: false; readonly refused?: string };

/** Looks for a waiver of `rule` on `resource`, in the configuration and in the object's annotation. */
export function findWaiver(rule: string, resource: Resource, configured: readonly Waiver[], now: Date): WaiverAnswer {
  const own = annotated(resource);
  if (own.problem !== undefined) return { waived: false, refused: own.problem };
  const candidates = [...configured, ...own.waivers].filter((waiver) => waiver.rule === rule && names(waiver.resource, resource));
  let refused: string | undefined;
  for (const waiver of candidates) {
    const problem = refusal(waiver, resource, now);
    if (problem === undefined) return { waived: true, waiver };
    refused = problem;
  }
  return { waived: false, ...(refused !== undefined && { refused }) };
}

function annotated(resource: Resource): { waivers: Waiver[]; problem?: string } {
  const written = known(() => annotation(resource.data, WAIVER_ANNOTATION));
  if (written === undefined) return { waivers: [] };
  try {
    const parsed = annotationSchema.safeParse(JSON.parse(written));
    if (parsed.success) return { waivers: parsed.data.map((waiver) => ({ ...waiver, resource: resource.id })) };
    const issue = parsed.error.issues[0];
    return { waivers: [], problem: `the annotation ${WAIVER_ANNOTATION} is wrong: ${issue?.path.map(String).join(".") ?? ""}: ${issue?.message ?? ""}` };
  } catch {
    return { waivers: [], problem: `the annotation ${WAIVER_ANNOTATION} is not JSON` };
  }
}

function names(written: string, resource: Resource): boolean {
  if (written === resource.id) return true;
  const name = known(() => nameOf(resource));
  if (name === undefined) return false;
  return written === `${resource.kind}/${name}` || written === `${resource.kind}/${known(() => namespaceOf(resource)) ?? ""}/${name}`;
}

function refusal(waiver: Waiver, resource: Resource, now: Date): string | undefined {
  const end = Date.parse(waiver.expires) + DAY;
  if (end <= now.getTime()) return `its waiver expired on ${waiver.expires}`;
  if (end > now.getTime() + (LONGEST_WAIVER_DAYS + 1) * DAY) return `its waiver lasts until ${waiver.expires}, longer than ${LONGEST_WAIVER_DAYS} days`;
  if (waiver.approver === waiver.requestedBy) return `its waiver was approved by the one who asked for it (${waiver.approver})`;
  const digests = known(() => digestsOf(resource)) ?? ["unknown"];
  // Where no image has a digest there is nothing to bind the waiver to.
  if (digests.length === 0) return undefined;
  if (waiver.digest === undefined) return "its waiver names no image digest";
  return digests.includes(waiver.digest) ? undefined : "its waiver is for another image digest";
}

function digestsOf(resource: Resource): string[] {
  const pod = podOf(resource);
  const images = pod ? containersOf(pod).map((container) => text(container.spec, "image") ?? "") : [];
  return images.map((image) => parseImage(image)?.digest).filter((found) => found !== undefined);
}
