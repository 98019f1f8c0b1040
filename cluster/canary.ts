import { readFile } from "node:fs/promises";
import { applyDefinitions } from "./definitions.ts";
import type { Tell } from "./host.ts";
import { goImage } from "./images/catalog.ts";
import { loadImage } from "./images/load.ts";
import { Node } from "./node.ts";
import { buildParts, pathOf } from "./parts.ts";
import { applyFile } from "./up.ts";

/** What judges a canary: program, the image's name, and the namespace of its Deployment. The versions are those that parts/ pins. */
const judges = [
  { program: "traefik", image: "localhost/rlhf-audit-trail/traefik:v3.5.3", namespace: "traefik" },
  { program: "prometheus", image: "localhost/rlhf-audit-trail/prometheus:v3.13.5", namespace: "monitoring" },
  { program: "flagger", image: "localhost/rlhf-audit-trail/flagger:v1.44.0", namespace: "flagger-system" },
] as const;

/** Custom resources that the judges serve; their definitions come from the same modules as the programs. */
const definitions = { "gateway-api.yaml": "gatewayclasses.gateway.networking.k8s.io", "flagger.yaml": "canaries.flagger.app" } as const;

/**
 * Gateway API, Traefik, Prometheus and Flagger, in the namespaces that the stacks' configuration names by default. The first time builds
 * them; again repairs them.
 */
export async function addCanary(name: string, tell: Tell): Promise<void> {
  const node = new Node(name);
  await node.mustBeAlive();
  const built = await buildParts(tell, "canary");
  for (const [file, served] of Object.entries(definitions)) await applyDefinitions(node, await readFile(pathOf(built, file), "utf8"), served);
  for (const { program, image } of judges) {
    tell(`loading ${program}`);
    const { digest } = await loadImage(node, goImage(built, program), [image]);
    await applyFile(node, `${program}.yaml`, { [`DIGEST_OF_${program.toUpperCase()}`]: digest });
  }
  for (const { program, namespace } of judges) {
    // Not `rollout status`: a deadline that was missed before a repair would count as missed for ever.
    await node.kubectl(["wait", "--for=condition=Available", `deployment/${program}`, `--namespace=${namespace}`, "--timeout=300s"]);
  }
  await node.kubectl(["wait", "--for=condition=Accepted", "gatewayclass/traefik", "--timeout=120s"]);
  tell('Flagger, Prometheus and Traefik are ready; Gateways of class "traefik" are served');
}

/** Whether all of it is there and runs. */
export async function hasCanary(node: Node): Promise<boolean> {
  const available = "--output=jsonpath={.status.availableReplicas}";
  const found = await Promise.all(judges.map(async ({ program, namespace }) => await node.kubectl(["get", "deployment", program, `--namespace=${namespace}`, "--ignore-not-found", available])));
  return found.every((text) => Number(text) > 0);
}
