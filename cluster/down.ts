import { rm } from "node:fs/promises";
import { checkPlatform, type Tell } from "./host.ts";
import { Node } from "./node.ts";

/** Ends the cluster and clears what it left outside its folder; with `purge` the folder goes as well. */
export async function down(name: string, purge: boolean, tell: Tell): Promise<void> {
  checkPlatform();
  const node = new Node(name);
  const ran = await node.stop();
  if (purge) await rm(node.state, { recursive: true, force: true });
  const what = ran ? `cluster "${name}" ended` : `cluster "${name}" did not run`;
  tell(purge ? `${what}; nothing of it is left` : `${what}; its data is in ${node.state}`);
}
