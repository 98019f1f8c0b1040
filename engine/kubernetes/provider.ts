/** The package `kubernetes` on a real cluster. Names, defaults and differences are those of its previews. */
import { revealMap } from "../diff.ts";
import { UserError } from "../errors.ts";
import { checkInputs, diffInputs } from "../kubernetes.ts";
import { apiServerChanged } from "../kubernetesConfig.ts";
import type { PropertyMap } from "../model.ts";
import type { CreateRequest, DeleteRequest, DiffRequest, DiffResult, OperationRequest, Provider, ReadRequest, ResourceRequest, UpdateRequest } from "../provider.ts";
import { createObject, deleteObject, relinquish, replaceObject, updateObject, upsertObject } from "./apply.ts";
import { awaitGone, awaitReady, timeoutOf } from "./awaiting.ts";
import { ApiError } from "./client.ts";
import type { Cluster, Clusters } from "./clusters.ts";
import { conditionFor } from "./conditions.ts";
import { KindNotServed } from "./discovery.ts";
import { driftedInputs } from "./drift.ts";
import { isTrue, nameOf, namespaceOf, objectOf, outputsOf, textAt, title, type Json, type JsonMap, type KubernetesObject } from "./objects.ts";
import { job } from "./workloads.ts";

/** Kinds whose deletion `pulumi.com/skipAwait` does not wait for, as in Pulumi's provider; all others are always waited for. */
const SKIPS_DELETE_AWAIT = new Set(["Namespace", "Pod", "ReplicationController", "DaemonSet", "Deployment", "StatefulSet", "Job"]);

/** Manages objects of the clusters given. */
export function kubernetesProvider(clusters: Clusters): Provider {
  return {
    check: (request) => Promise.resolve(checkInputs(request)),
    diff: (request) => Promise.resolve(diffLive(request)),
    create: (request) => create(clusters, request),
    update: (request) => update(clusters, request),
    delete: (request) => remove(clusters, request),
    read: (request) => read(clusters, request),
    configurationReplaces: apiServerChanged,
  };
}

/** As in previews; and a Job that asks for it is made anew when its last run did not end well. */
export function diffLive(request: DiffRequest): DiffResult {
  const result = diffInputs(request);
  const { newInputs, oldOutputs, type } = request;
  if (result.changes.some(({ replaces }) => replaces) || !/^kubernetes:batch\/v1:Job$/.test(type)) return result;
  const wanted = revealMap(newInputs) as JsonMap;
  const recorded = revealMap(oldOutputs) as KubernetesObject;
  if (!isTrue(wanted, "pulumi.com/replaceUnready") || jobIsDone(recorded)) return result;
  const path = 'metadata.annotations["pulumi.com/replaceUnready"]';
  const changes = [...result.changes.filter((change) => change.path !== path), { path, kind: "update" as const, replaces: true, before: "true", after: "true" }];
  return { changes, deleteBeforeReplace: nameOf(wanted) === nameOf(recorded) };
}

function jobIsDone(recorded: JsonMap): boolean {
  const verdict = job({ apiVersion: "batch/v1", kind: "Job", metadata: {}, ...recorded }, nothing, true);
  return "state" in verdict && verdict.state === "ready";
}
const nothing = { list: () => Promise.resolve([]), get: () => Promise.resolve(undefined) };

async function create(clusters: Clusters, request: CreateRequest) {
  const { inputs, signal } = request;
  const cluster = await clusters.of(request.configuration);
  const object = await complete(cluster, inputs, request);
  if (isPatch(request)) return adoptFields(cluster, object, request);
  const collection = await cluster.discovery.path(object.apiVersion, object.kind, namespaceOf(object), "", signal);
  const live = upserts(request.configuration)
    ? await upsertObject(cluster.client, await pathOf(cluster, object, signal), object, signal)
    : await createObject(cluster.client, collection, object, signal);
  const { live: last, initErrors } = await settle(cluster, object, live, false, request);
  return { id: idOf(last), outputs: outputsOf(last, inputs), initErrors };
}

/** The provider's own option, as configuration (text) or as input of a provider resource. */
function upserts({ upsertExistingObjects: given }: PropertyMap): boolean {
  return given === true || given === "true";
}

async function adoptFields(cluster: Cluster, object: KubernetesObject, request: CreateRequest) {
  const live = await updateObject(cluster.client, await pathOf(cluster, object, request.signal), object, request.signal);
  return { id: idOf(live), outputs: outputsOf(live, request.inputs) };
}

async function update(clusters: Clusters, request: UpdateRequest) {
  const { newInputs, oldInputs, ignoreChanges, signal } = request;
  const cluster = await clusters.of(request.configuration);
  const object = await complete(cluster, newInputs, request);
  const path = await pathOf(cluster, object, signal);
  const live =
    object.kind === "CustomResourceDefinition"
      ? await replaceObject(cluster.client, path, object, signal)
      : await updateObject(cluster.client, path, object, signal, ignoreChanges);
  const { live: last, initErrors } = await settle(cluster, object, live, oldInputs !== newInputs, request);
  return { outputs: outputsOf(last, newInputs), initErrors };
}

