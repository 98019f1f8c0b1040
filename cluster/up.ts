import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { join } from "node:path";
import { ClusterError } from "./failure.ts";
import { checkPlatform, ensurePrograms, type Tell } from "./host.ts";
import { goImage, imageNames } from "./images/catalog.ts";
import { loadImage } from "./images/load.ts";
import { Node, type NodeStatus, type NodeWishes, pauseImage } from "./node.ts";
import { buildParts, type Programs } from "./parts.ts";
import { sources } from "./paths.ts";
import { lastLines } from "./run.ts";

/** How long parts may take to get ready; they take seconds, on a slow machine a minute. */
const readyLimit = 240_000;

/** Makes the cluster run, whatever state it is in, and returns when pods can be started and names are resolved. */
export async function up(name: string, wishes: NodeWishes, tell: Tell): Promise<Node> {
  checkPlatform();
  const node = new Node(name);
  await ensurePrograms(tell);
  const programs = await buildParts(tell);
  const begun = Date.now();
  const seconds = () => `${((Date.now() - begun) / 1000).toFixed(1)} s`;
  await node.start(wishes, programs);
  tell(`node started; folder ${node.state}`);
  await Promise.all([loadSystemImages(node, programs), prepareApi(node)]);
  await until(node, (status) => status.ready);
  tell(`node Ready after ${seconds()}`);
  await Promise.all([applyFile(node, "coredns.yaml"), applyFile(node, "metrics-server.yaml")]);
  // Not `rollout status`: a deadline that was missed before a repair would count as missed for ever.
  await node.kubectl(["wait", "--for=condition=Available", "deployment/coredns", "--namespace=kube-system", "--timeout=180s"]);
  tell(`DNS ready after ${seconds()}`);
  return node;
}

async function loadSystemImages(node: Node, programs: Programs): Promise<void> {
  await until(node, (status) => isReady(status, "containerd"));
  for (const [program, name] of [
    ["pause", pauseImage],
    ["coredns", imageNames.coredns],
    ["metrics-server", imageNames.metricsServer],
  ] as const) {
    await loadImage(node, goImage(programs, program), [name]);
  }
}

/** What must be there before the first pod: the enforcer's right to see policies, and the storage class. */
async function prepareApi(node: Node): Promise<void> {
  await until(node, (status) => isReady(status, "kube-apiserver"));
  await applyFile(node, "base.yaml");
}

/**
 * Applies a file of addons/ as the cluster's administrator.
 * @param digests words in the file to what stands for them: annotations of pods, so that what they run on starts them anew when it changes
 */
export async function applyFile(node: Node, file: string, digests: Readonly<Record<string, string>> = {}): Promise<void> {
  let text = await readFile(join(sources, "addons", file), "utf8");
  const all = { ...digests, DIGEST_OF_FILE: createHash("sha256").update(text).digest("hex") };
  for (const [word, digest] of Object.entries(all)) text = text.replaceAll(word, digest);
  await applyText(node, text);
}

/** Applies manifests, YAML or JSON, as the cluster's administrator. */
export async function applyText(node: Node, text: string): Promise<void> {
  // Validation by kubectl reads every API's schema first, also that of metrics-server, which after a start is away for 20 seconds.
  const flags = ["--server-side", "--field-manager=rlhf-cluster", "--force-conflicts", "--validate=false"];
  await node.kubectl(["apply", ...flags, "--filename=-"], text);
}

function isReady(status: NodeStatus, part: string): boolean {
  return status.parts.some(({ name, ready }) => name === part && ready);
}

/** Waits for the node to say so; when it does not, says which part is away and what it last wrote. */
async function until(node: Node, condition: (status: NodeStatus) => boolean): Promise<void> {
  const deadline = Date.now() + readyLimit;
  let status: NodeStatus | undefined;
  while (Date.now() < deadline) {
    status = await node.status();
    if (status !== undefined && condition(status)) return;
    if (status === undefined) await node.mustBeAlive();
    await sleep(100);
  }
  const late = status?.parts.find(({ ready }) => !ready);
  if (late === undefined) throw new ClusterError(`The node did not get Ready within ${readyLimit / 1000} s.`, `See: npm run cluster -- logs kubelet${node.option()}`);
  const log = await readFile(node.path("logs", `${late.name}.log`), "utf8").catch(() => "");
  throw new ClusterError(
    `${late.name} did not get ready within ${readyLimit / 1000} s (${late.reason ?? "no reason known"}; started again ${late.restarts} times). Its last lines:\n${lastLines(log, 8)}`,
    `All of them: npm run cluster -- logs ${late.name}${node.option()}`,
  );
}
