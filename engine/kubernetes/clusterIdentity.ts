/** Which cluster this is: the uid of its namespace kube-system, which lives as long as the cluster does. */
import { UserError } from "../errors.ts";
import { Secret, type Journal, type PropertyMap, type ResourceState } from "../model.ts";
import { ApiError, type ApiClient } from "./client.ts";
import { textAt } from "./objects.ts";

/** The property of a provider resource's outputs that holds the uid. */
const CLUSTER_UID = "__clusterUid";
const PROVIDER_TYPE = "pulumi:providers:kubernetes";

/** Asks the cluster who it is. */
export async function readClusterUid(client: ApiClient, signal: AbortSignal): Promise<string> {
  try {
    const uid = textAt(await client.request("GET", "/api/v1/namespaces/kube-system", { signal }), "metadata", "uid");
    if (uid !== "") return uid;
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    if (error.status === 403) {
      throw new UserError(
        `The cluster of ${client.connection.origin} does not let us read the namespace kube-system, whose uid tells clusters apart: ${error.message}`,
        "Ask for the right to get that one namespace.",
        { cause: error },
      );
    }
    if (error.status !== 404) throw new UserError(`The cluster of ${client.connection.origin} does not say who it is: ${error.message}`, undefined, { cause: error });
  }
  throw new UserError(`${client.connection.server.origin} is not a Kubernetes cluster with a namespace kube-system (${client.connection.origin}).`);
}

/** The kubernetes provider resources of a state that record a cluster, with its uid. */
export function recordedClusters(resources: readonly ResourceState[]): { state: ResourceState; uid: string }[] {
  return resources.flatMap((state) => {
    const uid = state.type === PROVIDER_TYPE ? state.outputs[CLUSTER_UID] : undefined;
    return typeof uid === "string" && uid !== "" ? [{ state, uid }] : [];
  });
}

/** Whose cluster is looked at. */
interface ClusterOwner {
  stack: string;
  /** File of its state. */
  statePath: string;
}

/** @throws UserError when the cluster at hand is not the recorded one */
export function refuseOtherCluster(recorded: string, found: string, client: ApiClient, { stack, statePath }: ClusterOwner): void {
  if (recorded === found) return;
  throw new UserError(
    `The stack ${stack} lives in another cluster: its state ${statePath} records the cluster ${recorded}, and ${client.connection.origin} (${client.connection.server.origin}) is the cluster ${found}. Nothing was changed.`,
    "Name the right one with --kubeconfig and --context. If the cluster was made anew, its objects are gone: move that state file away, and run again.",
  );
}

/** A journal that also records the cluster with each kubernetes provider resource. `uidOf` tells it for a provider's configuration. */
export function recordingClusters(journal: Journal, uidOf: (configuration: PropertyMap) => Promise<string>): Journal {
  return {
    began: (step, state) => journal.began(step, state),
    outputs: (state) => journal.outputs(state),
    ended: async (step, state, effect) => {
      const { recorded } = effect;
      if (recorded?.type === PROVIDER_TYPE) recorded.outputs = { ...recorded.outputs, [CLUSTER_UID]: await uidOf(recorded.inputs) };
      await journal.ended(step, state, effect);
    },
  };
}

/** A string input of a provider resource. */
export function textInput(configuration: PropertyMap, key: string): string | undefined {
  const value = configuration[key];
  const plain = value instanceof Secret ? value.value : value;
  return typeof plain === "string" && plain !== "" ? plain : undefined;
}
