/** A rehearsal's own cluster, and its words to whoever waits. */
import { down } from "../cluster/down.ts";
import type { Node } from "../cluster/node.ts";
import { up } from "../cluster/up.ts";

/** Says a line while the figures are still to come: those alone go to the standard output. */
export const tell = (line: string): void => void process.stderr.write(`${line}\n`);

/** Does the work on a new cluster of this name, which is gone afterwards, however the work ended. */
export async function onCluster<T>(name: string, work: (node: Node) => Promise<T>): Promise<T> {
  // What a killed run has left would be measured, too.
  await down(name, true, () => undefined);
  try {
    return await work(await up(name, {}, tell));
  } finally {
    await down(name, true, () => undefined);
  }
}
