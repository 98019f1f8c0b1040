/** Where pods stand in the kinds that carry them, and their containers of all kinds. */
import { isBuiltIn, type Resource } from "../resource.ts";
import { ask, each, resourceRule, type Context, type Finding, type ResourceRule, type Said } from "../rule.ts";
import { get, join, known, list, object, text, type Obj } from "../value.ts";
import { underPrefix } from "./image.ts";
import { z } from "zod";

/** Path of keys from the object to what holds `metadata` and `spec` of the pod. */
const CARRIERS: Readonly<Record<string, readonly string[]>> = {
  Pod: [],
  PodTemplate: ["template"],
  Deployment: ["spec", "template"],
  StatefulSet: ["spec", "template"],
  DaemonSet: ["spec", "template"],
  ReplicaSet: ["spec", "template"],
  ReplicationController: ["spec", "template"],
  Job: ["spec", "template"],
  CronJob: ["spec", "jobTemplate", "spec", "template"],
  "argoproj.io/Rollout": ["spec", "template"],
  DeploymentConfig: ["spec", "template"],
  "apps.openshift.io/DeploymentConfig": ["spec", "template"],
  "serving.knative.dev/Service": ["spec", "template"],
  SandboxTemplate: ["spec", "podTemplate"],
  "agents.x-k8s.io/Sandbox": ["spec", "podTemplate"],
};

/** Every kind that carries a pod. */
export const POD_CARRIERS: readonly string[] = Object.keys(CARRIERS);

