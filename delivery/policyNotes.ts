import { WAIVERS_POLICY } from "../policies/settings.ts";
import type { Note } from "./releaseContext.ts";
import type { Updated } from "./stackUpdate.ts";

/** What the policy packs said of an update, for the ledger: one verdict for each pack, with the digests of the pack and its configuration. */
export function policyNotes({ policies: { packs, findings } }: Pick<Updated, "policies">): Note[] {
  return packs.map(({ name, digest, configDigest, resourcesUnchecked, stackAnalyzed }) => {
    const own = findings.filter(({ pack }) => pack === name);
    const broken = own.some(({ level }) => level === "mandatory");
    const verdict = broken ? "fail" : resourcesUnchecked > 0 || !stackAnalyzed ? "cannot-judge" : "pass";
    return {
      kind: "gate-verdict",
      what: { pack: `sha256:${digest}`, ...(configDigest !== undefined && { policies: `sha256:${configDigest}` }) },
      data: { gate: name, verdict, findings: own.length, waived: own.filter(({ policy }) => policy === WAIVERS_POLICY).length },
    };
  });
}
