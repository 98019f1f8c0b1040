/** Images of the workload for a rehearsal: versions that differ by a label, and bad ones by the faults that they are born with. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { auditTrailImage, imageNames } from "../cluster/images/catalog.ts";
import { loadImage } from "../cluster/images/load.ts";
import type { Node } from "../cluster/node.ts";
import { repository } from "../cluster/paths.ts";
import { mustRun } from "../cluster/run.ts";
import type { FaultSettings } from "../services/audit-trail/fault-settings.ts";

/**
 * Builds the workload once and loads an image of it for each name.
 * @param faults by name; an empty object is a good version
 * @returns references with digests, by name
 */
export async function loadVersions<Name extends string>(node: Node, faults: Readonly<Record<Name, Partial<FaultSettings>>>): Promise<Record<Name, string>> {
  const folder = await mkdtemp(join(tmpdir(), "rlhf-bundle-"));
  try {
    await mustRun(process.execPath, [join(repository, "services/build.mjs"), folder]);
    const image = await auditTrailImage(folder);
    const loaded: [string, string][] = [];
    for (const [name, fault] of Object.entries<Partial<FaultSettings>>(faults)) {
      const env: Record<string, string> = Object.keys(fault).length === 0 ? {} : { FAULTS_ENABLED: "true", FAULTS: JSON.stringify(fault) };
      const version = { ...image, env: { ...image.env, ...env }, labels: { ...image.labels, "dev.rlhf-audit-trail.rehearsal": name } };
      const { references } = await loadImage(node, version, [imageNames.auditTrail]);
      loaded.push([name, references[0] ?? ""]);
    }
    return Object.fromEntries(loaded) as Record<Name, string>;
  } finally {
    await rm(folder, { recursive: true });
  }
}