/** The carriers that keep pods running (not Pod, Job, CronJob, templates). */
export const LONG_RUNNING: readonly string[] = ["Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "ReplicationController", "argoproj.io/Rollout", "DeploymentConfig"];

/** The pod of a carrier. */
export interface PodTemplate {
  readonly resource: Resource;
  /** Path of the part that holds metadata and spec; `""` for a Pod. */
  readonly path: string;
  readonly metadata: Obj;
  readonly spec: Obj;
  /** Path of the pod spec, as in `spec.template.spec`. */
  readonly specPath: string;
}

/** A container of a pod. */
export interface Container {
  readonly kind: "container" | "init container" | "ephemeral container";
  /** Restarts for ever beside the others: an init container with `restartPolicy: Always`. */
  readonly sidecar: boolean;
  /** What a person calls it: `container "app"`. */
  readonly label: string;
  readonly path: string;
  readonly spec: Obj;
  readonly pod: PodTemplate;
}

/**
 * The pod of a resource; undefined when its kind carries none or no spec is there.
 * @throws {UnknownRead} when the template is unknown
 */
export function podOf(resource: Resource): PodTemplate | undefined {
  if (lastPod?.resource !== resource) lastPod = { resource, pod: readPod(resource) };
  return lastPod.pod;
}

/** The last answer, because rules ask about one resource one after another. */
let lastPod: { readonly resource: Resource; readonly pod: PodTemplate | undefined } | undefined;

function readPod(resource: Resource): PodTemplate | undefined {
  const keys = CARRIERS[`${resource.group}/${resource.kind}`] ?? (isBuiltIn(resource.group) ? CARRIERS[resource.kind] : undefined);
  if (!keys) return undefined;
  const holder = get(resource.data, ...keys);
  if (holder === undefined || get(holder, "spec") === undefined) return undefined;
  const path = keys.reduce(join, "");
  return { resource, path, metadata: object(holder, "metadata"), spec: object(holder, "spec"), specPath: join(path, "spec") };
}

const KINDS = [
  ["containers", "container"],
  ["initContainers", "init container"],
  ["ephemeralContainers", "ephemeral container"],
] as const;

/** Containers to be read one by one, so that an unknown element leaves the others judged. @throws {UnknownRead} when a whole list is unknown */
function containerReaders(pod: PodTemplate): readonly (() => Container)[] {
  if (lastReaders?.pod !== pod) lastReaders = { pod, readers: KINDS.flatMap(([key, kind]) => list(pod.spec, key).map((_, index, items) => once(() => containerAt(pod, key, kind, items, index)))) };
  return lastReaders.readers;
}

let lastReaders: { readonly pod: PodTemplate; readonly readers: readonly (() => Container)[] } | undefined;

/** A reader that reads once; what it throws it throws each time. */
function once<T>(read: () => T): () => T {
  let value: T | undefined;
  return () => (value ??= read());
}

/** Whether root in the pod is nobody on the node, so that Pod Security lets it be. @throws {UnknownRead} */
export function inUserNamespace(pod: PodTemplate): boolean {
  return get(pod.spec, "hostUsers") === false;
}

/** All containers of a pod: ordinary, init (sidecars among them), ephemeral. @throws {UnknownRead} when one list or element is unknown */
export function containersOf(pod: PodTemplate): Container[] {
  return containerReaders(pod).map((read) => read());
}

function containerAt(pod: PodTemplate, key: string, kind: Container["kind"], items: readonly unknown[], index: number): Container {
  const spec = object(items, index);
  const named = typeof spec.name === "string" ? `"${spec.name}"` : `number ${index + 1}`;
  const sidecar = kind === "init container" && spec.restartPolicy === "Always";
  return { kind, sidecar, label: `${sidecar ? "sidecar" : kind} ${named}`, path: join(join(pod.specPath, key), index), spec, pod };
}

type PodRuleOptions<S extends z.ZodObject> = Omit<Parameters<typeof resourceRule<S>>[0], "kinds" | "check"> & { readonly kinds?: readonly string[] };

/** A rule about a pod, whatever carries it. */
export function podRule<S extends z.ZodObject>(rule: PodRuleOptions<S> & { readonly check: (pod: PodTemplate, parameters: z.output<S>, context: Context) => Said }): ResourceRule {
  return resourceRule<S>({
    ...rule,
    kinds: rule.kinds ?? POD_CARRIERS,
    check: (resource, parameters, context): readonly Finding[] =>
      ask(() => {
        const pod = podOf(resource);
        return pod && rule.check(pod, parameters, context);
      }),
  });
}

/**
 * A rule about each container of a pod, whatever carries it.
 * `which` limits it: `all` (default), `running` (no ephemeral), `long` (ordinary containers and sidecars: what serves).
 */
export function containerRule<S extends z.ZodObject>(
  rule: PodRuleOptions<S> & { readonly which?: "all" | "running" | "long"; readonly check: (container: Container, parameters: z.output<S>, context: Context) => Said },
): ResourceRule {
  return podRule<S>({
    ...rule,
    check: (pod, parameters, context) => each(chosen(containerReaders(pod), rule.which ?? "all"), (container) => rule.check(container(), parameters, context)),
  });
}

function chosen(readers: readonly (() => Container)[], which: "all" | "running" | "long"): readonly (() => Container)[] {
  if (which === "all") return readers;
  return readers.filter((read) => {
    const container = known(read);
    // An unknown container must be judged, and will say that it is unknown.
    if (!container) return true;
    if (container.kind === "ephemeral container") return false;
    return which === "running" || container.kind === "container" || container.sidecar;
  });
}

/** Parameter of rules that some images are exempt from, as an agent that is trusted with its node. */
export const exemptImages = z.array(z.string()).default([]).describe("images whose containers may do so: prefixes of whole path segments with registry, as in ghcr.io/acme/agent; * stands for anything");

/** Whether a container's image is under one of the exempt prefixes. @throws {UnknownRead} when the image is unknown and there are any */
export function isExempt(container: Container, prefixes: readonly string[]): boolean {
  return prefixes.length > 0 && prefixes.some((prefix) => underPrefix(text(container.spec, "image") ?? "", prefix));
}

/** A securityContext, of the pod or of one container. */
export interface SecurityContext {
  readonly context: Obj;
  readonly path: string;
  readonly label: string;
  /** True for the pod's own. */
  readonly ofPod: boolean;
}

/** Asks about the pod's securityContext and then about each container's, absent ones as empty. @throws {UnknownRead} when a list of containers is unknown */
export function eachSecurityContext(pod: PodTemplate, check: (context: SecurityContext) => Said): Finding[] {
  const own = ask(() => check({ context: object(pod.spec, "securityContext"), path: join(pod.specPath, "securityContext"), label: "the pod", ofPod: true }));
  const others = each(containerReaders(pod), (read) => {
    const container = read();
    return check({ context: object(container.spec, "securityContext"), path: join(container.path, "securityContext"), label: container.label, ofPod: false });
  });
  return [...own, ...others];
}

/** The volumes of a pod with their paths. @throws {UnknownRead} */
export function volumesOf(pod: PodTemplate): { path: string; name: string; volume: Obj }[] {
  const items = list(pod.spec, "volumes");
  return items.map((_, index) => {
    const volume = object(items, index);
    return { path: join(join(pod.specPath, "volumes"), index), name: text(volume, "name") ?? String(index), volume };
  });
}
