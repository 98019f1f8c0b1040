import { createHash, randomBytes } from "node:crypto";
import { readFile } from "node:fs/promises";
import { AttestationError } from "../attestation/failure.ts";
import { parseTrust } from "../attestation/keys.ts";
import { ClusterError, ExitCode } from "./failure.ts";
import type { Tell } from "./host.ts";
import { Node } from "./node.ts";
import { applyFile, applyText } from "./up.ts";
import { serviceImage } from "./workload.ts";

/** What `add gates` is told. */
export interface GateWishes {
  /** Whose releases are judged. */
  readonly namespace: string;
  /** Where the gates run. */
  readonly home: string;
  /** File with the keys that count; needed the first time. @default what is there */
  readonly trust: string | undefined;
  /** Settings, variables of docs/gates.md by name; those that are not named stay as they are. */
  readonly settings: Readonly<Record<string, string>>;
}

const roles = ["compliance", "performance", "security", "approval"] as const;

/** Settings of a cluster of this machine. Windows and counts fit Flagger's shortest interval, 10 s. */
const usualSettings = {
  ENVIRONMENT: "local",
  PROMETHEUS: "http://prometheus.monitoring:9090",
  BUILDERS: "https://rlhf-audit-trail.dev/builders/local",
  WINDOW_SECONDS: "30",
  MIN_REQUESTS: "50",
};

/** Variables that the Deployments set themselves. */
const fixed = ["ROLE", "NAMESPACE", "PORT", "HOST", "HOSTNAME", "TOKEN_FILE", "PROOF_KEY_FILE", "TRUST_FILE", "RECORD_FILE"];

/**
 * The gates that Flagger asks, four roles with two replicas each, with the rights and ways that they need and no others. Again: repairs
 * them, keeps token, proof key, trust and settings, and changes what is told.
 */
export async function addGates(name: string, wishes: GateWishes, tell: Tell): Promise<void> {
  const { namespace, home } = wishes;
  const wrong = Object.keys(wishes.settings).find((key) => !/^[A-Z][A-Z0-9_]*$/.test(key) || fixed.includes(key));
  if (wrong !== undefined) throw new ClusterError(`--set ${wrong}=… is no setting of the gates.`, "docs/gates.md lists the variables; role, namespaces and files are not among those that can be set.", ExitCode.usage);
  const node = new Node(name);
  await node.mustBeAlive();
  const trust = wishes.trust === undefined ? await keptTrust(node, home) : await readTrust(wishes.trust);
  const image = await serviceImage(name, "gates", undefined, tell);
  for (const space of new Set([namespace, home])) await applyText(node, object("Namespace", space, undefined, { metadata: { name: space, labels: { name: space } } }));
  const settings = { ...usualSettings, ...(await content(node, "configmap", "gates", home)), ...wishes.settings };
  await applyText(node, object("ConfigMap", "gates", home, { data: settings }));
  await applyText(node, object("ConfigMap", "gates-trust", home, { data: { "trust.json": trust } }));
  // Made once and kept in the cluster. The token stands in the Canary's addresses, too; the key nowhere else, and the gates alone mount it.
  for (const [secret, entry] of [["gates-token", "token"], ["gates-proof", "key"]] as const) {
    if ((await content(node, "secret", secret, home))[entry] === undefined) await applyText(node, object("Secret", secret, home, { stringData: { [entry]: randomBytes(32).toString("hex") } }));
  }
  const words = { NAMESPACE_OF_GATES: home, NAMESPACE_JUDGED: namespace, IMAGE_OF_GATES: image, DIGEST_OF_SETTINGS: createHash("sha256").update(JSON.stringify([settings, trust])).digest("hex") };
  await applyFile(node, "gates.yaml", words);
  for (const role of roles) await applyFile(node, "gate.yaml", { ...words, ROLE_OF_GATE: role });
  tell("waiting for the gates to be ready");
  for (const role of roles) {
    // First whether it can be had at all: a deadline that was missed before this repair would end the other question at once.
    await node.kubectl(["wait", "--for=condition=Available", `deployment/${role}-gate`, `--namespace=${home}`, "--timeout=300s"]);
    await node.kubectl(["rollout", "status", `deployment/${role}-gate`, `--namespace=${home}`, "--timeout=300s"]);
  }
  tell(`the gates in namespace ${home} judge the releases of namespace ${namespace}, environment ${settings.ENVIRONMENT}; Flagger's token is in Secret gates-token`);
}

/** A trust file that can be used. */
async function readTrust(path: string): Promise<string> {
  const text = await readFile(path, "utf8").catch((error: unknown) => {
    throw new ClusterError(`--trust ${path} cannot be read: ${error instanceof Error ? error.message : String(error)}.`, makeTrust, ExitCode.usage);
  });
  try {
    parseTrust(text);
  } catch (error) {
    if (!(error instanceof AttestationError)) throw error;
    throw new ClusterError(`--trust ${path} cannot be used: ${error.message}.`, makeTrust, ExitCode.usage);
  }
  return text;
}

const makeTrust = "npm run delivery -- keygen ci-1 --purpose evidence --out .delivery/pipeline makes a key and .delivery/trust.json";

async function keptTrust(node: Node, home: string): Promise<string> {
  const kept = (await content(node, "configmap", "gates-trust", home))["trust.json"];
  if (kept === undefined) throw new ClusterError("The gates need to be told once whose keys count: --trust FILE.", makeTrust, ExitCode.usage);
  return kept;
}

/** The data of a ConfigMap or Secret; empty where there is none. */
async function content(node: Node, kind: "configmap" | "secret", name: string, namespace: string): Promise<Record<string, string>> {
  const text = await node.kubectl(["get", kind, name, `--namespace=${namespace}`, "--ignore-not-found", "--output=jsonpath={.data}"]);
  return text.trim() === "" ? {} : (JSON.parse(text) as Record<string, string>);
}

function object(kind: string, name: string, namespace: string | undefined, rest: object): string {
  return JSON.stringify({ apiVersion: "v1", kind, metadata: { name, ...(namespace === undefined ? {} : { namespace }) }, ...rest });
}
