/** What a namespace holds, as it was declared: without what the server and its controllers add. */
import { podOf, POD_CARRIERS } from "./kubernetes/pods.ts";
import { fromManifest, type Resource } from "./resource.ts";
import { get, isObj, known, object, text, type Obj } from "./value.ts";

/** A kind that a server serves in namespaces. */
export interface LiveKind {
  readonly apiVersion: string;
  readonly kind: string;
  /** Name in paths, as in `deployments`. */
  readonly plural: string;
}

/** Kinds that only controllers write, and that say nothing about what was declared. */
const UNDECLARED: ReadonlySet<string> = new Set(["Event", "Endpoints", "EndpointSlice", "Lease", "ControllerRevision", "PodMetrics", "CiliumEndpoint"]);
const SCALERS: ReadonlySet<string> = new Set(["HorizontalPodAutoscaler", "ScaledObject"]);
/** Made by their owners, so read after them. */
const MADE: readonly string[] = ["Job", "ReplicaSet", "Pod"];

/** Kinds in the order in which they are to be read: autoscalers before what they scale, owners before what they make. */
export function inOrder(kinds: readonly LiveKind[]): LiveKind[] {
  const rank = ({ kind }: LiveKind) => (SCALERS.has(kind) ? 0 : 1 + MADE.indexOf(kind) + 1);
  return kinds.filter(({ kind }) => !UNDECLARED.has(kind)).toSorted((a, b) => rank(a) - rank(b) || (a.apiVersion + a.kind < b.apiVersion + b.kind ? -1 : 1));
}

/** Takes live objects in the order of {@link inOrder} and gives what is to be judged. */
export class LiveObjects {
  readonly #carriers = new Set<string>();
  /** `Kind/name` of what an autoscaler scales. */
  readonly #scaled = new Set<string>();

  /** The object as it was declared; undefined when another that is judged has made it. */
  declared(item: Obj, { apiVersion, kind }: LiveKind): Resource | undefined {
    const data = { apiVersion, kind, ...stripped(item) };
    const resource = fromManifest(data);
    if (!resource || (kind === "ConfigMap" && get(data, "metadata", "name") === "kube-root-ca.crt")) return undefined;
    this.#noteScaled(data, kind);
    const uid = text(item, "metadata", "uid");
    if (uid !== undefined && POD_CARRIERS.some((carrier) => carrier === kind || carrier === `${resource.group}/${kind}`)) {
      this.#carriers.add(uid);
      if (this.#made(item)) return undefined;
    }
    return { ...resource, data: this.#withoutDefaults(resource) };
  }

  #noteScaled(data: Obj, kind: string): void {
    if (!SCALERS.has(kind)) return;
    const target = object(data, "spec", "scaleTargetRef");
    this.#scaled.add(`${text(target, "kind") ?? "Deployment"}/${text(target, "name") ?? ""}`);
  }

  /** Whether a controller that is judged itself has made the object. An owner that carries no pod the rules know leaves it to be judged. */
  #made(item: Obj): boolean {
    const owners = get(item, "metadata", "ownerReferences");
    return Array.isArray(owners) && owners.some((owner) => get(owner, "controller") === true && this.#carriers.has(text(owner, "uid") ?? ""));
  }

  #withoutDefaults(resource: Resource): Obj {
    const { data } = resource;
    const spec = isObj(data.spec) ? { ...data.spec } : undefined;
    // An autoscaler writes the replicas; whether somebody declared them too can't be seen.
    if (spec && this.#scaled.has(`${resource.kind}/${text(data, "metadata", "name") ?? ""}`)) delete spec.replicas;
    const pod: Record<string, unknown> | undefined = known(() => podOf(resource))?.spec;
    // The server writes the old field beside the new one.
    if (pod && pod.serviceAccount === pod.serviceAccountName) delete pod.serviceAccount;
    if (resource.kind === "Pod" && spec) delete spec.nodeName;
    if (spec && pod === data.spec) delete spec.serviceAccount;
    return spec ? { ...data, spec } : data;
  }
}

const SERVER_METADATA: ReadonlySet<string> = new Set(["managedFields", "uid", "resourceVersion", "generation", "creationTimestamp", "selfLink"]);
const SERVER_ANNOTATIONS: ReadonlySet<string> = new Set(["kubectl.kubernetes.io/last-applied-configuration", "deployment.kubernetes.io/revision", "deprecated.daemonset.template.generation"]);

function stripped(item: Obj): Obj {
  const metadata = without(object(item, "metadata"), SERVER_METADATA);
  const annotations = isObj(metadata.annotations) ? { annotations: without(metadata.annotations, SERVER_ANNOTATIONS) } : {};
  return { ...without(item, new Set(["status"])), metadata: { ...metadata, ...annotations } };
}

function without(value: Obj, keys: ReadonlySet<string>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(value).filter(([key]) => !keys.has(key)));
}
