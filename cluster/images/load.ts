import { rm } from "node:fs/promises";
import type { Node } from "../node.ts";
import { buildImage, reference } from "./build.ts";
import type { Image } from "./image.ts";

/**
 * Builds an image and makes it known to the node, unless the node has it.
 * @param names as for `buildImage`
 * @returns the references that pods can use, and the image's digest
 */
export async function loadImage(node: Node, image: Image, names: readonly string[]): Promise<{ references: string[]; digest: string }> {
  const built = await buildImage(image, names);
  try {
    const references = names.map((name) => reference(name, built.digest));
    const known = await node.runInside([...ctr, "images", "list"]);
    // A tag may stand for an older image: its digest is in the same line.
    const present = references.every((wanted) => known.split("\n").some((line) => line.startsWith(`${wanted} `) && line.includes(built.digest)));
    if (!present) await node.runInside([...ctr, "images", "import", built.archive]);
    return { references, digest: built.digest };
  } finally {
    await rm(built.archive, { force: true });
  }
}

/** The namespace is the one in which the kubelet looks for images. */
const ctr = ["ctr", "--namespace", "k8s.io"] as const;
