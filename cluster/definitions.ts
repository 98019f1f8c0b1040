import { setTimeout as sleep } from "node:timers/promises";
import { ClusterError } from "./failure.ts";
import type { Node } from "./node.ts";
import { applyText } from "./up.ts";

/** How long the API server may take to serve a kind; it takes less than a second. */
const servedLimit = 120_000;

/** A CustomResourceDefinition, as far as it is read. The server has `null` in the place of conditions until it first looks at it. */
interface Definition {
  status?: { conditions?: readonly { type: string; status: string }[] | null };
}

/**
 * Applies CustomResourceDefinitions and returns when the API server serves these of them. Not `kubectl wait`: that ends with an error on an
 * object whose conditions are `null`, as those of a new definition are for a moment.
 * @param names of definitions, `plural.group`
 * @throws ClusterError which one is not served after 120 s
 */
export async function applyDefinitions(node: Node, text: string, ...names: readonly string[]): Promise<void> {
  await applyText(node, text);
  const deadline = Date.now() + servedLimit;
  for (const name of names) {
    while (!isServed(JSON.parse(await node.kubectl(["get", "--raw", `/apis/apiextensions.k8s.io/v1/customresourcedefinitions/${name}`])) as Definition)) {
      if (Date.now() > deadline) throw new ClusterError(`The API server does not serve ${name} within ${servedLimit / 1000} s.`, `Why: npm run cluster -- logs kube-apiserver${node.option()}`);
      await sleep(100);
    }
  }
}

/** Whether objects of its kind can be made. */
function isServed({ status }: Definition): boolean {
  return status?.conditions?.some(({ type, status: holds }) => type === "Established" && holds === "True") ?? false;
}
