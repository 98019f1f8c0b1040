/** Asks services how they are, through the API server: works from wherever the cluster itself can be reached. */
import type { PropertyMap } from "../model.ts";
import type { RunOptions } from "../stackRun.ts";
import { ApiError } from "./client.ts";
import type { Cluster } from "./clusters.ts";

/** One service's answer. */
interface HealthAnswer {
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

/** Whether one of a stack's outputs names a service by its address inside the cluster. */
export function namesService(outputs: PropertyMap): boolean {
  return Object.values(outputs).some((output) => typeof output === "string" && serviceAddress(output) !== undefined);
}

/** Services named by outputs answer for themselves. */
export async function showHealth(cluster: Cluster, outputs: PropertyMap, { terminal, style, interrupts }: Pick<RunOptions, "terminal" | "style" | "interrupts">): Promise<void> {
  for (const [output, address] of Object.entries(outputs)) {
    if (typeof address !== "string") continue;
    const answer = await askHealth(cluster, output, address, interrupts.signal);
    if (answer === undefined) continue;
    const { status, body } = answer;
    terminal.write(`${style("strong", output)} ${address}/health: ${style(status === 200 ? "good" : "bad", String(status))} ${body.trim()}\n`);
  }
}

/** Gets `/health` of a service. undefined when it has no such path. */
async function askHealth(cluster: Cluster, output: string, address: string, signal: AbortSignal): Promise<HealthAnswer | undefined> {
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
