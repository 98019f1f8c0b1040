import type { Readable } from "node:stream";

/** One entry of an image's file system. */
export type ImageEntry =
  | { type: "file"; /** A file on this machine, or the content itself. */ from: string | Buffer; mode?: number; owner?: number }
  | { type: "directory"; mode?: number; owner?: number }
  | { type: "link"; target: string };

/** What an image is made of: the same image always gives the same digest. */
export interface Image {
  /** Absolute path inside the image to what is there. Missing parent directories are added. */
  files: ReadonlyMap<string, ImageEntry>;
  entrypoint: readonly string[];
  command?: readonly string[];
  env?: Readonly<Record<string, string>>;
  /** "uid" or "uid:gid"; numbers, so that `runAsNonRoot` can be checked. */
  user?: string;
  workingDir?: string;
  labels?: Readonly<Record<string, string>>;
}

/** A built image. */
export interface BuiltImage {
  /** Digest of the manifest, `sha256:…`: what `name@digest` refers to. */
  digest: string;
  /** Digest of its layer. */
  layer: string;
  /** The OCI layout as one tar file, made while it is read; without the layer for whoever has that. */
  archive: (withLayer: boolean) => Readable;
}
