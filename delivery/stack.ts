/** A stack as a release finds it: what its last update put out, its cluster, and the file that a release changes. */
import { z } from "zod";
import { recordedClusters, refuseOtherCluster } from "../engine/kubernetes/clusterIdentity.ts";
import { type Cluster, Clusters } from "../engine/kubernetes/clusters.ts";
import { FIELD_MANAGER, type KubernetesObject, objectOf } from "../engine/kubernetes/objects.ts";
import type { PropertyMap, ResourceState } from "../engine/model.ts";
import { plainMap } from "../engine/plain.ts";
import { loadProject, type Project, stackFile } from "../engine/project.ts";
import type { BakeRules } from "./bakeRules.ts";
import { DeliveryError } from "./deliveryError.ts";
import { exitCodes } from "./exitCodes.ts";
import { type Freeze, parseFreezes } from "./freeze.ts";
import type { Slot, SlotSettings } from "./slots.ts";
import { type EngineName, readRecorded } from "./stackState.ts";

/** Which stack, and where. */
export interface StackChoice {
  readonly stack: string;
  /** Folder of the project. */
  readonly cwd: string;
  readonly env: NodeJS.ProcessEnv;
  readonly kubeconfig?: string;
  readonly context?: string;
  /** undefined: as `readRecorded` chooses. */
  readonly engine?: EngineName;
  readonly signal: AbortSignal;
}

/** What runs, as the last update left it. */
export interface Running {
  readonly active: Slot;
  readonly images: SlotSettings["images"];
  readonly namespace: string;
  /** The Service whose selector is the switch, as the state records it. */
  readonly liveService: KubernetesObject;
  /** The field manager that applies it. */
  readonly manager: string;
  readonly bake: BakeRules;
  /** Where the measures come from: Prometheus' address, or undefined for the pods themselves. */
  readonly prometheus: string | undefined;
}

/** What a canary's stack runs, as the last update left it. */
export interface RunningCanary {
  readonly image: string;
  readonly namespace: string;
  /** The Canary, as the state records it. */
  readonly canary: KubernetesObject;
}

export interface Stack {
  readonly choice: StackChoice;
  readonly project: Project;
  /** Path of `Pulumi.<stack>.yaml`. */
  readonly file: string;
  readonly cluster: Cluster;
  readonly engine: EngineName;
  /** Where it stands: `local`, `staging` or `production`. */
  readonly environment: string;
  /** Times in which nothing is released. */
  readonly freezes: readonly Freeze[];
  /** undefined before the first update, and where the strategy is another one. */
  readonly running: Running | undefined;
  readonly canary: RunningCanary | undefined;
  readonly close: () => Promise<void>;
}

const milliseconds: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };
const seconds = z
  .string()
  .regex(/^(\d+(ms|s|m|h))+$/)
  .transform((text) => [...text.matchAll(/(\d+)(ms|s|m|h)/g)].reduce((sum, [, count = "0", unit = "s"]) => sum + Number(count) * (milliseconds[unit] ?? 0), 0) / 1000);
const share = z.number().transform((percent) => percent / 100);
const canaryOutputs = z.object({ strategy: z.literal("canary"), namespace: z.string(), images: z.object({ canary: z.string() }) });
const outputs = z.object({
  strategy: z.literal("blueGreen"),
  activeSlot: z.enum(["blue", "green"]),
  namespace: z.string(),
  images: z.object({ blue: z.string().optional(), green: z.string().optional() }),
  bake: z.object({
    duration: seconds,
    errorRatio: share,
    latency: seconds,
    memory: share,
    cpu: share,
    minRequests: z.number(),
    unjudged: z.enum(["rollBack", "wait"]),
    source: z.enum(["prometheus", "pods"]),
    availability: share,
    prometheus: z.string(),
  }),
});

