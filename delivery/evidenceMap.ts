/** The ConfigMap in which gates look for what is known about an image. */
import { createHash } from "node:crypto";
import { gzipSync } from "node:zlib";
import { evidenceName } from "../attestation/documents.ts";
import { DeliveryError } from "./deliveryError.ts";
import { exitCodes } from "./exitCodes.ts";

/** A ConfigMap's limit, in bytes; and from where on a document is packed, so that several fit. */
const limit = 1024 * 1024;
const packFrom = 128 * 1024;

/** `sha256:…` of a text. */
export const digestOfText = (text: string): string => `sha256:${createHash("sha256").update(text).digest("hex")}`;

/**
 * A ConfigMap with documents about an image, as JSON that kubectl takes. Applied server-side by field managers of their own, evidence and approvals
 * of several people live side by side in it.
 * @param documents texts by name; long ones are packed
 * @throws DeliveryError `refused` when they don't fit
 */
export function evidenceMap(digest: string, namespace: string | undefined, documents: ReadonlyMap<string, string>): string {
  const data: Record<string, string> = {};
  const binaryData: Record<string, string> = {};
  for (const [name, text] of documents) {
    if (Buffer.byteLength(text) < packFrom) data[name] = text;
    else binaryData[`${name}.gz`] = gzipSync(text).toString("base64");
  }
  const size = [...Object.values(data), ...Object.values(binaryData)].reduce((sum, text) => sum + Buffer.byteLength(text), 0);
  if (size > limit) throw new DeliveryError(exitCodes.refused, `The documents about ${digest} take ${size} bytes, packed, and a ConfigMap holds ${limit}.`, "Give reports without what no gate reads, such as file contents or licence texts.");
  const metadata = { name: evidenceName(digest), ...(namespace === undefined ? {} : { namespace }), labels: { "app.kubernetes.io/component": "release-evidence" } };
  const packed = Object.keys(binaryData).length === 0 ? {} : { binaryData };
  return `${JSON.stringify({ apiVersion: "v1", kind: "ConfigMap", metadata, data, ...packed }, null, 2)}\n`;
}

/**
 * A document of such a ConfigMap, from its JSON as written or as `kubectl get --output=json` prints it.
 * @returns undefined when it is not in it
 */
export function documentIn(text: string, name: string): string | undefined {
  let content: unknown;
  try {
    content = JSON.parse(text);
  } catch {
    return undefined; // another file altogether: the caller says what it should have been
  }
  const data = typeof content === "object" && content !== null && "data" in content ? content.data : undefined;
  const held = typeof data === "object" && data !== null ? (data as Record<string, unknown>)[name] : undefined;
  return typeof held === "string" ? held : undefined;
}
