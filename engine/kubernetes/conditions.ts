/** The condition that an object must meet before the next step may rely on it. */
import { groupOf } from "../kubernetesKinds.ts";
import { awaitedWhateverIsAsked, both, knownCustomResource, waitForCondition } from "./customResources.ts";
import { isTrue, type KubernetesObject } from "./objects.ts";
import * as plain from "./services.ts";
import type { Condition } from "./verdict.ts";
import * as workloads from "./workloads.ts";

/** Group and kind. What is not here is made once the server has accepted it (ConfigMaps, policies, autoscalers, …). */
const BUILT_IN: { readonly [groupKind: string]: Condition } = {
  "/Namespace": plain.namespace,
  "/PersistentVolume": plain.volume,
  "/PersistentVolumeClaim": plain.claim,
  "/Pod": workloads.pod,
  "/ReplicationController": workloads.replicaSet,
  "/ResourceQuota": plain.quota,
  "/Secret": plain.secret,
  "/Service": plain.service,
  "apiextensions.k8s.io/CustomResourceDefinition": plain.customResourceDefinition,
  "apiregistration.k8s.io/APIService": plain.apiService,
  "apps/DaemonSet": workloads.daemonSet,
  "apps/Deployment": workloads.deployment,
  "apps/ReplicaSet": workloads.replicaSet,
  "apps/StatefulSet": workloads.statefulSet,
  "batch/Job": workloads.job,
  "networking.k8s.io/Ingress": plain.ingress,
};

/** undefined: nothing to wait for. The annotations `pulumi.com/skipAwait` and `pulumi.com/waitFor` go before the kind. */
export function conditionFor(object: KubernetesObject): Condition | undefined {
  if (isTrue(object, "pulumi.com/skipAwait")) return undefined;
  const group = groupOf(object.apiVersion);
  const asked = waitForCondition(object);
  if (asked !== undefined) return both(asked, awaitedWhateverIsAsked(group, object.kind));
  return BUILT_IN[`${group}/${object.kind}`] ?? knownCustomResource(group, object.kind);
}
