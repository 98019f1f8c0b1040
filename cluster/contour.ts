import { readFile } from "node:fs/promises";
import { applyDefinitions } from "./definitions.ts";
import { ClusterError } from "./failure.ts";
import type { Tell } from "./host.ts";
import { envoyImage, goImage } from "./images/catalog.ts";
import { loadImage } from "./images/load.ts";
import { Node } from "./node.ts";
import { buildParts, pathOf } from "./parts.ts";
import { mustRun } from "./run.ts";
import { applyFile, applyText } from "./up.ts";

const home = "contour";
const deployments = ["contour", "envoy"] as const;
/** The versions are those that parts/ pins. */
const images = { contour: "localhost/rlhf-audit-trail/contour:v1.33.6", envoy: "localhost/rlhf-audit-trail/envoy:v1.38.3" } as const;
/** Of the certificates by which Contour and the Envoys know each other, in days; they are as old as the cluster, and made anew when one is missing. */
const certificateDays = 3650;

/** Contour and two Envoys as the data plane of one namespace's Gateway, beside Traefik. The first time builds them; again repairs them, or moves them to another namespace. */
export async function addContour(name: string, namespace: string, tell: Tell): Promise<void> {
  const node = new Node(name);
  await node.mustBeAlive();
  if ((await node.kubectl(["get", "crd", "gateways.gateway.networking.k8s.io", "--ignore-not-found", "--output=name"])) === "") {
    throw new ClusterError(`Cluster "${name}" has no Gateway API, which Contour serves.`, `Add it first: npm run cluster -- add canary${node.option()}`);
  }
  const built = await buildParts(tell, "contour");
  await applyDefinitions(node, await readFile(pathOf(built, "contour.yaml"), "utf8"), "httpproxies.projectcontour.io", "tlscertificatedelegations.projectcontour.io");
  for (const space of [home, namespace]) await applyText(node, JSON.stringify({ apiVersion: "v1", kind: "Namespace", metadata: { name: space, labels: { name: space } } }));
  await ensureCertificates(node, pathOf(built, "contour"));
  tell("loading contour");
  const contour = await loadImage(node, goImage(built, "contour"), [images.contour]);
  tell("loading envoy");
  const envoy = await loadImage(node, await envoyImage(built), [images.envoy]);
  await applyFile(node, "contour.yaml", { NAMESPACE_SERVED: namespace, DIGEST_OF_CONTOUR: contour.digest, DIGEST_OF_ENVOY: envoy.digest });
  // Not `rollout status`: a deadline that was missed before a repair would count as missed for ever.
  for (const deployment of deployments) await node.kubectl(["wait", "--for=condition=Available", `deployment/${deployment}`, `--namespace=${home}`, "--timeout=300s"]);
  tell(`Contour and Envoy are ready; Gateway rlhf-audit-trail of class "contour" in namespace ${namespace} is served`);
}

/** Whether it is there, runs, and serves that namespace. */
export async function hasContour(node: Node, namespace: string): Promise<boolean> {
  const asked = ["get", "deployments", `--namespace=${home}`, "--ignore-not-found"];
  const [available, serves] = await Promise.all([
    node.kubectl([...asked, "--output=jsonpath={range .items[*]}{.metadata.name}={.status.availableReplicas} {end}"]),
    node.kubectl([...asked, "--output=jsonpath={.items[*].metadata.labels.rlhf-audit-trail\\.dev/serves}"]),
  ]);
  return serves === namespace && deployments.every((name) => new RegExp(`\\b${name}=[1-9]`).test(available));
}

/** By the program's own means. A pair that has lost one half is replaced whole: both are of one authority, which nobody keeps. */
async function ensureCertificates(node: Node, contour: string): Promise<void> {
  const found = await node.kubectl(["get", "secret", "contourcert", "envoycert", `--namespace=${home}`, "--ignore-not-found", "--output=name"]);
  if (found.trim().split("\n").length === 2) return;
  await mustRun(contour, ["certgen", "--kube", "--overwrite", `--kubeconfig=${node.kubeconfig}`, `--namespace=${home}`, "--secrets-format=compact", `--certificate-lifetime=${certificateDays}`]);
}
