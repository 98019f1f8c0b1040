/** What the delivery uses of the engine's way to talk to a cluster. */
export { FIELD_MANAGER, type JsonMap, type KubernetesObject, listAt, mapAt, numberAt, textAt } from "../engine/kubernetes/objects.ts";
export { objectPath } from "../engine/kubernetes/discovery.ts";
