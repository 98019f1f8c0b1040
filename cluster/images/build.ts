import { createHash } from "node:crypto";
import { createReadStream, createWriteStream } from "node:fs";
import { mkdir, readdir, rename, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { pack } from "tar-stream";
import { cacheFolder } from "../paths.ts";
import type { BuiltImage, Image } from "./image.ts";
import { writeLayer } from "./layer.ts";

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

/** Archives that are as old were left by a run that was killed, or by a version that kept them. */
const leftoverMs = 24 * 60 * 60 * 1000;

/**
 * Builds an image into the cache as an OCI layout in one tar file, which is the caller's to remove.
 * @param names references that it is to be known by, each `repository:tag` or `repository` (which stands for `repository@digest`);
 *   they are in the layout's index, not in the image, and don't change its digest
 */
export async function buildImage(image: Image, names: readonly string[]): Promise<BuiltImage> {
  const folder = join(cacheFolder(), "images");
  await mkdir(folder, { recursive: true });
  await removeLeftovers(folder);
  // Of its own: another process may build the same image, and remove it.
  const own = `${process.pid}.${String(++builds)}`;
  const unfinished = join(folder, `unfinished.${own}`);
  try {
    const layer = await writeLayer(image.files, `${unfinished}.layer`);
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
    await writeLayout(unfinished, index, [config, manifest], { ...layer, path: `${unfinished}.layer` });
    const archive = join(folder, `${manifest.digest.replace(":", "-")}.${own}.tar`);
    await rename(unfinished, archive);
    return { digest: manifest.digest, archive };
  } finally {
    await rm(unfinished, { force: true });
    await rm(`${unfinished}.layer`, { force: true });
  }
}

let builds = 0;

async function removeLeftovers(folder: string): Promise<void> {
  for (const name of await readdir(folder)) {
    const path = join(folder, name);
    const info = await stat(path).catch(() => undefined); // another process may have removed it
    if (info !== undefined && Date.now() - info.mtimeMs > leftoverMs) await rm(path, { force: true });
  }
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

async function writeLayout(path: string, index: Blob, blobs: readonly Blob[], layer: { digest: string; size: number; path: string }): Promise<void> {
  const tar = pack();
  const written = pipeline(tar, createWriteStream(path));
  const at = (digest: string) => `blobs/${digest.replace(":", "/")}`;
  const times = { mtime: new Date(0), mode: 0o644 };
  tar.entry({ ...times, name: "oci-layout" }, JSON.stringify({ imageLayoutVersion: "1.0.0" }));
  tar.entry({ ...times, name: "index.json" }, index.content);
  for (const { digest, content } of blobs) tar.entry({ ...times, name: at(digest) }, content);
  await pipeline(createReadStream(layer.path), tar.entry({ ...times, name: at(layer.digest), size: layer.size }));
  tar.finalize();
  await written;
}
