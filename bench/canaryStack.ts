/** A copy of the canary stack in a temporary folder, of which only the configuration is changed: each release is one `up`. */
import { readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { parseDocument } from "yaml";
import { copyOfProject, startRelease, startUp, type UpRun } from "./switchStack.ts";

/** What the canary is to be. */
export interface CanaryWish {
  image: string;
  /** Further keys of `canary`, by their dotted names below it. */
  keys?: Readonly<Record<string, unknown>>;
  /** Namespace of the gates. @default the stack's own */
  gatesHome?: string;
  /** What Flagger proves itself to the gates by. @default - nothing */
  gateToken?: string;
  /** @default traefik */
  plane?: Plane;
}

/** The data planes of the local cluster, each in a namespace of its name, as its GatewayClass: what the Service is called that users come in by. */
export const entrances = { traefik: "traefik", contour: "envoy" } as const;
export type Plane = keyof typeof entrances;

/** Names of what the stack makes. */
export const canaryNames = { app: "rlhf-audit-trail", namespace: "canary", hostname: "audit.example.com" } as const;

const file = "Pulumi.canary.yaml";

/** A stack of its own, with a state of its own. */
export class CanaryStack {
  readonly folder: string;
  readonly #kubeconfig: string;
  readonly #shipped: string;

  private constructor(folder: string, kubeconfig: string, shipped: string) {
    this.folder = folder;
    this.#kubeconfig = kubeconfig;
    this.#shipped = shipped;
  }

  static async make(kubeconfig: string): Promise<CanaryStack> {
    const folder = await copyOfProject(file);
    return new CanaryStack(folder, kubeconfig, await readFile(join(folder, file), "utf8"));
  }

  /** Writes the wish into the stack's configuration and begins to make it true. */
  async start({ image, keys = {}, gatesHome, gateToken, plane }: CanaryWish): Promise<UpRun> {
    const document = parseDocument(this.#shipped);
    document.setIn(["config", "rlhf-audit-trail:image"], image);
    for (const [key, value] of Object.entries(keys)) document.setIn(["config", "rlhf-audit-trail:canary", ...key.split(".")], value);
    if (gatesHome !== undefined) document.setIn(["config", "rlhf-audit-trail:network", "gates", "namespace"], gatesHome);
    if (gateToken !== undefined) document.setIn(["config", "rlhf-audit-trail:gateToken"], gateToken);
    if (plane !== undefined) {
      document.setIn(["config", "rlhf-audit-trail:gateway", "className"], plane);
      document.setIn(["config", "rlhf-audit-trail:network", "ingress", "namespace"], plane);
    }
    await writeFile(join(this.folder, file), document.toString());
    return startUp(this.folder, "canary", this.#kubeconfig);
  }

  /** Begins to release an image with the release command, which writes it into the stack's configuration itself. */
  release(image: string): UpRun {
    return startRelease(this.folder, "canary", this.#kubeconfig, image);
  }

  /** Removes the folder; what is in the cluster stays. */
  async remove(): Promise<void> {
    await rm(this.folder, { recursive: true, force: true });
  }
}
