import type { Node } from "../node.ts";
import { buildImage, reference } from "./build.ts";
import type { Image } from "./image.ts";

/**
 * Builds an image and makes it known to the node, as far as the node lacks it.
 * @param names as for `buildImage`
 * @returns the references that pods can use, and the image's digest
 */
export async function loadImage(node: Node, image: Image, names: readonly string[]): Promise<{ references: string[]; digest: string }> {
  const { digest, layer, archive } = await buildImage(image, names);
  const references = names.map((name) => reference(name, digest));
  const known = await node.runInside([...ctr, "images", "list", ...references.map((wanted) => `name==${wanted}`)]);
  // A tag may stand for an older image: its digest is in the same line.
  const present = references.every((wanted) => known.split("\n").some((line) => line.startsWith(`${wanted} `) && line.includes(digest)));
  if (!present) {
    const layers = await node.runInside([...ctr, "content", "list", "--quiet", `digest==${layer}`]);
    await node.runInside([...ctr, "images", "import", "-"], archive(layers.trim() !== layer));
  }
  return { references, digest };
}

/** The namespace is the one in which the kubelet looks for images. */
const ctr = ["ctr", "--namespace", "k8s.io"] as const;