/**
 * Opens a stack: checks that it exists, and that the cluster is the one that its state records.
 * @throws DeliveryError `usage` for a stack that does not exist; UserError for a cluster that is another's or can't be reached
 */
export async function openStack(choice: StackChoice): Promise<Stack> {
  const project = loadProject(choice.cwd);
  const file = findFile(project, choice.stack);
  const { stack, env, signal } = choice;
  const { engine, resources, values, place: statePath } = await readRecorded({ project, stack, engine: choice.engine, env, signal });
  const clusters = new Clusters({
    choice: { kubeconfig: choice.kubeconfig, context: choice.context, preferredContext: values[`${project.name}:clusterName`] },
    env,
    signal,
  });
  try {
    const cluster = await clusters.of(providerInputs(resources, values));
    for (const { uid } of recordedClusters(resources)) refuseOtherCluster(uid, cluster.uid, cluster.client, { stack, statePath });
    return {
      choice,
      project,
      file,
      cluster,
      engine,
      environment: values[`${project.name}:environment`] ?? "",
      freezes: parseFreezes(values[`${project.name}:freezes`]),
      running: runningOf(resources),
      canary: canaryOf(resources),
      close: () => clusters.close(),
    };
  } catch (error) {
    await clusters.close();
    throw error;
  }
}

function findFile(project: Project, stack: string): string {
  try {
    return stackFile(project, stack);
  } catch (cause) {
    throw new DeliveryError(exitCodes.usage, cause instanceof Error ? cause.message : String(cause), "Name a stack that has a Pulumi.<stack>.yaml; nothing was changed.", { cause });
  }
}

/** The recorded default provider's configuration; before the first update that of the stack's file. */
function providerInputs(resources: readonly ResourceState[], values: Readonly<Record<string, string>>): PropertyMap {
  const recorded = resources.find(({ type, urn }) => type === "pulumi:providers:kubernetes" && /::default(_|$)/.test(urn));
  const fromFile = Object.entries(values).flatMap(([key, value]) => (key.startsWith("kubernetes:") ? [[key.slice("kubernetes:".length), value] as const] : []));
  return recorded?.inputs ?? Object.fromEntries(fromFile);
}

function canaryOf(resources: readonly ResourceState[]): RunningCanary | undefined {
  const read = canaryOutputs.safeParse(stackOutputs(resources));
  const canary = resources.find(({ type }) => type.startsWith("kubernetes:flagger.app/") && type.endsWith(":Canary"));
  if (!read.success || canary === undefined) return undefined;
  return { image: read.data.images.canary, namespace: read.data.namespace, canary: objectOf(canary.inputs, canary.urn) };
}

function stackOutputs(resources: readonly ResourceState[]): unknown {
  const stack = resources.find(({ type }) => type === "pulumi:pulumi:Stack");
  return stack === undefined ? undefined : plainMap(stack.outputs);
}

function runningOf(resources: readonly ResourceState[]): Running | undefined {
  const live = resources.find(({ type, urn }) => type === "kubernetes:core/v1:Service" && urn.endsWith("-live-service"));
  const read = outputs.safeParse(stackOutputs(resources));
  if (!read.success || live === undefined) return undefined;
  const { activeSlot: active, images, namespace, bake } = read.data;
  return {
    active,
    images,
    namespace,
    liveService: objectOf(live.inputs, live.urn),
    manager: typeof live.outputs["__fieldManager"] === "string" ? live.outputs["__fieldManager"] : FIELD_MANAGER,
    prometheus: bake.source === "prometheus" ? bake.prometheus : undefined,
    bake: {
      durationSeconds: bake.duration,
      maxErrorRatio: bake.errorRatio,
      maxLatencySeconds: bake.latency,
      maxMemoryShare: bake.memory,
      maxCpuShare: bake.cpu,
      minRequests: bake.minRequests,
      availability: bake.availability,
      unjudged: bake.unjudged === "rollBack" ? "roll-back" : "wait",
    },
  };
}
