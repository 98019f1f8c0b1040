/** The clusters that an operation works on: one for each provider configuration, opened when first needed. */
import type { PropertyMap } from "../model.ts";
import { ApiClient } from "./client.ts";
import { readClusterUid, textInput } from "./clusterIdentity.ts";
import { Discovery } from "./discovery.ts";
import { openKubeconfig, type ClusterChoice } from "./kubeconfig.ts";

/** A cluster that answered and said who it is. */
export interface Cluster {
  client: ApiClient;
  discovery: Discovery;
  uid: string;
}

export interface ClustersOptions {
  /** What the command line says; it goes before a default provider's configuration. */
  choice: ClusterChoice;
  env: NodeJS.ProcessEnv;
  signal: AbortSignal;
}

export class Clusters {
  readonly #options: ClustersOptions;
  readonly #open = new Map<string, Promise<Cluster>>();

  constructor(options: ClustersOptions) {
    this.#options = options;
  }

  /** The cluster of a provider's configuration. Rejects with a `UserError` when it cannot be reached. */
  of(configuration: PropertyMap): Promise<Cluster> {
    const { choice, env, signal } = this.#options;
    const kubeconfig = choice.kubeconfig ?? textInput(configuration, "kubeconfig");
    const context = choice.context ?? textInput(configuration, "context");
    const key = JSON.stringify([kubeconfig, context]);
    let cluster = this.#open.get(key);
    if (cluster === undefined) {
      cluster = open({ ...choice, kubeconfig, context }, env, signal);
      this.#open.set(key, cluster);
    }
    return cluster;
  }

  /** Closes all connections. */
  async close(): Promise<void> {
    for (const cluster of this.#open.values()) {
      const opened = await cluster.catch(() => undefined); // one that could not be opened needs no closing
      opened?.client.connection.close();
    }
    this.#open.clear();
  }
}

async function open(choice: ClusterChoice, env: NodeJS.ProcessEnv, signal: AbortSignal): Promise<Cluster> {
  const client = new ApiClient(await openKubeconfig(choice, env));
  return { client, discovery: new Discovery(client), uid: await readClusterUid(client, signal) };
}
