/** Pulumi's deployment format, version 3 (version 4 where a resource needs a named feature): resources ↔ their JSON. */
import { createHash } from "node:crypto";
import { UserError } from "./errors.ts";
import { type PropertyMap, type ResourceState } from "./model.ts";
import { type Crypter } from "./passphrase.ts";
import {
  BYTE_STRING_SIGNATURE,
  SECRET_SIGNATURE,
  SIGNATURE_KEY,
  type WireMap,
  type WireValue,
  mapFromWire,
  mapToWire,
} from "./wire.ts";

/** The file as a whole. */
export interface StateDocument {
  version: number;
  features?: string[];
  deployment: Deployment;
}
export interface Deployment {
  manifest: { time: string; magic: string; version: string; [key: string]: unknown };
  secrets_providers?: { type: string; state?: { salt?: string } };
  resources?: SerializedResource[];
  pending_operations?: { resource: SerializedResource; type: PendingType }[];
  /** Fields of newer engines are kept. */
  [key: string]: unknown;
}
export type PendingType = "creating" | "updating" | "deleting" | "reading" | "importing";
/** One entry of `resources[]`, as JSON has it. */
export interface SerializedResource {
  urn: string;
  type: string;
  [key: string]: unknown;
}

const floatSignature = "8ad145fe-0d11-4827-bfd7-1abcbf086f5c";

/** Fields of a resource that the engine understands; all others are carried through. */
const understood = [
  "urn",
  "custom",
  "delete",
  "id",
  "type",
  "inputs",
  "outputs",
  "parent",
  "protect",
  "external",
  "dependencies",
  "propertyDependencies",
  "provider",
  "additionalSecretOutputs",
  "aliases",
  "customTimeouts",
  "retainOnDelete",
  "deletedWith",
  "pendingReplacement",
  "initErrors",
  "created",
  "modified",
  "ignoreChanges",
  "replaceOnChanges",
] as const;

/** Features that a carried field makes necessary; a file that names any is of version 4. */
const featureOfField: { readonly [field: string]: string } = {
  refreshBeforeUpdate: "refreshBeforeUpdate",
  viewOf: "views",
  resourceHooks: "hooks",
  taint: "taint",
  replaceWith: "replaceWith",
};

/**
 * What is wrong with a parsed state document, as the end of a sentence that begins with the file's name; undefined when nothing is.
 */
export function checkDocument(parsed: unknown): string | undefined {
  if (!isObject(parsed)) return "is not a Pulumi deployment";
  const { version, features, deployment } = parsed;
  if (typeof version !== "number") return "is not a Pulumi deployment: it has no version";
  if (version !== 3 && version !== 4)
    return `is a deployment of version ${version}; this engine reads versions 3 and 4`;
  const known = Object.values(featureOfField);
  const foreign = Array.isArray(features) ? features.filter((feature) => !known.includes(String(feature))) : [];
  if (foreign.length > 0) return `needs features that this engine does not have: ${foreign.join(", ")}`;
  if (!isObject(deployment) || !isObject(deployment["manifest"]))
    return "is not a Pulumi deployment: deployment.manifest is missing";
  const { magic, version: engine } = deployment["manifest"];
  if (typeof engine === "string" && engine !== "" && magic !== manifestMagic(engine))
    return "does not match its own manifest (changed by hand?)";
  return checkResources(deployment);
}

function checkResources(deployment: { [key: string]: unknown }): string | undefined {
  const resources = deployment["resources"] ?? [];
  const pending = deployment["pending_operations"] ?? [];
  if (!Array.isArray(resources)) return "is not a Pulumi deployment: deployment.resources is not a list";
  if (!Array.isArray(pending)) return "is not a Pulumi deployment: deployment.pending_operations is not a list";
  const seen = new Set<string>();
  for (const [index, resource] of (resources as unknown[]).entries()) {
    if (!isObject(resource) || typeof resource["urn"] !== "string" || typeof resource["type"] !== "string") {
      return `is damaged: resource ${index} has no urn or no type`;
    }
    const parent = resource["parent"];
    if (typeof parent === "string" && parent !== "" && !seen.has(parent))
      return `is damaged: ${resource["urn"]} comes before its parent ${parent}`;
    seen.add(resource["urn"]);
  }
  return undefined;
}

