/** Why an object is not ready, gathered as a person would by hand: its pods, their containers, warnings, last log lines. */
import { ApiError, type ApiClient } from "./client.ts";
import { objectPath } from "./discovery.ts";
import { at, listAt, mapAt, nameOf, namespaceOf, numberAt, selectorText, textAt, type JsonMap, type KubernetesObject } from "./objects.ts";
import { podProblems, RUNS_UNREADY } from "./workloads.ts";

const LOG_LINES = 12;
/** Pods of one workload fail alike: more of them explain nothing more. */
const PODS_SHOWN = 2;

/** Pods that belong to the object: itself, or those that its selector means and that it owns, newest first. */
async function podsOf(client: ApiClient, object: KubernetesObject, signal: AbortSignal): Promise<JsonMap[]> {
  if (object.kind === "Pod") return [object];
  const labels = mapAt(object, "spec", "selector", "matchLabels");
  const plain = object.kind === "Service" ? mapAt(object, "spec", "selector") : labels;
  if (Object.keys(plain).length === 0) return [];
  const labelSelector = selectorText(plain);
  const list = await client.request("GET", objectPath("v1", "pods", namespaceOf(object), ""), { query: { labelSelector }, signal });
  return listAt(list, "items")
    .filter((pod) => at(pod, "metadata", "deletionTimestamp") === undefined)
    .sort((left, right) => textAt(right, "metadata", "creationTimestamp").localeCompare(textAt(left, "metadata", "creationTimestamp")));
}

/** One line about the pods, for whoever waits; empty when there is nothing to say. */
export async function shortReason(client: ApiClient, object: KubernetesObject, signal: AbortSignal): Promise<string> {
  for (const pod of await podsOf(client, object, signal)) {
    const [problem] = podProblems(pod);
    if (problem === undefined) continue;
    const [warning] = problem.endsWith(RUNS_UNREADY) ? (await warnings(client, namespaceOf(object), new Map([[textAt(pod, "metadata", "uid"), ""]]), signal)).slice(-1) : [];
    return warning === undefined ? problem : `${problem}; ${warning}`;
  }
  return "";
}

/** All that explains why an object failed or did not get ready in time; several lines each, at most a screen in all. */
export async function fullReasons(client: ApiClient, object: KubernetesObject, signal: AbortSignal): Promise<string[]> {
  const reasons: string[] = [];
  try {
    const pods = (await podsOf(client, object, signal)).filter((pod) => podProblems(pod).length > 0 || textAt(pod, "status", "phase") === "Pending");
    for (const pod of pods.slice(0, PODS_SHOWN)) reasons.push(...(await podReasons(client, pod, signal)));
    if (pods.length > PODS_SHOWN) reasons.push(`and ${pods.length - PODS_SHOWN} more pods like these`);
    const parts = [...pods.slice(0, PODS_SHOWN).map((pod) => textAt(pod, "metadata", "uid")), ...(await ownedReplicaSets(client, object, signal))];
    const asked = new Map([...parts.map((uid): [string, string] => [uid, ""]), [textAt(object, "metadata", "uid"), object.kind === "Pod" ? "" : changedAt(object)]]);
    reasons.push(...(await warnings(client, namespaceOf(object), asked, signal)));
  } catch (error) {
    if (signal.aborted) throw error;
    // The failure itself matters more than that its explanation could not be had.
    reasons.push(`(more could not be found out: ${error instanceof Error ? error.message : String(error)})`);
  }
  return reasons;
}

/** When the object itself was last changed, its status aside: what was said of it before is about something else. */
function changedAt(object: JsonMap): string {
  const times = listAt(object, "metadata", "managedFields")
    .filter((entry) => textAt(entry, "subresource") === "")
    .map((entry) => textAt(entry, "time"));
  return times.toSorted().at(-1) ?? "";
}

async function podReasons(client: ApiClient, pod: JsonMap, signal: AbortSignal): Promise<string[]> {
  const name = nameOf(pod);
  const reasons = podProblems(pod).map((problem) => `pod ${name}: ${problem}`);
  for (const status of [...listAt(pod, "status", "initContainerStatuses"), ...listAt(pod, "status", "containerStatuses")]) {
    if (at(status, "ready") === true) continue;
    const restarted = numberAt(status, "restartCount") > 0 && at(status, "state", "running") === undefined;
    const started = restarted || at(status, "state", "running") !== undefined || at(status, "state", "terminated") !== undefined;
    if (!started) continue;
    const container = textAt(status, "name");
    const lines = await lastLines(client, pod, container, restarted && at(status, "state", "terminated") === undefined, signal);
    if (lines.length > 0) reasons.push([`last lines of ${name}/${container}:`, ...lines.map((line) => `  | ${line}`)].join("\n"));
  }
  return reasons;
}

async function lastLines(client: ApiClient, pod: JsonMap, container: string, previous: boolean, signal: AbortSignal): Promise<string[]> {
  const path = `${objectPath("v1", "pods", namespaceOf(pod), nameOf(pod))}/log`;
  const query = { container, tailLines: String(LOG_LINES), ...(previous ? { previous: "true" } : {}) };
  try {
    const text = await client.text("GET", path, { query, signal });
    return text.split("\n").filter((line) => line.trim() !== "").map((line) => line.slice(0, 300));
  } catch (error) {
    if (error instanceof ApiError) return []; // a container without a log has nothing to add
    throw error;
  }
}

/** What others said, without what follows the question mark of an address in it: Flagger writes whole addresses of gates, and tokens stand there. */
export function withoutQueries(text: string): string {
  return text.replace(/(\bhttps?:\/\/[^\s"'?]+)\?[^\s"']*/g, "$1?…");
}

async function ownedReplicaSets(client: ApiClient, object: KubernetesObject, signal: AbortSignal): Promise<string[]> {
  if (object.kind !== "Deployment") return [];
  const list = await client.request("GET", objectPath("apps/v1", "replicasets", namespaceOf(object), ""), { signal });
  const uid = textAt(object, "metadata", "uid");
  return listAt(list, "items")
    .filter((set) => listAt(set, "metadata", "ownerReferences").some((owner) => textAt(owner, "uid") === uid))
    .map((set) => textAt(set, "metadata", "uid"));
}

/** Warnings about objects, the newest last, of each object those since a moment of the cluster's clock. `asked`: moments by uid. */
async function warnings(client: ApiClient, namespace: string, asked: ReadonlyMap<string, string>, signal: AbortSignal): Promise<string[]> {
  const list = await client.request("GET", objectPath("v1", "events", namespace, ""), { query: { fieldSelector: "type=Warning" }, signal });
  const time = (event: JsonMap): string => textAt(event, "lastTimestamp") || textAt(event, "eventTime");
  const seen = new Set<string>();
  for (const event of listAt(list, "items").toSorted((left, right) => time(left).localeCompare(time(right)))) {
    const since = asked.get(textAt(event, "involvedObject", "uid"));
    if (since === undefined || (time(event) !== "" && time(event) < since)) continue;
    seen.add(`event on ${textAt(event, "involvedObject", "kind")} ${textAt(event, "involvedObject", "name")}: ${textAt(event, "reason")}: ${withoutQueries(textAt(event, "message").trim()).slice(0, 400)}`);
  }
  return [...seen].slice(-6);
}
