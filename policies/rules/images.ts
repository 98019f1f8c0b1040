/** Where images come from and how they are named. */
import { z } from "zod";
import { parseImage, underPrefix } from "../kubernetes/image.ts";
import { containerRule } from "../kubernetes/pods.ts";
import { text, within } from "../value.ts";
import { pod } from "./examples.ts";

export const imageByDigest = containerRule({
  id: "image-by-digest",
  title: "Every image is named by digest.",
  severity: "high",
  why: "A tag can be moved after review: only a digest says which bytes run, and evidence can only belong to a digest.",
  fix: "Write registry/repository@sha256:…; `docker buildx imagetools inspect IMAGE` or `crane digest IMAGE` tells it.",
  examples: { pass: [pod()], fail: [pod({ image: "registry.example.com/app:1.4.2" }), pod({ image: "registry.example.com/app" })] },
  check: (container) => {
    const image = text(container.spec, "image");
    const path = within(container.path, "image");
    if (image === undefined) return { path, message: `${container.label} names no image` };
    return parseImage(image)?.digest === undefined ? { path, message: `${container.label} runs ${image}, which is not named by digest` } : undefined;
  },
});

export const imageRegistryAllowed = containerRule({
  id: "image-registry-allowed",
  title: "Every image comes from an allowed registry or repository.",
  severity: "high",
  why: "An image from elsewhere was neither scanned nor signed by us, and may vanish or change hands.",
  fix: "Mirror the image into an allowed registry, or add its repository to the parameter `allowed`.",
  parameters: z.strictObject({
    allowed: z.array(z.string()).default([]).describe("prefixes of whole path segments, as in ghcr.io/acme; * stands for anything; an empty list allows every registry"),
  }),
  examples: { parameters: { allowed: ["registry.example.com"] }, pass: [pod()], fail: [pod({ image: "docker.io/app:1" }), pod({ image: "registry.example.com.evil/app:1" })] },
  check: (container, { allowed }) => {
    const image = text(container.spec, "image");
    if (image === undefined || allowed.length === 0 || allowed.some((prefix) => underPrefix(image, prefix))) return undefined;
    return { path: within(container.path, "image"), message: `${container.label} runs ${image}, which is under none of ${allowed.join(", ")}` };
  },
});
