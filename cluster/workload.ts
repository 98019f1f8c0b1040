import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ClusterError, ExitCode } from "./failure.ts";
import type { Tell } from "./host.ts";
import { auditTrailImage, imageNames } from "./images/catalog.ts";
import { loadImage } from "./images/load.ts";
import { Node } from "./node.ts";
import { repository } from "./paths.ts";
import { mustRun } from "./run.ts";

/**
 * Builds the workload's image from this checkout and loads it into the cluster.
 * @param label `name=value`, which makes an otherwise equal image another one: a second version to switch to
 * @returns the reference with its digest, for the stack's configuration
 */
export async function workloadImage(name: string, label: string | undefined, tell: Tell): Promise<string> {
  const node = new Node(name);
  await node.mustBeAlive();
  const folder = await mkdtemp(join(tmpdir(), "rlhf-bundle-"));
  try {
    tell("bundling the workload");
    await mustRun(process.execPath, [join(repository, "services/build.mjs"), folder]);
    const image = await auditTrailImage(folder);
    const labels = { ...image.labels, ...parseLabel(label) };
    const { references: [reference] } = await loadImage(node, { ...image, labels }, [imageNames.auditTrail]);
    if (reference === undefined) throw new Error("the image has no name");
    return reference;
  } finally {
    await rm(folder, { recursive: true });
  }
}

function parseLabel(text: string | undefined): Record<string, string> {
  if (text === undefined) return {};
  const [, key, value] = /^([a-z0-9./-]+)=(.*)$/.exec(text) ?? [];
  if (key === undefined || value === undefined) throw new ClusterError(`--label "${text}" is not name=value.`, undefined, ExitCode.usage);
  return { [key]: value };
}
