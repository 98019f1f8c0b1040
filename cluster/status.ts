import { readdir, readFile } from "node:fs/promises";
import { ClusterError, ExitCode } from "./failure.ts";
import { Node, type NodeStatus } from "./node.ts";
import { runAttached } from "./run.ts";

/** Prints what runs. Returns 0 when all is ready, 1 when something is not, 3 when the cluster does not run. */
export async function status(name: string, json: boolean): Promise<ExitCode> {
  const node = new Node(name);
  const pid = await node.alive();
  const said = pid === undefined ? undefined : await node.status();
  if (json) process.stdout.write(`${JSON.stringify({ name, running: pid !== undefined, kubeconfig: node.kubeconfig, ...said }, undefined, 2)}\n`);
  else process.stdout.write(`${pid === undefined ? `cluster "${name}" does not run` : describe(name, said)}\n`);
  if (pid === undefined) return ExitCode.notRunning;
  return said?.ready === true ? ExitCode.ok : ExitCode.failed;
}

/** The table that a person reads. */
export function describe(name: string, said: NodeStatus | undefined): string {
  if (said === undefined) return `cluster "${name}" runs, but its control socket does not answer`;
  const width = Math.max(...said.parts.map((part) => part.name.length));
  const rows = said.parts.map((part) => {
    const state = part.ready ? "ready" : `NOT READY: ${part.reason ?? "starting"}`;
    const restarts = part.restarts === 0 ? "" : `, started again ${part.restarts} times`;
    return `  ${part.name.padEnd(width)}  ${state}${part.since === undefined ? "" : `, since ${part.since}`}${restarts}`;
  });
  return [`cluster "${name}" ${said.ready ? "is ready" : "is NOT READY"}, since ${said.started}`, ...rows].join("\n");
}

/** The kubeconfig's path and a line's end, or with `raw` its content. */
export async function kubeconfig(name: string, raw: boolean): Promise<string> {
  const node = new Node(name);
  await node.mustBeAlive();
  return raw ? await readFile(node.kubeconfig, "utf8") : `${node.kubeconfig}\n`;
}

/** Prints the end of a part's log, of a stopped cluster too. */
export async function logs(name: string, part: string | undefined, follow: boolean): Promise<number> {
  const node = new Node(name);
  const files = await readdir(node.path("logs")).catch(() => []);
  const known = files.filter((file) => file.endsWith(".log")).map((file) => file.replace(/\.log$/, ""));
  if (part === undefined || !known.includes(part)) {
    const names = known.length === 0 ? `Cluster "${name}" has no logs: it was never started.` : `Parts with a log: ${known.sort().join(", ")}`;
    throw new ClusterError(part === undefined ? names : `No part "${part}" has a log. ${names}`, undefined, ExitCode.usage);
  }
  return await runAttached("tail", ["--lines=200", ...(follow ? ["--follow=name"] : []), node.path("logs", `${part}.log`)]);
}
