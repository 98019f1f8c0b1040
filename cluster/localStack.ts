/** Makes a stack of this machine runnable: the local cluster, the databases beside the stack, what judges a canary, and the images that it names. */
import { add, stackSecret } from "./add.ts";
import { hasCanary } from "./canary.ts";
import { hasContour } from "./contour.ts";
import { ClusterError } from "./failure.ts";
import type { Tell } from "./host.ts";
import { imageNames } from "./images/catalog.ts";
import { Node } from "./node.ts";
import { exampleDigest, type LocalStackFile, setText } from "./stackFile.ts";
import { up } from "./up.ts";
import { workloadImage } from "./workload.ts";

/**
 * Starts what does not run and makes what is missing; what is there already is left alone.
 * @returns the cluster's node
 * @throws ClusterError when the machine can't carry a cluster, or the stack names a digest that nobody can have here
 */
export async function ensureLocalStack(name: string, stack: LocalStackFile, tell: Tell): Promise<Node> {
  const node = await ensureCluster(name, tell);
  if (!(await hasData(node, stack.namespace))) await add("data", name, stack.namespace, tell);
  if (stack.canary && !(await hasCanary(node))) await add("canary", name, stack.namespace, tell);
  if (stack.canary && stack.gatewayClass === "contour" && !(await hasContour(node, stack.namespace))) await add("contour", name, stack.namespace, tell);
  await ensureImages(node, stack, tell);
  return node;
}

/** The cluster, started or repaired unless all of it runs. */
export async function ensureCluster(name: string, tell: Tell): Promise<Node> {
  const node = new Node(name);
  if ((await node.alive()) !== undefined && (await node.status())?.ready === true) return node;
  return await up(name, {}, tell);
}

/** The databases run and the stack's Secret is where it looks for it. */
async function hasData(node: Node, namespace: string): Promise<boolean> {
  const ready = "--output=jsonpath={.status.readyReplicas}";
  const found = await Promise.all([
    node.kubectl(["get", "statefulset", "postgres", "--namespace=database", "--ignore-not-found", ready]),
    node.kubectl(["get", "statefulset", "redis", "--namespace=redis", "--ignore-not-found", ready]),
    node.kubectl(["get", "secret", stackSecret, `--namespace=${namespace}`, "--ignore-not-found", "--output=name"]),
  ]);
  return found.every((text) => text.trim() !== "");
}

async function isLoaded(node: Node, reference: string): Promise<boolean> {
  const known = await node.runInside(["ctr", "--namespace", "k8s.io", "images", "list", "--quiet"]);
  return known.split("\n").includes(reference);
}

/**
 * Every image of the workload that the stack names is in the cluster. The digest that stacks are shipped with is replaced by that of the
 * image built here, as `pulumi up --config` would; a digest that a person has put there is never changed.
 */
async function ensureImages(node: Node, stack: LocalStackFile, tell: Tell): Promise<void> {
  let built: string | undefined;
  for (const { at, key, reference } of stack.images) {
    const [repository, digest] = reference.split("@");
    if (repository !== imageNames.auditTrail || digest === undefined) continue;
    if (digest !== exampleDigest && (await isLoaded(node, reference))) continue;
    built ??= await workloadImage(node.name, undefined, tell);
    if (digest === exampleDigest) {
      await setText(stack.path, at, built);
      tell(`${stack.path}: ${key} was the example that it is shipped with, and is now the image built here, ${built}`);
    } else if (reference !== built) {
      throw new ClusterError(
        `${stack.path}: ${key} names ${reference}, which cluster "${node.name}" does not have, and has no registry to get it from.`,
        `This checkout builds ${built}: put that in its place, or load the other one.`,
      );
    }
  }
}
