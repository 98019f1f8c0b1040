/** Asks services how they are, through the API server: works from wherever the cluster itself can be reached. */
import { describeError } from "../errors.ts";
import type { PropertyMap } from "../model.ts";
import type { RunOptions } from "../stackRun.ts";
import type { Meaning } from "../style.ts";
import type { Cluster } from "./clusters.ts";

/** For one answer, in milliseconds: a service that needs longer is not well. */
const ANSWER_MS = 10_000;

/** What is said of one service. */
interface Health {
  look: Meaning;
  words: string;
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

/** Services named by outputs answer for themselves, each asked once: how it is now is the question. */
export async function showHealth(cluster: Cluster, outputs: PropertyMap, { terminal, style, interrupts }: Pick<RunOptions, "terminal" | "style" | "interrupts">, limitMs = ANSWER_MS): Promise<void> {
  for (const [output, address] of Object.entries(outputs)) {
    if (typeof address !== "string") continue;
    const health = await askHealth(cluster, address, interrupts.signal, limitMs);
    if (health !== undefined) terminal.write(`${style("strong", output)} ${address}/health: ${style(health.look, health.words)}\n`);
  }
}

/** Gets `/health` of a service. undefined when it has no such path. */
async function askHealth(cluster: Cluster, address: string, signal: AbortSignal, limitMs: number): Promise<Health | undefined> {
  const service = serviceAddress(address);
  if (service === undefined) return undefined;
  const { namespace, name, port } = service;
  const path = `/api/v1/namespaces/${namespace}/services/${name}:${port}/proxy/health`;
  let answer: { status: number; text: string };
  try {
    answer = await cluster.client.look(path, { signal, limitMs });
  } catch (error) {
    signal.throwIfAborted();
    return { look: "bad", words: describeError(error, false) };
  }
  const { status, text } = answer;
  if (status === 404) return undefined;
  // An idle slot that is empty is as it should be.
  if (status === 503 && /no endpoints available/.test(text)) return { look: "faint", words: "no pod is there to ask" };
  return { look: status === 200 ? "good" : "bad", words: `${status} ${text.trim()}` };
}
