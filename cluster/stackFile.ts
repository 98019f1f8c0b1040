/** What the local cluster needs to know of a stack's file, and the one thing that it writes into it. */
import { createHash } from "node:crypto";
import { readFile, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { isScalar, parse, parseDocument } from "yaml";

/** The digest that the stacks are shipped with: of no image, only of these words. */
export const exampleDigest = `sha256:${createHash("sha256").update("example image of rlhf-audit-trail, not published").digest("hex")}`;

/** One place of a stack's file that names an image. */
export interface StackImage {
  /** Path of keys below the document's root. */
  at: readonly string[];
  /** As people name it, e.g. `blueGreen.slots.blue.image`. */
  key: string;
  /** `repository@sha256:…`, or whatever stands there. */
  reference: string;
}

export interface LocalStackFile {
  path: string;
  environment: string;
  /** Namespace of everything in the stack. */
  namespace: string;
  /** Whether releases are judged by Flagger. */
  canary: boolean;
  /** GatewayClass that the stack names: the data plane. Empty where it names none. */
  gatewayClass: string;
  /** The file itself says which cluster is meant: `kubernetes:kubeconfig` or `kubernetes:context`. */
  namesCluster: boolean;
  images: StackImage[];
}

/**
 * Reads `Pulumi.<stack>.yaml` of a project as far as the local cluster needs it.
 * @returns undefined when it is not there or can't be understood: the engine says what is wrong with it
 */
export async function readStackFile(folder: string, stack: string): Promise<LocalStackFile | undefined> {
  const path = join(folder, `Pulumi.${stack}.yaml`);
  try {
    const project = textOf(mapOf(parse(await readFile(join(folder, "Pulumi.yaml"), "utf8")))["name"]);
    const config = mapOf(mapOf(parse(await readFile(path, "utf8")))["config"]);
    const environment = textOf(config[`${project}:environment`]);
    return {
      path,
      environment,
      namespace: textOf(config[`${project}:namespace`]) || environment,
      canary: textOf(config[`${project}:strategy`]) === "canary",
      gatewayClass: textOf(mapOf(config[`${project}:gateway`])["className"]),
      namesCluster: ["kubernetes:kubeconfig", "kubernetes:context"].some((key) => textOf(config[key]) !== ""),
      images: imagesOf(config, project),
    };
  } catch {
    return undefined; // missing, or no YAML: nothing here depends on saying so first
  }
}

function imagesOf(config: Mapping, project: string): StackImage[] {
  const image = textOf(config[`${project}:image`]);
  const slots = mapOf(mapOf(config[`${project}:blueGreen`])["slots"]);
  return [
    ...(image === "" ? [] : [{ at: ["config", `${project}:image`], key: "image", reference: image }]),
    ...Object.entries(slots).flatMap(([slot, settings]) => {
      const reference = textOf(mapOf(settings)["image"]);
      return reference === "" ? [] : [{ at: ["config", `${project}:blueGreen`, "slots", slot, "image"], key: `blueGreen.slots.${slot}.image`, reference }];
    }),
  ];
}

type Mapping = { [key: string]: unknown };
const mapOf = (value: unknown): Mapping => (typeof value === "object" && value !== null ? (value as Mapping) : {});
const textOf = (value: unknown): string => (typeof value === "string" ? value : "");

/** Replaces one value of a YAML file; every other byte of it stays, comments and layout too. */
export async function setText(path: string, at: readonly string[], value: string): Promise<void> {
  const text = await readFile(path, "utf8");
  const node: unknown = parseDocument(text).getIn(at, true);
  if (!isScalar(node) || !node.range) throw new Error(`${path} has no plain value at ${at.join(" → ")}`);
  const [start, end] = node.range;
  const draft = `${path}.${process.pid}.tmp`;
  await writeFile(draft, text.slice(0, start) + value + text.slice(end));
  await rename(draft, path);
}
