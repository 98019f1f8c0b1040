import { gunzipSync } from "node:zlib";
import { evidenceName } from "../../attestation/documents.ts";
import type { Cluster, ConfigMap } from "./cluster.ts";
import { sha256 } from "./release.ts";
import { Halt } from "./verdict.ts";

/** Largest document after unpacking, in bytes. */
const largestDocument = 16 * 1024 * 1024;

/** The documents about one image. */
export class Evidence {
  /** The image, `sha256:…`. */
  readonly digest: string;
  /** Where they lie. */
  readonly place: string;
  /** SHA-256 of every document that was looked at, by name. */
  readonly seen: Record<string, string> = {};
  readonly #content: ConfigMap;

  constructor(digest: string, content: ConfigMap) {
    this.digest = digest;
    this.place = `ConfigMap ${evidenceName(digest)}`;
    this.#content = content;
  }

  /**
   * A document's text: from `data` under its name, or packed by gzip from `binaryData` under its name and `.gz`, since a ConfigMap holds 1 MiB.
   * @returns undefined where there is none. @throws Halt `no` when it cannot be unpacked.
   */
  document(name: string): string | undefined {
    const text = Object.hasOwn(this.#content.data, name) ? this.#content.data[name] : this.#unpacked(name);
    if (text !== undefined) this.seen[name] = sha256(text);
    return text;
  }

  #unpacked(name: string): string | undefined {
    const packed = Object.hasOwn(this.#content.binaryData, `${name}.gz`) ? this.#content.binaryData[`${name}.gz`] : undefined;
    if (packed === undefined) return undefined;
    try {
      return gunzipSync(Buffer.from(packed, "base64"), { maxOutputLength: largestDocument }).toString("utf8");
    } catch (error) {
      throw new Halt("no", `${name}.gz in ${this.place} is not gzip of at most ${largestDocument} bytes`, { cause: error });
    }
  }
}

/** What is known about an image. @throws Halt `no` where there is nothing, `not-yet` when the cluster does not say. */
export async function readEvidence(cluster: Cluster, digest: string, signal: AbortSignal): Promise<Evidence> {
  const content = await cluster.configMap(evidenceName(digest), signal);
  if (content === undefined) throw new Halt("no", `nothing is known about ${digest}: there is no ConfigMap ${evidenceName(digest)} in namespace ${cluster.namespace}`);
  return new Evidence(digest, content);
}
