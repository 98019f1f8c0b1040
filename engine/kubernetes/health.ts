/** Asks services how they are, through the API server: works from wherever the cluster itself can be reached. */
import { ApiError } from "./client.ts";
import type { Cluster } from "./clusters.ts";

/** One service's answer. */
export interface HealthAnswer {
  /** The output that named it. */
  output: string;
  address: string;
  status: number;
  body: string;
}

/** `http://NAME.NAMESPACE.svc…[:PORT]`, an address inside a cluster; undefined for others. */
function serviceAddress(text: string): { namespace: string; name: string; port: string } | undefined {
  if (!URL.canParse(text)) return undefined;
  const url = new URL(text);
  const [name, namespace, svc] = url.hostname.split(".");
  if (name === undefined || namespace === undefined || svc !== "svc") return undefined;
  return { namespace, name, port: url.port === "" ? (url.protocol === "https:" ? "443" : "80") : url.port };
}

/** Gets `/health` of a service. undefined when it has no such path. */
export async function askHealth(cluster: Cluster, output: string, address: string, signal: AbortSignal): Promise<HealthAnswer | undefined> {
  const service = serviceAddress(address);
  if (service === undefined) return undefined;
  const { namespace, name, port } = service;
  try {
    const body = await cluster.client.text("GET", `/api/v1/namespaces/${namespace}/services/${name}:${port}/proxy/health`, { signal });
    return { output, address, status: 200, body };
  } catch (error) {
    if (!(error instanceof ApiError) || error.status === 404) return undefined;
    return { output, address, status: error.status, body: error.message };
  }
}
