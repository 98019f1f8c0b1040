import { z } from "zod";

const cycloneDx = z.object({ bomFormat: z.literal("CycloneDX"), specVersion: z.string(), components: z.array(z.object({ name: z.string() })).min(1) });
const spdx2 = z.object({ spdxVersion: z.string().regex(/^SPDX-2\.\d+$/), packages: z.array(z.object({ name: z.string() })).min(1) });
const spdx3 = z.object({
  "@context": z.string().includes("spdx.org/rdf/3"),
  "@graph": z.array(z.looseObject({ type: z.string().optional() })).refine((all) => all.some(({ type }) => type === "software_Package")),
});

/** An SBOM's format and how many things it lists; undefined where it is none, or lists nothing. */
export function readSbom(document: unknown): { readonly format: string; readonly count: number } | undefined {
  const asCycloneDx = cycloneDx.safeParse(document);
  if (asCycloneDx.success) return { format: `CycloneDX ${asCycloneDx.data.specVersion}`, count: asCycloneDx.data.components.length };
  const asSpdx2 = spdx2.safeParse(document);
  if (asSpdx2.success) return { format: asSpdx2.data.spdxVersion, count: asSpdx2.data.packages.length };
  const asSpdx3 = spdx3.safeParse(document);
  if (asSpdx3.success) return { format: "SPDX 3", count: asSpdx3.data["@graph"].filter(({ type }) => type === "software_Package").length };
  return undefined;
}
