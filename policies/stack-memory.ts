/** What of a resource is kept until all are read, for the rules over a whole stack. */
import { containersOf, podOf } from "./kubernetes/pods.ts";
import { fromManifest, type Resource } from "./resource.ts";
import { isObj, known, Unknown, type Obj } from "./value.ts";

/**
 * Parts of pods and containers that no stack rule reads, and most of what they say. The test that judges every stack rule's examples with and without
 * them tells when a rule wants one after all.
 */
const UNREAD: ReadonlySet<string> = new Set([
  "securityContext", "livenessProbe", "readinessProbe", "startupProbe", "lifecycle", "command", "args", "volumeMounts", "volumeDevices", "affinity", "tolerations",
  "topologySpreadConstraints", "imagePullPolicy", "terminationMessagePath", "terminationMessagePolicy",
]);
/** Kinds of which rules look for keys and read no values. */
const KEYED: ReadonlySet<string> = new Set(["ConfigMap", "Secret"]);
const DATA: ReadonlySet<string> = new Set(["data", "stringData", "binaryData"]);

/** A copy of a resource with what stack rules read, free of the file's text that the original's strings would hold in memory. */
export function forStackRules(resource: Resource): Resource {
  const lean = leaned(resource);
  // What comes of a state has no text behind it, and may have unknown values that JSON can't say.
  if (!resource.source) return { ...resource, data: lean };
  return fromManifest(JSON.parse(JSON.stringify(lean)) as Obj, resource.source) ?? resource;
}

function leaned(resource: Resource): Obj {
  if (resource.group === "" && KEYED.has(resource.kind)) {
    return mapped(resource.data, (key, value) => (DATA.has(key) && isObj(value) ? mapped(value, () => "") : value));
  }
  const pod = known(() => podOf(resource));
  if (!pod) return resource.data;
  const lean = new Set<unknown>([pod.spec, ...(known(() => containersOf(pod)) ?? []).map(({ spec }) => spec)]);
  const copy = (value: unknown): unknown => {
    if (typeof value !== "object" || value === null || value instanceof Unknown) return value;
    if (Array.isArray(value)) return value.map(copy);
    const kept = lean.has(value) ? Object.entries(value).filter(([key]) => !UNREAD.has(key)) : Object.entries(value);
    return Object.fromEntries(kept.map(([key, inner]) => [key, copy(inner)]));
  };
  return copy(resource.data) as Obj;
}

function mapped(value: Obj, change: (key: string, value: unknown) => unknown): Obj {
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, change(key, inner)]));
}
