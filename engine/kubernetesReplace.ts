/** Fields of Kubernetes objects that cannot be changed on an existing object. */
import { groupOf } from "./kubernetesKinds.ts";
import type { PropertyMap, PropertyValue } from "./model.ts";
import { parsePath, pathContains, type PropertyPath } from "./propertyPath.ts";
import { isPropertyMap } from "./wire.ts";

const IDENTITY = ["metadata.name", "metadata.namespace"];

const VOLUME_SOURCES = [
  "awsElasticBlockStore", "azureDisk", "azureFile", "cephfs", "cinder", "csi", "fc", "flexVolume", "flocker", "gcePersistentDisk",
  "glusterfs", "hostPath", "iscsi", "local", "nfs", "photonPersistentDisk", "portworxVolume", "quobyte", "rbd", "scaleIO", "storageos",
  "vsphereVolume",
];
const POD_FIELDS = [
  "affinity", "automountServiceAccountToken", "dnsConfig", "dnsPolicy", "enableServiceLinks", "hostAliases", "hostIPC", "hostNetwork",
  "hostPID", "hostname", "imagePullSecrets", "nodeName", "nodeSelector", "overhead", "preemptionPolicy", "priority", "priorityClassName",
  "readinessGates", "restartPolicy", "runtimeClassName", "schedulerName", "securityContext", "serviceAccount", "serviceAccountName",
  "shareProcessNamespace", "subdomain", "terminationGracePeriodSeconds", "volumes",
];
const CONTAINER_FIELDS = [
  "args", "command", "env", "image", "imagePullPolicy", "lifecycle", "livenessProbe", "ports", "readinessProbe", "resources",
  "securityContext", "stdin", "stdinOnce", "terminationMessagePath", "terminationMessagePolicy", "tty", "volumeDevices", "volumeMounts",
  "workingDir",
];
const BELOW = (prefix: string, names: string[]): string[] => names.map((name) => `${prefix}.${name}`);

/** `group/version/Kind` → fields. Where a rule holds for any version of a kind that had several, each is listed. */
const FIELDS: { readonly [kind: string]: string[] } = {
  "apps/v1/DaemonSet": ["spec.selector"],
  "apps/v1beta2/DaemonSet": ["spec.selector"],
  "apps/v1/Deployment": ["spec.selector"],
  "apps/v1beta2/Deployment": ["spec.selector"],
  "/v1/PersistentVolume": BELOW("spec", VOLUME_SOURCES),
  "/v1/PersistentVolumeClaim": BELOW("spec", ["accessModes", "selector", "storageClassName", "volumeName"]),
  "/v1/Pod": [
    ...BELOW("spec", POD_FIELDS),
    ...BELOW("spec.containers[*]", CONTAINER_FIELDS),
    ...BELOW("spec.initContainers[*]", CONTAINER_FIELDS),
  ],
  "/v1/ResourceQuota": ["spec.scopes"],
  "/v1/Service": ["spec.clusterIP"],
  "policy/v1beta1/PodDisruptionBudget": ["spec"],
  "storage.k8s.io/v1/StorageClass": ["parameters", "provisioner"],
};
for (const version of ["v1", "v1beta1", "v1beta2"]) {
  const names = ["podManagementPolicy", "revisionHistoryLimit", "selector", "serviceName", "volumeClaimTemplates"];
  Object.assign(FIELDS, { [`apps/${version}/StatefulSet`]: BELOW("spec", names) });
}
for (const version of ["v1", "v1beta1", "v2alpha1"]) {
  Object.assign(FIELDS, { [`batch/${version}/Job`]: BELOW("spec", ["completions", "parallelism", "selector", "template"]) });
}
for (const version of ["v1", "v1alpha1", "v1beta1"]) {
  for (const kind of ["ClusterRoleBinding", "RoleBinding"]) {
    Object.assign(FIELDS, { [`rbac.authorization.k8s.io/${version}/${kind}`]: ["roleRef"] });
  }
}

/** The fields of an object whose change forces a new object. Secrets and ConfigMaps are replaced with their data, as by Pulumi's default. */
export function replacingFields(object: PropertyMap): PropertyPath[] {
  const { apiVersion, kind } = object;
  const fields = [...IDENTITY];
  if (typeof apiVersion === "string" && typeof kind === "string") {
    const version = apiVersion.slice(apiVersion.indexOf("/") + 1);
    const key = `${groupOf(apiVersion)}/${version}/${kind}`;
    if (key === "/v1/Secret") fields.push("type", "stringData", "data");
    else if (key === "/v1/ConfigMap") fields.push("binaryData", "data");
    else fields.push(...(FIELDS[key] ?? []));
  }
  return fields.map(parsePath);
}

/** True when a change at `path` touches one of the fields: it lies at or below one, or adds a value that holds one. */
export function forcesReplacement(fields: PropertyPath[], path: PropertyPath, after: PropertyValue | undefined): boolean {
  return fields.some((field) => pathContains(field, path) || (pathContains(path, field) && holds(after, field.slice(path.length))));
}

function holds(value: PropertyValue | undefined, [key, ...rest]: PropertyPath): boolean {
  if (value === undefined) return false;
  if (key === undefined) return true;
  if (Array.isArray(value)) return key === "*" ? value.some((item) => holds(item, rest)) : typeof key === "number" && holds(value[key], rest);
  return isPropertyMap(value) && typeof key === "string" && holds(value[key], rest);
}
