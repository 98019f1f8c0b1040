/** Creating, changing and deleting single objects: server-side apply under our own name, and what its refusals mean. */
import { setTimeout as delay } from "node:timers/promises";
import { UserError } from "../errors.ts";
import { ApiError, type ApiClient } from "./client.ts";
import { withIgnoredFields } from "./ignored.ts";
import { annotation, at, FIELD_MANAGER, isTrue, listAt, nameOf, textAt, title, type Json, type JsonMap, type KubernetesObject } from "./objects.ts";

const APPLY = "application/apply-patch+yaml";
const JSON_PATCH = "application/json-patch+json";

/** Attempts of a creation whose namespace or kind is not there yet, and the pause before the second, doubled each time. */
const CREATE_ATTEMPTS = 5;
const CREATE_PAUSE_MS = 200;

/**
 * Creates an object. An object that is there already is refused and left as it is.
 * @param collection path of the collection
 */
export async function createObject(client: ApiClient, collection: string, object: KubernetesObject, signal: AbortSignal): Promise<KubernetesObject> {
  const begun = Date.now();
  for (let attempt = 1; ; attempt++) {
    try {
      const query = { fieldManager: FIELD_MANAGER, fieldValidation: "Strict" };
      return (await client.request("POST", collection, { query, body: object, signal })) as KubernetesObject;
    } catch (error) {
      // A namespace or CRD made a moment ago may not be served everywhere yet.
      const early = error instanceof ApiError && (error.status === 404 || isStarting(error));
      if (!early || attempt >= CREATE_ATTEMPTS) {
        const made = error instanceof ApiError ? undefined : await madeAnyway(client, `${collection}/${nameOf(object)}`, begun, signal);
        if (made !== undefined) return made;
        throw explainCreate(error, object);
      }
      await delay(CREATE_PAUSE_MS * 2 ** (attempt - 1), undefined, { signal });
    }
  }
}

/** Clocks of this machine and the server's may differ by so much, in milliseconds. */
const CLOCK_SKEW_MS = 60_000;

/** When the answer to a creation was lost, the object may be there: it is ours if we are who wrote it, and it is that young. */
async function madeAnyway(client: ApiClient, path: string, begun: number, signal: AbortSignal): Promise<KubernetesObject | undefined> {
  try {
    const live = (await client.request("GET", path, { signal })) as KubernetesObject;
    const young = Date.parse(textAt(live, "metadata", "creationTimestamp")) >= begun - CLOCK_SKEW_MS;
    return young && isOurs(live) ? live : undefined;
  } catch {
    return undefined; // the creation's own failure says more
  }
}

/** True when our fields are in an object. */
export function isOurs(live: JsonMap): boolean {
  return listAt(live, "metadata", "managedFields").some((entry) => textAt(entry, "manager") === FIELD_MANAGER);
}

/** A new namespace's default service account comes a moment after it. */
function isStarting(error: ApiError): boolean {
  return error.status === 403 && /error looking up service account/.test(error.message);
}

/** Creates an object, or takes over the one that is there: for providers that are configured with `upsertExistingObjects`. */
export async function upsertObject(client: ApiClient, path: string, object: KubernetesObject, signal: AbortSignal): Promise<KubernetesObject> {
  try {
    const query = { fieldManager: FIELD_MANAGER, fieldValidation: "Strict", force: String(isTrue(object, "pulumi.com/patchForce")) };
    return (await client.request("PATCH", path, { query, contentType: APPLY, body: object, signal })) as KubernetesObject;
  } catch (error) {
    throw explainUpdate(error, object);
  }
}

function explainCreate(error: unknown, object: KubernetesObject): unknown {
  if (!(error instanceof ApiError)) return error;
  if (error.reason === "AlreadyExists") {
    return new UserError(
      `${title(object)} exists already, and this stack did not make it. It is left as it is.`,
      "Delete it, or give this one another name. If the resource was renamed in the program, give it an alias; if it is replaced under a fixed name, set deleteBeforeReplace.",
      { cause: error },
    );
  }
  return explain(error, object, "created");
}

/** Changes an object to what `object` says: fields that were ours and are no longer in it go. */
export async function updateObject(
  client: ApiClient,
  path: string,
  object: KubernetesObject,
  signal: AbortSignal,
  ignoreChanges: readonly string[] = [],
): Promise<KubernetesObject> {
  const live = await own(client, path, object, signal);
  const body = withIgnoredFields(object, live, ignoreChanges);
  const force = isTrue(object, "pulumi.com/patchForce") || listAt(live, "metadata", "managedFields").length === 0;
  try {
    const query = { fieldManager: FIELD_MANAGER, fieldValidation: "Strict", force: String(force) };
    return (await client.request("PATCH", path, { query, contentType: APPLY, body, signal })) as KubernetesObject;
  } catch (error) {
    throw explainUpdate(error, object);
  }
}