function isObject(value: unknown): value is { [key: string]: unknown } {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Pulumi's check value of a manifest: the SHA-256 of its engine version, hex. */
export function manifestMagic(engineVersion: string): string {
  return createHash("sha256").update(engineVersion).digest("hex");
}

/**
 * The features that resources need of whoever reads the file.
 * @returns in alphabetical order; empty for a file of version 3
 */
export function neededFeatures(resources: readonly SerializedResource[]): string[] {
  const features = new Set<string>();
  for (const resource of resources) {
    for (const [field, feature] of Object.entries(featureOfField)) {
      if (isSet(resource[field])) features.add(feature);
    }
  }
  return [...features].sort();
}

function isSet(value: unknown): boolean {
  if (value === undefined || value === null || value === false || value === "") return false;
  return typeof value !== "object" || Object.keys(value).length > 0;
}

/**
 * A resource as JSON, in Pulumi's order of fields and without empty ones.
 * @param crypter needed when the resource holds a secret
 * @throws UserError when it does and there is none
 */
export function serializeResource(state: ResourceState, crypter: Crypter | undefined): SerializedResource {
  const { carried, inputs, outputs } = state;
  const rest: { [field: string]: unknown } = { ...state };
  const seal = (text: string): string => {
    if (crypter !== undefined) return crypter.encrypt(text);
    throw new UserError(
      `${state.urn} holds a secret, and there is no passphrase to encrypt the state with.`,
      "Set PULUMI_CONFIG_PASSPHRASE or PULUMI_CONFIG_PASSPHRASE_FILE.",
    );
  };
  const serialized: { [field: string]: unknown } = {};
  for (const field of understood) {
    if (field === "inputs") serialized["inputs"] = hideSecrets(mapToWire(inputs), seal);
    else if (field === "outputs") serialized["outputs"] = hideSecrets(mapToWire(outputs), seal);
    else serialized[field] = rest[field];
    if (field !== "custom" && !isSet(serialized[field])) Reflect.deleteProperty(serialized, field);
  }
  return { ...(serialized as SerializedResource), ...carried };
}

/**
 * A resource out of JSON.
 * @throws UserError when a secret cannot be opened or a value is malformed
 */
export function deserializeResource(serialized: SerializedResource, crypter: Pick<Crypter, "decrypt"> | undefined): ResourceState {
  const carried = Object.fromEntries(
    Object.entries(serialized).filter(([key]) => !(understood as readonly string[]).includes(key)),
  );
  const { inputs, outputs, ...rest } = serialized as unknown as Partial<ResourceState> & SerializedResource;
  const values = (wire: unknown): PropertyMap => {
    try {
      return mapFromWire(showSecrets((wire ?? {}) as WireMap, crypter) as WireMap);
    } catch (cause) {
      throw new UserError(
        `The state of ${serialized.urn} cannot be read: ${cause instanceof Error ? cause.message : String(cause)}.`,
        undefined,
        { cause },
      );
    }
  };
  const known = Object.fromEntries(Object.entries(rest).filter(([key]) => !(key in carried)));
  return {
    custom: false,
    dependencies: [],
    propertyDependencies: {},
    additionalSecretOutputs: [],
    aliases: [],
    ...(known as Partial<ResourceState> & SerializedResource),
    inputs: values(inputs),
    outputs: values(outputs),
    ...(Object.keys(carried).length > 0 ? { carried } : {}),
  };
}

/** `{secret signature, value}` → `{secret signature, ciphertext}`; the secrets inside a secret are not encrypted twice. */
function hideSecrets(wire: WireValue, seal: (text: string) => string): WireValue {
  if (typeof wire === "number" && !Number.isFinite(wire))
    return { [SIGNATURE_KEY]: floatSignature, value: floatBits(wire) };
  if (Array.isArray(wire)) return wire.map((item) => hideSecrets(item, seal));
  if (!isWireMap(wire)) return wire;
  if (wire[SIGNATURE_KEY] !== SECRET_SIGNATURE) return mapValues(wire, (value) => hideSecrets(value, seal));
  const inner = hideSecrets(wire["value"] ?? null, (text) => text);
  return { [SIGNATURE_KEY]: SECRET_SIGNATURE, ciphertext: seal(JSON.stringify(inner)) };
}

function showSecrets(wire: WireValue, crypter: Pick<Crypter, "decrypt"> | undefined, inside = false): WireValue {
  if (Array.isArray(wire)) return wire.map((item) => showSecrets(item, crypter, inside));
  if (!isWireMap(wire)) return wire;
  if (wire[SIGNATURE_KEY] === floatSignature && typeof wire["value"] === "string") return floatFromBits(wire["value"]);
  if (wire[SIGNATURE_KEY] === BYTE_STRING_SIGNATURE) throw new Error("it holds a string of bytes that are not UTF-8");
  if (wire[SIGNATURE_KEY] !== SECRET_SIGNATURE) return mapValues(wire, (value) => showSecrets(value, crypter, inside));
  const { ciphertext, plaintext } = wire;
  let text = typeof plaintext === "string" ? plaintext : undefined;
  if (typeof ciphertext === "string") {
    if (inside) text = ciphertext;
    else if (crypter === undefined) throw new Error("it holds a secret, and the state names no secrets provider");
    else text = crypter.decrypt(ciphertext);
  }
  if (text === undefined) throw new Error("it holds a secret without ciphertext");
  return { [SIGNATURE_KEY]: SECRET_SIGNATURE, value: showSecrets(JSON.parse(text) as WireValue, crypter, true) };
}

function isWireMap(wire: WireValue | undefined): wire is WireMap {
  return typeof wire === "object" && wire !== null && !Array.isArray(wire);
}

function mapValues(map: WireMap, change: (value: WireValue) => WireValue): WireMap {
  return Object.fromEntries(Object.entries(map).map(([key, value]) => [key, change(value)]));
}

function floatBits(value: number): string {
  const bytes = Buffer.alloc(8);
  bytes.writeDoubleBE(value);
  return bytes.toString("hex");
}

function floatFromBits(hex: string): number {
  return Buffer.from(hex.padStart(16, "0"), "hex").readDoubleBE();
}
