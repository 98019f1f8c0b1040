import { createHash } from "node:crypto";
import type { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { type Pack, pack } from "tar-stream";
import type { BuiltImage, Image } from "./image.ts";
import { type Layer, measureLayer, readLayer } from "./layer.ts";

const mediaTypes = {
  index: "application/vnd.oci.image.index.v1+json",
  manifest: "application/vnd.oci.image.manifest.v1+json",
  config: "application/vnd.oci.image.config.v1+json",
  layer: "application/vnd.oci.image.layer.v1.tar",
} as const;

interface Blob {
  digest: string;
  content: Buffer;
}

function blob(value: unknown): Blob {
  const content = Buffer.from(JSON.stringify(value));
  return { digest: `sha256:${createHash("sha256").update(content).digest("hex")}`, content };
}

/**
 * Builds an image.
 * @param names references that it is to be known by, each `repository:tag` or `repository` (which stands for `repository@digest`);
 *   they are in the layout's index, not in the image, and don't change its digest
 */
export async function buildImage(image: Image, names: readonly string[]): Promise<BuiltImage> {
  const layer = await measureLayer(image.files);
  const config = blob(configOf(image, layer.digest));
  const manifest = blob({
    schemaVersion: 2,
    mediaType: mediaTypes.manifest,
    config: { mediaType: mediaTypes.config, digest: config.digest, size: config.content.length },
    layers: [{ mediaType: mediaTypes.layer, digest: layer.digest, size: layer.size }],
  });
  const index = blob({
    schemaVersion: 2,
    mediaType: mediaTypes.index,
    manifests: names.map((name) => ({
      mediaType: mediaTypes.manifest,
      digest: manifest.digest,
      size: manifest.content.length,
      annotations: { "io.containerd.image.name": reference(name, manifest.digest) },
    })),
  });
  const archive = (withLayer: boolean): Readable => {
    const tar = pack();
    void fill(tar, index, [config, manifest], withLayer ? { ...layer, files: image.files } : undefined);
    return tar;
  };
  return { digest: manifest.digest, layer: layer.digest, archive };
}

/** `repository` becomes `repository@digest`; `repository:tag` stays. A port's colon is followed by a slash. */
export function reference(name: string, digest: string): string {
  return /:[^/]+$/.test(name) ? name : `${name}@${digest}`;
}

function configOf(image: Image, layerDigest: string): unknown {
  return {
    architecture: process.arch === "x64" ? "amd64" : process.arch,
    os: "linux",
    config: {
      ...(image.user === undefined ? {} : { User: image.user }),
      Env: Object.entries(image.env ?? {}).map(([name, value]) => `${name}=${value}`),
      Entrypoint: image.entrypoint,
      ...(image.command === undefined ? {} : { Cmd: image.command }),
      WorkingDir: image.workingDir ?? "/",
      ...(image.labels === undefined ? {} : { Labels: image.labels }),
    },
    rootfs: { type: "layers", diff_ids: [layerDigest] },
  };
}

async function fill(tar: Pack, index: Blob, blobs: readonly Blob[], layer: (Layer & Pick<Image, "files">) | undefined): Promise<void> {
  const at = (digest: string) => `blobs/${digest.replace(":", "/")}`;
  const times = { mtime: new Date(0), mode: 0o644 };
  try {
    tar.entry({ ...times, name: "oci-layout" }, JSON.stringify({ imageLayoutVersion: "1.0.0" }));
    tar.entry({ ...times, name: "index.json" }, index.content);
    for (const { digest, content } of blobs) tar.entry({ ...times, name: at(digest) }, content);
    if (layer !== undefined) await pipeline(readLayer(layer.files), tar.entry({ ...times, name: at(layer.digest), size: layer.size }));
    tar.finalize();
  } catch (error) {
    tar.destroy(error instanceof Error ? error : new Error(String(error))); // whoever reads is told
  }
}
