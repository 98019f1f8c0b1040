/** When Services, Ingresses, volumes, Namespaces, CRDs and other plain kinds count as made. */
import { at, listAt, mapAt, nameOf, selectorText, textAt, type JsonMap } from "./objects.ts";
import { conditionOf, failed, READY, waiting, wordsOf, type Condition, type Surroundings } from "./verdict.ts";

/**
 * A load balancer's address is there, and the endpoints are just the ready pods that the selector means: after a change of the selector the
 * endpoints of the former pods do not count. Headless Services, those without selector and external names have nothing to wait for.
 */
export const service: Condition = async (object, around) => {
  const type = textAt(object, "spec", "type") || "ClusterIP";
  if (type === "LoadBalancer" && listAt(object, "status", "loadBalancer", "ingress").length === 0) {
    return waiting("the load balancer has given no address yet; does this cluster have one?");
  }
  const selector = mapAt(object, "spec", "selector");
  if (type === "ExternalName" || textAt(object, "spec", "clusterIP") === "None" || Object.keys(selector).length === 0) return READY;
  return endpoints(object, selector, around);
};

async function endpoints(object: JsonMap, selector: JsonMap, around: Surroundings) {
  const labels = selectorText(selector);
  const [pods, slices] = await Promise.all([
    around.list("v1", "pods", labels),
    around.list("discovery.k8s.io/v1", "endpointslices", `kubernetes.io/service-name=${nameOf(object)}`),
  ]);
  const serving = new Set(
    slices.flatMap((slice) => listAt(slice, "endpoints"))
      .filter((endpoint) => at(endpoint, "conditions", "ready") !== false)
      .map((endpoint) => textAt(endpoint, "targetRef", "uid")),
  );
  const alive = pods.filter((pod) => at(pod, "metadata", "deletionTimestamp") === undefined);
  const ready = alive.filter((pod) => textAt(conditionOf(pod, "Ready"), "status") === "True");
  if (alive.length === 0) return waiting(`no pod has the labels that it selects (${labels})`);
  if (ready.length === 0) return waiting(`none of the ${alive.length} selected pods is ready`);
  const uids = new Set(ready.map((pod) => textAt(pod, "metadata", "uid")));
  const missing = [...uids].filter((uid) => !serving.has(uid)).length;
  if (missing > 0) return waiting(`${uids.size - missing} of ${uids.size} ready pods are endpoints`);
  const selected = new Set(pods.map((pod) => textAt(pod, "metadata", "uid")));
  const foreign = [...serving].filter((uid) => !selected.has(uid)).length;
  return foreign > 0 ? waiting(`${foreign} endpoint${foreign === 1 ? "" : "s"} of the former selector remain`) : READY;
}

export const ingress: Condition = (object) =>
  listAt(object, "status", "loadBalancer", "ingress").length > 0 ? READY : waiting("no address was given to it yet; does this cluster have an Ingress controller?");

/** Bound, or waiting for its first pod where the storage class says so. */
export const claim: Condition = async (object, around, update) => {
  const phase = textAt(object, "status", "phase");
  if (phase === "Bound") return READY;
  if (phase === "Lost") return failed("its volume is lost");
  const name = textAt(object, "spec", "storageClassName");
  const storageClass = name === "" ? undefined : await around.get("storage.k8s.io/v1", "storageclasses", name);
  if (!update && phase === "Pending" && textAt(storageClass, "volumeBindingMode") === "WaitForFirstConsumer") return READY;
  if (update && textAt(storageClass, "volumeBindingMode") === "WaitForFirstConsumer") return READY;
  if (name !== "" && storageClass === undefined) return waiting(`there is no StorageClass "${name}"`);
  return waiting(name === "" ? "it names no StorageClass, and the cluster has no default one" : `StorageClass ${name} has not bound it yet`);
};

export const volume: Condition = (object) => {
  const phase = textAt(object, "status", "phase");
  return phase === "Available" || phase === "Bound" ? READY : waiting(`phase ${phase || "unknown"}`);
};

export const namespace: Condition = (object) => {
  const phase = textAt(object, "status", "phase");
  if (phase === "Terminating") return failed("it is being deleted");
  return phase === "Active" ? READY : waiting(`phase ${phase || "unknown"}`);
};

/** Hard limits are in force once the controller has taken them over. */
export const quota: Condition = (object) => {
  const spec = mapAt(object, "spec", "hard");
  const status = mapAt(object, "status", "hard");
  return Object.entries(spec).every(([key, value]) => status[key] === value) ? READY : waiting("its limits are not in force yet");
};

export const customResourceDefinition: Condition = (object) => {
  const names = conditionOf(object, "NamesAccepted");
  if (textAt(names, "status") === "False") return failed(wordsOf(names));
  return textAt(conditionOf(object, "Established"), "status") === "True" ? READY : waiting("its API is not served yet");
};

export const apiService: Condition = (object) => {
  const available = conditionOf(object, "Available");
  return textAt(available, "status") === "True" ? READY : waiting(wordsOf(available) || "not available yet");
};

/** Only tokens are filled in by a controller. */
export const secret: Condition = (object) =>
  textAt(object, "type") !== "kubernetes.io/service-account-token" || Object.keys(mapAt(object, "data")).length > 0 ? READY : waiting("its token is not there yet");
