import { createHash } from "node:crypto";
import canonicalize from "canonicalize";
import { z } from "zod";
import type { Cluster } from "./cluster.ts";
import { Halt } from "./verdict.ts";

const webhookSchema = z.object({ type: z.string().default("rollout"), url: z.string(), metadata: z.record(z.string(), z.string()).nullish() });
const canarySchema = z.object({
  spec: z.object({
    targetRef: z.object({ apiVersion: z.string(), kind: z.string(), name: z.string() }),
    analysis: z.object({ webhooks: z.array(webhookSchema).max(64).nullish() }).nullish(),
  }),
});
const containerSchema = z.object({
  name: z.string(),
  image: z.string(),
  resources: z.object({ limits: z.record(z.string(), z.union([z.string(), z.number()])).default({}) }).default({ limits: {} }),
});
export type Container = z.output<typeof containerSchema>;
const templateSchema = z.looseObject({
  spec: z.looseObject({ containers: z.array(containerSchema.loose()).min(1).max(32), initContainers: z.array(containerSchema.loose()).max(32).default([]) }),
});
const deploymentSchema = z.object({ spec: z.object({ template: templateSchema }) });

/** One of the Canary's hooks. Its address holds the token. */
export interface Webhook {
  /** The gate that its metadata names. */
  readonly gate: string | undefined;
  readonly type: string;
  readonly url: string;
}

/** What is being released: read from the cluster, since Flagger does not say. */
export interface Release {
  /** Name of the Canary, and of the Deployment that it aims at. */
  readonly canary: string;
  readonly target: string;
  /** Digests of all images of the pod template, each once, `sha256:…`. */
  readonly digests: readonly string[];
  /** The template's containers, without those that only initialise. */
  readonly containers: readonly Container[];
  /** SHA-256 of the pod template in canonical JSON: which revision was looked at. */
  readonly templateDigest: string;
  /** Whom Flagger asks and tells, in the Canary's order. */
  readonly webhooks: readonly Webhook[];
}

/**
 * Reads the release that a Canary is about: its target's pod template, now.
 * @throws Halt `no` when there is none or an image is not named by its digest, `not-yet` when the cluster does not say.
 */
export async function readRelease(cluster: Cluster, canary: string, signal: AbortSignal): Promise<Release> {
  const found = await cluster.get("canary", canary, signal);
  if (found === undefined) throw new Halt("no", `there is no Canary ${canary} in namespace ${cluster.namespace}`);
  const parsedCanary = canarySchema.safeParse(found);
  if (!parsedCanary.success) throw new Halt("no", `Canary ${canary} names no target, or its webhooks cannot be read`);
  const { apiVersion, kind, name: target } = parsedCanary.data.spec.targetRef;
  if (apiVersion !== "apps/v1" || kind !== "Deployment") throw new Halt("no", `the target of Canary ${canary} is a ${kind} (${apiVersion}); this gate judges Deployments (apps/v1)`);
  const deployment = await cluster.get("deployment", target, signal);
  if (deployment === undefined) throw new Halt("no", `there is no Deployment ${target} in namespace ${cluster.namespace}, which Canary ${canary} aims at`);
  const parsed = deploymentSchema.safeParse(deployment);
  if (!parsed.success) throw new Halt("no", `Deployment ${target} has no pod template that can be judged`);
  const { template } = parsed.data.spec;
  const images = [...template.spec.initContainers, ...template.spec.containers];
  const loose = images.filter(({ image }) => digestOf(image) === undefined);
  if (loose.length > 0) {
    const named = loose.map(({ name, image }) => `${name} (${image})`).join(", ");
    throw new Halt("no", `not every image of Deployment ${target} is named by its digest, as in name@sha256:…: ${named}`);
  }
  const digests = [...new Set(images.flatMap(({ image }) => digestOf(image) ?? []))];
  const webhooks = (parsedCanary.data.spec.analysis?.webhooks ?? []).map(({ type, url, metadata }) => ({ gate: metadata?.["gate"], type, url }));
  return { canary, target, digests, containers: template.spec.containers, templateDigest: sha256(canonicalize(template) ?? ""), webhooks };
}

/** The digest at the end of an image reference, if it has one. */
function digestOf(image: string): string | undefined {
  return /@(sha256:[0-9a-f]{64})$/.exec(image)?.[1];
}

/** `sha256:…` of a text or of bytes. */
export function sha256(content: string | Uint8Array): string {
  return `sha256:${createHash("sha256").update(content).digest("hex")}`;
}
