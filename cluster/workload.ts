import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ClusterError, ExitCode } from "./failure.ts";
import type { Tell } from "./host.ts";
import { auditTrailImage, gatesImage, imageNames } from "./images/catalog.ts";
import { loadImage } from "./images/load.ts";
import { Node } from "./node.ts";
import { repository } from "./paths.ts";
import { mustRun } from "./run.ts";

/** What images can be built of: the names of the bundles. */
const services = {
  "audit-trail": { image: auditTrailImage, name: imageNames.auditTrail },
  gates: { image: gatesImage, name: imageNames.gates },
} as const;

/**
 * Builds the image of a service from this checkout and loads it into the cluster.
 * @param service "audit-trail" or "gates"
 * @param label `name=value`, which makes an otherwise equal image another one: a second version to switch to
 * @returns the reference with its digest, for the stack's configuration
 */
export async function serviceImage(name: string, service: string, label: string | undefined, tell: Tell): Promise<string> {
  const known = Object.entries(services).find(([key]) => key === service)?.[1];
  if (known === undefined) throw new ClusterError(`--service "${service}" is none of ${Object.keys(services).join(", ")}.`, undefined, ExitCode.usage);
  const node = new Node(name);
  await node.mustBeAlive();
  const folder = await mkdtemp(join(tmpdir(), "rlhf-bundle-"));
  try {
    tell(`bundling ${service}`);
    await mustRun(process.execPath, [join(repository, "services/build.mjs"), folder, service]);
    const image = await known.image(folder);
    const labels = { ...image.labels, ...parseLabel(label) };
    const { references: [reference] } = await loadImage(node, { ...image, labels }, [known.name]);
    if (reference === undefined) throw new Error("the image has no name");
    return reference;
  } finally {
    await rm(folder, { recursive: true });
  }
}

/** The workload's own image; see `serviceImage`. */
export async function workloadImage(name: string, label: string | undefined, tell: Tell): Promise<string> {
  return serviceImage(name, "audit-trail", label, tell);
}

function parseLabel(text: string | undefined): Record<string, string> {
  if (text === undefined) return {};
  const [, key, value] = /^([a-z0-9./-]+)=(.*)$/.exec(text) ?? [];
  if (key === undefined || value === undefined) throw new ClusterError(`--label "${text}" is not name=value.`, undefined, ExitCode.usage);
  return { [key]: value };
}
