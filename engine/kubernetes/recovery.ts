/** Makes a recorded state true before an operation plans with it: what a killed run left open, and on request what others changed. */
import type { PropertyMap, ResourceState } from "../model.ts";
import type { ResourceRequest } from "../provider.ts";
import { Limiter } from "../limiter.ts";
import { parseProviderReference, parseUrn } from "../urn.ts";
import { isOurs } from "./apply.ts";
import { ApiError } from "./client.ts";
import type { Clusters } from "./clusters.ts";
import { KindNotServed } from "./discovery.ts";
import { nameOf, namespaceOf, objectOf, outputsOf, textAt, type KubernetesObject } from "./objects.ts";
import { kubernetesProvider } from "./provider.ts";

const PARALLEL = 16;

/** Inputs of the provider resource that a resource names. */
function configurationOf(state: ResourceState, resources: readonly ResourceState[]): PropertyMap {
  if (state.provider === undefined || state.provider === "") return {};
  const { urn } = parseProviderReference(state.provider);
  return resources.find((candidate) => candidate.urn === urn && candidate.delete !== true)?.inputs ?? {};
}

/**
 * Creations whose end a former run never saw: what is in the cluster and was written by us becomes part of the state, to be awaited again;
 * what is not there was not made.
 */
export async function findInterrupted(pending: readonly ResourceState[], resources: readonly ResourceState[], clusters: Clusters, signal: AbortSignal): Promise<ResourceState[]> {
  const found: ResourceState[] = [];
  for (const state of pending) {
    if (!state.custom || !state.type.startsWith("kubernetes:") || resources.some(({ urn }) => urn === state.urn)) continue;
    const { client, discovery } = await clusters.of(configurationOf(state, resources));
    const object = objectOf(state.inputs, state.urn);
    if (nameOf(object) === "") continue;
    try {
      const { namespaced } = await discovery.find(object.apiVersion, object.kind, signal);
      const namespace = namespaced ? namespaceOf(object) || client.connection.namespace : "";
      const live = (await client.request("GET", await discovery.path(object.apiVersion, object.kind, namespace, nameOf(object), signal), { signal })) as KubernetesObject;
      if (!isOurs(live)) continue;
      const id = namespace === "" ? textAt(live, "metadata", "name") : `${namespace}/${textAt(live, "metadata", "name")}`;
      found.push({ ...state, id, outputs: outputsOf(live, state.inputs), initErrors: ["its creation was interrupted"] });
    } catch (error) {
      const absent = error instanceof KindNotServed || (error instanceof ApiError && error.status === 404);
      if (!absent) throw error;
    }
  }
  return found;
}

/** What a refresh found. */
export interface Drift {
  /** The state as the cluster has it. */
  resources: ResourceState[];
  gone: ResourceState[];
  changed: ResourceState[];
}

/** Compares every recorded object with the cluster. Nothing is changed there. */
export async function refresh(resources: readonly ResourceState[], clusters: Clusters, signal: AbortSignal): Promise<Drift> {
  const provider = kubernetesProvider(clusters);
  const limiter = new Limiter(PARALLEL);
  const drift: Drift = { resources: [], gone: [], changed: [] };
  const read = await Promise.all(
    resources.map(async (state) => {
      if (!state.custom || !state.type.startsWith("kubernetes:") || state.id === undefined) return state;
      const request: ResourceRequest = { urn: state.urn, type: state.type, name: parseUrn(state.urn).name, configuration: configurationOf(state, resources), preview: false, signal };
      const { id, inputs, outputs } = state;
      const live = await limiter.run(() => provider.read({ ...request, id, inputs, outputs, report: () => undefined }));
      if (live === undefined) {
        drift.gone.push(state);
        return undefined;
      }
      if (JSON.stringify(live.inputs) === JSON.stringify(inputs)) return state;
      const now = { ...state, inputs: live.inputs, outputs: live.outputs };
      drift.changed.push(now);
      return now;
    }),
  );
  drift.resources = read.filter((state) => state !== undefined);
  return drift;
}
