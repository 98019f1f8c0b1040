/** Where images come from and how they are named. */
import { z } from "zod";
import { parseImage, underPrefix } from "../kubernetes/image.ts";
import { containerRule, containersOf, exemptImages, isExempt, podRule } from "../kubernetes/pods.ts";
import { list, text, within } from "../value.ts";
import { pod } from "./examples.ts";

export const imageByDigest = containerRule({
  id: "image-by-digest",
  title: "Every image is named by digest.",
  severity: "high",
  why: "A tag can be moved after review: only a digest says which bytes run, and evidence can only belong to a digest.",
  fix: "Write registry/repository@sha256:…; `docker buildx imagetools inspect IMAGE` or `crane digest IMAGE` tells it.",
  examples: { pass: [pod()], fail: [pod({ image: "registry.example.com/app:1.4.2" }), pod({ image: "registry.example.com/app" }), pod({ image: undefined })] },
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
  examples: {
    parameters: { allowed: ["registry.example.com", "ghcr.io/acme"] }, pass: [pod(), pod({ image: "ghcr.io/acme/app:1" }), pod({ image: undefined })], fail: [pod({ image: "docker.io/app:1" }), pod({ image: "registry.example.com.evil/app:1" })],
    more: [{ pass: [pod({ image: "docker.io/app:1" })], fail: [] }],
  },
  check: (container, { allowed }) => {
    const image = text(container.spec, "image");
    if (image === undefined || allowed.length === 0 || allowed.some((prefix) => underPrefix(image, prefix))) return undefined;
    return { path: within(container.path, "image"), message: `${container.label} runs ${image}, which is under none of ${allowed.join(", ")}` };
  },
});

export const imageTag = containerRule({
  id: "image-tag",
  title: "Every image has a tag other than latest, or a digest.",
  severity: "medium",
  level: "mandatory",
  why: "latest, or no tag, is whatever was pushed last: two pods of one Deployment can run two programs.",
  fix: "Name the image by version or, better, by digest.",
  parameters: z.strictObject({ forbidden: z.array(z.string()).default(["latest"]).describe("tags that may not be used"), exemptImages }),
  examples: {
    pass: [pod(), pod({ image: "app:1.4.2" })], fail: [pod({ image: "app:latest" }), pod({ image: "registry.example.com:5000/app" }), pod({ image: undefined }), pod({ image: "two words" })],
    more: [{ parameters: { exemptImages: ["docker.io/library/tool"] }, pass: [pod({ image: "tool:latest" })], fail: [pod({ image: "app:latest" })] }],
  },
  check: (container, parameters) => {
    const { forbidden } = parameters;
    const image = text(container.spec, "image") ?? "";
    if (isExempt(container, parameters.exemptImages)) return undefined;
    const ref = parseImage(image);
    const path = within(container.path, "image");
    if (ref?.tag !== undefined && forbidden.includes(ref.tag)) return { path, message: `${container.label} runs ${image}, whose tag moves` };
    return ref === undefined || (ref.tag === undefined && ref.digest === undefined) ? { path, message: `${container.label} runs ${image === "" ? "no image" : image}, which names no version` } : undefined;
  },
});

const FROZEN = ["k8s.gcr.io", "gcr.io/google-containers", "gcr.io/google_containers"];

export const imageRegistryDenied = containerRule({
  id: "image-registry-denied",
  title: "No image comes from a registry that was shut down or is denied.",
  severity: "medium",
  level: "mandatory",
  why: "k8s.gcr.io is frozen since 2023: no fixes arrive there.",
  fix: "Use registry.k8s.io, or where the project publishes now.",
  parameters: z.strictObject({ denied: z.array(z.string()).default(FROZEN).describe("prefixes of whole path segments") }),
  examples: { pass: [pod(), pod({ image: undefined })], fail: FROZEN.map((registry) => pod({ image: `${registry}/pause:3.9` })) },
  check: (container, { denied }) => {
    const image = text(container.spec, "image") ?? "";
    return denied.some((prefix) => underPrefix(image, prefix)) ? { path: within(container.path, "image"), message: `${container.label} runs ${image}` } : undefined;
  },
});

export const imagePullPolicy = containerRule({
  id: "image-pull-policy",
  title: "Images that aren't pinned are pulled always.",
  severity: "low",
  why: "A node that holds an older image of the same tag runs that one, and lets pods use private images without the right to.",
  fix: "Set imagePullPolicy: Always, or name the image by digest.",
  parameters: z.strictObject({ onlyLatest: z.boolean().default(false).describe("ask only of images without tag or with the tag latest"), explicit: z.boolean().default(false).describe("refuse an absent imagePullPolicy, though for such images it means Always") }),
  examples: {
    pass: [pod(), pod({ imagePullPolicy: undefined }), pod({ imagePullPolicy: "Never" }), ...["app", "app:latest"].map((image) => pod({ image, imagePullPolicy: undefined }))],
    fail: [pod({ image: "app:1.4.2", imagePullPolicy: "IfNotPresent" }), pod({ image: "app:1.4.2", imagePullPolicy: undefined }), pod({ image: "app:latest", imagePullPolicy: "Never" })],
    more: [{ parameters: { onlyLatest: true, explicit: true }, pass: [pod({ image: "app:1.4.2", imagePullPolicy: "Never" }), pod({ image: "app", imagePullPolicy: "Always" })], fail: [pod({ image: "app", imagePullPolicy: undefined }), pod({ image: "app:latest", imagePullPolicy: "Never" })] }],
  },
  check: (container, { onlyLatest, explicit }) => {
    const image = text(container.spec, "image") ?? "";
    const ref = parseImage(image);
    const latest = ref?.digest === undefined && (ref?.tag ?? "latest") === "latest";
    if (onlyLatest && !latest) return undefined;
    const policy = text(container.spec, "imagePullPolicy") ?? (latest && !explicit ? "Always" : "IfNotPresent");
    return policy === "Always" || ref?.digest !== undefined ? undefined : { path: within(container.path, "imagePullPolicy"), message: `${container.label} runs ${image} with imagePullPolicy ${policy}` };
  },
});

export const imagePullSecrets = podRule({
  id: "image-pull-secrets",
  title: "Pods name the secret with which their private images are pulled.",
  severity: "low",
  why: "Without it the pull hangs on what the node happens to be allowed to.",
  fix: "Set imagePullSecrets on the pod, or on its ServiceAccount and disable this policy.",
  parameters: z.strictObject({ publicRegistries: z.array(z.string()).default([]).describe("prefixes whose images need no secret") }),
  examples: {
    pass: [pod()], fail: [pod({}, { imagePullSecrets: undefined }), pod({}, { imagePullSecrets: [] })],
    more: [{ parameters: { publicRegistries: ["docker.io/library"] }, pass: [pod({ image: "app:1" }, { imagePullSecrets: undefined })], fail: [pod({ image: "app:1" }, { imagePullSecrets: undefined, initContainers: [{ name: "init", image: "ghcr.io/acme/init:1" }] })] }],
  },
  check: (pod, { publicRegistries }) => {
    const open = containersOf(pod).every((container) => publicRegistries.some((prefix) => underPrefix(text(container.spec, "image") ?? "", prefix)));
    return open || list(pod.spec, "imagePullSecrets").length > 0 ? undefined : { path: within(pod.specPath, "imagePullSecrets"), message: "the pod names no pull secret" };
  },
});
