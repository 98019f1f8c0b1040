import { z } from "zod";
import type { Vulnerability } from "./vulnerabilities.ts";

/** A vulnerability that somebody says does not matter in this image. */
export interface Exemption {
  readonly ids: readonly string[];
  /** The components that it is said of; all where empty. */
  readonly components: readonly string[];
  /** When it was said; undefined where it is not. */
  readonly said: Date | undefined;
}

const identified = z.object({
  "@id": z.string().optional(),
  identifiers: z.record(z.string(), z.string()).default({}),
  hashes: z.record(z.string(), z.string()).default({}),
});

const openVex = z.object({
  "@context": z.string().startsWith("https://openvex.dev/ns"),
  timestamp: z.string().optional(),
  statements: z.array(
    z.object({
      vulnerability: z.object({ name: z.string(), aliases: z.array(z.string()).default([]) }),
      products: z.array(identified.extend({ subcomponents: z.array(identified).default([]) })).default([]),
      status: z.string(),
      justification: z.string().optional(),
      timestamp: z.string().optional(),
      last_updated: z.string().optional(),
    }),
  ),
});

const cycloneDx = z.object({
  bomFormat: z.literal("CycloneDX"),
  metadata: z.object({ timestamp: z.string().optional() }).optional(),
  vulnerabilities: z.array(
    z.object({
      id: z.string(),
      analysis: z.object({ state: z.string().optional(), justification: z.string().optional(), firstIssued: z.string().optional(), lastUpdated: z.string().optional() }).optional(),
      affects: z.array(z.object({ ref: z.string() })).default([]),
    }),
  ),
});

/** States of CycloneDX that say a vulnerability does not matter, and whether they need a justification. */
const harmless: Readonly<Record<string, boolean>> = { not_affected: true, false_positive: false, resolved: false, resolved_with_pedigree: false };

/** Reads OpenVEX or CycloneDX; undefined where it is neither. Of OpenVEX only what is said of this image (`sha256:…`) is taken. */
export function readVex(document: unknown, digest: string): Exemption[] | undefined {
  const asOpenVex = openVex.safeParse(document);
  if (asOpenVex.success) return fromOpenVex(asOpenVex.data, digest);
  const asCycloneDx = cycloneDx.safeParse(document);
  return asCycloneDx.success ? fromCycloneDx(asCycloneDx.data) : undefined;
}

function fromOpenVex({ timestamp, statements }: z.output<typeof openVex>, digest: string): Exemption[] {
  return statements.flatMap((statement) => {
    const { vulnerability, products, status, justification } = statement;
    if (status !== "fixed" && !(status === "not_affected" && (justification ?? "") !== "")) return [];
    return products
      .filter((product) => isImage(product, digest))
      .map(({ subcomponents }) => ({
        ids: [vulnerability.name, ...vulnerability.aliases],
        components: subcomponents.flatMap((part) => [...(part["@id"] === undefined ? [] : [part["@id"]]), ...Object.values(part.identifiers)]),
        said: date(statement.last_updated ?? statement.timestamp ?? timestamp),
      }));
  });
}

/** A package URL writes the colon of a digest as %3A. */
function isImage(product: z.output<typeof identified>, digest: string): boolean {
  const names = [product["@id"] ?? "", ...Object.values(product.identifiers)].map((name) => name.replace(/%3a/gi, ":"));
  return names.some((name) => name.split(/[@?&#]/).includes(digest)) || `sha256:${product.hashes["sha-256"] ?? ""}` === digest;
}

function fromCycloneDx({ metadata, vulnerabilities }: z.output<typeof cycloneDx>): Exemption[] {
  return vulnerabilities.flatMap(({ id, analysis, affects }) => {
    const needsJustification = Object.hasOwn(harmless, analysis?.state ?? "") ? harmless[analysis?.state ?? ""] : undefined;
    if (needsJustification === undefined || (needsJustification && (analysis?.justification ?? "") === "")) return [];
    return [{ ids: [id], components: affects.map(({ ref }) => ref), said: date(analysis?.lastUpdated ?? analysis?.firstIssued ?? metadata?.timestamp) }];
  });
}

/** Whether an exemption is about a vulnerability: the same id or an alias, and the same component where it names any. */
export function isAboutVulnerability({ ids, components }: Exemption, { id, component }: Vulnerability): boolean {
  return ids.includes(id) && (components.length === 0 || components.includes(component));
}

/** Whether an exemption still counts: said in the past, and not longer ago than `maxAgeMs`, since nobody looks at one for ever. */
export function isCurrent({ said }: Exemption, now: Date, maxAgeMs: number): boolean {
  const age = said === undefined ? Infinity : now.getTime() - said.getTime();
  return age >= -60_000 && age <= maxAgeMs;
}

function date(text: string | undefined): Date | undefined {
  const time = Date.parse(text ?? "");
  return Number.isNaN(time) ? undefined : new Date(time);
}