/** CRDs are replaced whole, as Pulumi does: an apply would leave versions behind. */
export async function replaceObject(client: ApiClient, path: string, object: KubernetesObject, signal: AbortSignal): Promise<KubernetesObject> {
  try {
    const live = await client.request("GET", path, { signal });
    const body = { ...object, metadata: { ...object.metadata, resourceVersion: textAt(live, "metadata", "resourceVersion") } };
    return (await client.request("PUT", path, { query: { fieldManager: FIELD_MANAGER, fieldValidation: "Strict" }, body, signal })) as KubernetesObject;
  } catch (error) {
    throw explainUpdate(error, object);
  }
}

/**
 * Creation wrote the fields as an ordinary client; they become those of our applies, or an apply that leaves one out would not remove it.
 * Tried again when somebody changes the object at the same moment.
 */
async function own(client: ApiClient, path: string, object: KubernetesObject, signal: AbortSignal): Promise<JsonMap> {
  for (let attempt = 1; ; attempt++) {
    const live = await readForUpdate(client, path, object, signal);
    const fields = listAt(live, "metadata", "managedFields");
    const index = fields.findIndex((entry) => textAt(entry, "manager") === FIELD_MANAGER && textAt(entry, "operation") === "Update" && textAt(entry, "subresource") === "");
    const applied = fields.some((entry) => textAt(entry, "manager") === FIELD_MANAGER && textAt(entry, "operation") === "Apply");
    if (index < 0 || applied) return live;
    const body: Json = [
      { op: "test", path: "/metadata/resourceVersion", value: textAt(live, "metadata", "resourceVersion") },
      { op: "replace", path: `/metadata/managedFields/${index}/operation`, value: "Apply" },
    ];
    try {
      return await client.request("PATCH", path, { contentType: JSON_PATCH, body, signal });
    } catch (error) {
      const raced = error instanceof ApiError && (error.status === 409 || error.status === 422);
      if (!raced || attempt >= CREATE_ATTEMPTS) throw explainUpdate(error, object);
    }
  }
}

async function readForUpdate(client: ApiClient, path: string, object: KubernetesObject, signal: AbortSignal): Promise<JsonMap> {
  try {
    return await client.request("GET", path, { signal });
  } catch (error) {
    throw explainUpdate(error, object);
  }
}

function explainUpdate(error: unknown, object: KubernetesObject): unknown {
  if (!(error instanceof ApiError)) return error;
  if (error.status === 404) {
    return new UserError(`${title(object)} is recorded in the state and no longer in the cluster.`, "Run again with --refresh: it is then made anew.", { cause: error });
  }
  const conflicts = error.causes.filter(({ reason }) => reason === "FieldManagerConflict");
  if (error.status !== 409 || conflicts.length === 0) return explain(error, object, "changed");
  const lines = conflicts.map(({ field, message }) => `${field.replace(/^\./, "")} belongs to ${/conflict with (.*)/.exec(message)?.[1] ?? message}`);
  return new UserError(
    `${title(object)} cannot be changed: somebody else set fields of it. ${lines.join("; ")}.`,
    'Leave these fields out of the program (ignoreChanges), or take them over with the annotation pulumi.com/patchForce: "true".',
    { cause: error },
  );
}

function explain(error: ApiError, object: KubernetesObject, verb: string): UserError {
  const fix =
    error.status === 403 ? "Ask whoever runs the cluster for the right, or look at the quota or policy that the message names." : undefined;
  return new UserError(`${title(object)} could not be ${verb}: ${error.message}`, fix, { cause: error });
}

/** How an object's dependents go with it. */
function propagationOf(object: JsonMap): "Orphan" | "Background" | "Foreground" {
  const policy = annotation(object, "pulumi.com/deletionPropagationPolicy").toLowerCase();
  return policy === "orphan" ? "Orphan" : policy === "background" ? "Background" : "Foreground";
}

/**
 * Asks for an object's deletion.
 * @param uid the recorded object's: another one of the same name (made by its own replacement, or by somebody else) stays
 * @returns false when it is gone already
 */
export async function deleteObject(client: ApiClient, path: string, object: JsonMap, uid: string, signal: AbortSignal): Promise<boolean> {
  const body: JsonMap = {
    apiVersion: "v1",
    kind: "DeleteOptions",
    propagationPolicy: propagationOf(object),
    ...(uid === "" ? {} : { preconditions: { uid } }),
  };
  try {
    await client.request("DELETE", path, { body, signal });
    return true;
  } catch (error) {
    if (error instanceof ApiError && (error.status === 404 || (error.status === 409 && /uid/i.test(error.message)))) return false;
    if (error instanceof ApiError) throw new UserError(`${title(object)} could not be deleted: ${error.message}`, undefined, { cause: error });
    throw error;
  }
}

/** Takes our fields off an object that is not ours, by applying nothing. */
export async function relinquish(client: ApiClient, path: string, object: KubernetesObject, signal: AbortSignal): Promise<void> {
  const { apiVersion, kind, metadata } = object;
  const body = { apiVersion, kind, metadata: { name: metadata["name"] ?? "", ...(at(object, "metadata", "namespace") === undefined ? {} : { namespace: metadata["namespace"] ?? "" }) } };
  try {
    await client.request("PATCH", path, { query: { fieldManager: FIELD_MANAGER, force: "false" }, contentType: APPLY, body, signal });
  } catch (error) {
    if (!(error instanceof ApiError) || error.status !== 404) throw error;
  }
}