async function remove(clusters: Clusters, request: DeleteRequest): Promise<void> {
  const { inputs, outputs, signal } = request;
  const cluster = await clusters.of(request.configuration);
  const recorded = objectOf(outputs["kind"] === undefined ? inputs : outputs, request.urn);
  let path: string;
  try {
    path = await pathOf(cluster, recorded, signal);
  } catch (error) {
    if (error instanceof KindNotServed) return; // its CRD is gone, and it with it
    throw error;
  }
  const wanted = objectOf(inputs, request.urn);
  if (isPatch(request)) return relinquish(cluster.client, path, recorded, signal);
  const uid = textAt(recorded, "metadata", "uid");
  if (!(await deleteObject(cluster.client, path, wanted, uid, signal))) return;
  if (isTrue(wanted, "pulumi.com/skipAwait") && SKIPS_DELETE_AWAIT.has(wanted.kind)) return;
  const timeoutSeconds = timeoutOf(request.timeoutSeconds, wanted);
  await awaitGone({ client: cluster.client, path, object: recorded, uid, timeoutSeconds, signal, report: request.report });
}

async function read(clusters: Clusters, request: ReadRequest) {
  const cluster = await clusters.of(request.configuration);
  const { inputs, outputs, id, type, signal } = request;
  const known = Object.keys(outputs).length > 0 ? outputs : inputs;
  const object = await complete(cluster, known["kind"] === undefined ? { ...identityOf(type), ...known } : known, request);
  const slash = id.lastIndexOf("/");
  const name = nameOf(object) || id.slice(slash + 1);
  const namespace = slash > 0 ? id.slice(0, slash) : namespaceOf(object);
  const path = await cluster.discovery.path(object.apiVersion, object.kind, namespace, name, signal);
  try {
    const live = (await cluster.client.request("GET", path, { signal })) as KubernetesObject;
    const uid = textAt(object, "metadata", "uid");
    if (uid !== "" && uid !== textAt(live, "metadata", "uid")) return undefined; // another object of the same name
    const now = outputsOf(live, inputs);
    return { id: idOf(live), inputs: Object.keys(outputs).length > 0 ? driftedInputs(inputs, outputs, now) : inputs, outputs: now };
  } catch (error) {
    if (error instanceof ApiError && error.status === 404) return undefined;
    throw error;
  }
}

/** `kubernetes:apps/v1:Deployment` as apiVersion and kind. */
function identityOf(type: string): PropertyMap {
  const [, version = "", kind = ""] = type.split(":");
  return { apiVersion: version.replace(/^core\//, ""), kind };
}

/** Waits until the object may be relied on. */
async function settle(cluster: Cluster, wanted: KubernetesObject, live: KubernetesObject, update: boolean, request: OperationRequest) {
  const condition = conditionFor(wanted);
  if (condition === undefined) return { live, initErrors: [] };
  const { client } = cluster;
  const path = await pathOf(cluster, live, request.signal);
  const timeoutSeconds = timeoutOf(request.timeoutSeconds, wanted);
  try {
    const { object, problems } = await awaitReady({ client, path, object: live, condition, update, timeoutSeconds, signal: request.signal, report: request.report });
    return { live: object, initErrors: problems };
  } catch (error) {
    // The object is there and must be recorded; the next run waits for it once more.
    const why = request.signal.aborted ? "the operation was stopped" : error instanceof Error ? error.message : String(error);
    return { live, initErrors: [`${title(live)} was not awaited to the end: ${why}`] };
  }
}

/** The object that inputs describe, with its namespace. */
async function complete(cluster: Cluster, inputs: PropertyMap, request: ResourceRequest): Promise<KubernetesObject> {
  const object = objectOf(inputs, request.urn);
  if (isPatch(request)) object.kind = object.kind.replace(/Patch$/, "");
  if (namespaceOf(object) !== "") return object;
  const { namespaced } = await cluster.discovery.find(object.apiVersion, object.kind, request.signal);
  return namespaced ? { ...object, metadata: { ...object.metadata, namespace: cluster.client.connection.namespace } } : object;
}

async function pathOf(cluster: Cluster, object: KubernetesObject, signal: AbortSignal): Promise<string> {
  if (nameOf(object) === "") throw new UserError(`${title(object)} has no name.`);
  return cluster.discovery.path(object.apiVersion, object.kind, namespaceOf(object), nameOf(object), signal);
}

function isPatch({ type }: ResourceRequest): boolean {
  return type.endsWith("Patch");
}

/** As Pulumi's: `namespace/name`, or the name alone. */
function idOf(object: Json): string {
  const namespace = textAt(object, "metadata", "namespace");
  const name = textAt(object, "metadata", "name");
  return namespace === "" ? name : `${namespace}/${name}`;
}
