import { Node } from "./node.ts";
import { runAttached } from "./run.ts";

/** Runs a program, or a shell, in the node's namespaces and returns its exit code. */
export async function shell(name: string, words: readonly string[]): Promise<number> {
  const node = new Node(name);
  const env = {
    KUBECONFIG: node.path("etc/admin.kubeconfig"),
    PATH: `${node.path("bin/tools")}:${process.env.PATH ?? ""}:/usr/sbin:/sbin`,
    CONTAINERD_NAMESPACE: "k8s.io",
    PS1: `[${name}] # `,
  };
  return await runAttached("nsenter", await node.enter(words.length > 0 ? words : ["/bin/bash", "--norc"]), env);
}
