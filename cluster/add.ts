import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { addCanary } from "./canary.ts";
import { addContour } from "./contour.ts";
import { ClusterError, ExitCode } from "./failure.ts";
import { addGates } from "./gates.ts";
import type { Tell } from "./host.ts";
import { postgresImage, redisImage, imageNames } from "./images/catalog.ts";
import { loadImage } from "./images/load.ts";
import { Node } from "./node.ts";
import { sources } from "./paths.ts";
import { applyFile, applyText } from "./up.ts";

/** What only the gates are told. */
export interface AddOptions {
  /** Where they run. @default the stack's namespace */
  readonly gatesNamespace?: string;
  /** File with the keys that count. */
  readonly trust?: string;
  /** Settings by name. */
  readonly set?: Readonly<Record<string, string>>;
}

/** Adds something to a running cluster; adding it again repairs it. */
export async function add(what: string, name: string, namespace: string, tell: Tell, options: AddOptions = {}): Promise<void> {
  const { gatesNamespace: home = namespace, trust, set: settings = {} } = options;
  mustBeNamespace("--namespace", namespace);
  mustBeNamespace("--gates-namespace", home);
  if (what !== "gates" && Object.keys(options).length > 0) throw new ClusterError(`--gates-namespace, --trust and --set are for gates, not for ${what}.`, undefined, ExitCode.usage);
  if (what === "canary") await addCanary(name, tell);
  else if (what === "contour") await addContour(name, namespace, tell);
  else if (what === "gates") await addGates(name, { namespace, home, trust, settings }, tell);
  else if (what === "data") await addData(name, namespace, tell);
  else throw new ClusterError(`Nothing called "${what}" can be added: data, canary, contour or gates.`, undefined, ExitCode.usage);
}

function mustBeNamespace(option: string, name: string): void {
  if (!/^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/.test(name)) throw new ClusterError(`${option} "${name}" is not a namespace's name.`, undefined, ExitCode.usage);
}

/** PostgreSQL and Redis in the namespaces that the stacks' network policies name, and the Secret with their addresses. */
async function addData(name: string, namespace: string, tell: Tell): Promise<void> {
  const node = new Node(name);
  await node.mustBeAlive();
  tell("building the images of PostgreSQL and Redis from Debian's packages");
  const postgresLoaded = await loadImage(node, await postgresImage(join(sources, "addons/postgres.sh")), [imageNames.postgres]);
  const redisLoaded = await loadImage(node, await redisImage(join(sources, "addons/redis.sh")), [imageNames.redis]);
  // The stack owns its namespace; this one only makes sure that the Secret has a place, if `up` of the stack comes later.
  for (const home of ["database", "redis", namespace]) await ensureNamespace(node, home);
  const postgres = await password(node, "database", "postgres");
  const redis = await password(node, "redis", "redis");
  await applyFile(node, "data.yaml", { DIGEST_OF_POSTGRES: postgresLoaded.digest, DIGEST_OF_REDIS: redisLoaded.digest });
  await ensureStackSecret(node, namespace, {
    "database-url": `postgresql://audit:${postgres}@postgres.database.svc.cluster.local:5432/audit`,
    "redis-url": `redis://:${redis}@redis.redis.svc.cluster.local:6379`,
  });
  await node.kubectl(["rollout", "status", "statefulset/postgres", "--namespace=database", "--timeout=180s"]);
  await node.kubectl(["rollout", "status", "statefulset/redis", "--namespace=redis", "--timeout=180s"]);
  tell(`PostgreSQL and Redis are ready; Secret ${stackSecret} is in namespace ${namespace}`);
}

/** Name of the Secret with the databases' addresses. */
export const stackSecret = "rlhf-secrets";

async function ensureNamespace(node: Node, name: string): Promise<void> {
  // The label is what the seed's policies select by; Kubernetes itself only sets kubernetes.io/metadata.name.
  await applyText(node, JSON.stringify({ apiVersion: "v1", kind: "Namespace", metadata: { name, labels: { name } } }));
}

/** The server's password: made once, kept in the cluster, never on this machine. */
async function password(node: Node, namespace: string, name: string): Promise<string> {
  const kept = await readSecret(node, namespace, name);
  if (kept?.password !== undefined) return kept.password;
  const made = randomBytes(24).toString("hex");
  await applySecret(node, namespace, name, { password: made });
  return made;
}

/** Keeps the encryption key that is there: what was encrypted by it must stay readable. */
async function ensureStackSecret(node: Node, namespace: string, addresses: Record<string, string>): Promise<void> {
  const kept = await readSecret(node, namespace, stackSecret);
  await applySecret(node, namespace, stackSecret, { ...addresses, "encryption-key": kept?.["encryption-key"] ?? randomBytes(32).toString("hex") });
}

async function readSecret(node: Node, namespace: string, name: string): Promise<Record<string, string> | undefined> {
  const text = await node.kubectl(["get", "secret", name, `--namespace=${namespace}`, "--ignore-not-found", "--output=json"]);
  if (text.trim() === "") return undefined;
  const { data } = JSON.parse(text) as { data?: Record<string, string> };
  return Object.fromEntries(Object.entries(data ?? {}).map(([key, value]) => [key, Buffer.from(value, "base64").toString()]));
}

async function applySecret(node: Node, namespace: string, name: string, values: Record<string, string>): Promise<void> {
  // A rotated password is no release: without the annotation Flagger would judge it as one.
  const annotations = { "flagger.app/config-tracking": "disabled" };
  await applyText(node, JSON.stringify({ apiVersion: "v1", kind: "Secret", metadata: { name, namespace, annotations }, stringData: values }));
}
