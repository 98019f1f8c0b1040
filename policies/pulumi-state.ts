/** Reads an exported Pulumi state: `pulumi stack export`, a state file, or what the embedded engine keeps. */
import { fromPulumi, type Resource } from "./resource.ts";
import { copyPlain, isObj, type Obj } from "./value.ts";

/** Key and value by which Pulumi marks a secret, whose value stands beside it as `plaintext` or `ciphertext`. */
const SIGNATURE_KEY = "4dabf18193072939515e22adb298388d";
const SECRET = "1b47061264138c4ac30d75fd1eb44270";
/** What Pulumi puts where a string is not known. */
const UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9";

/**
 * The Kubernetes resources of a state, by the inputs that were declared. What waits for its deletion is left out; a secret that is still encrypted counts as unknown.
 * @returns undefined when the object is no state
 */
export function stateResources(value: Obj): Resource[] | undefined {
  const inner = isObj(value.checkpoint) ? value.checkpoint.latest : value.deployment;
  const deployment = isObj(inner) ? inner : value;
  if (value.kind !== undefined) return undefined;
  // The state of an empty stack has no list at all.
  if (!Array.isArray(deployment.resources)) return deployment !== value && isObj(deployment.manifest) ? [] : undefined;
  return deployment.resources.filter(isObj).flatMap((entry) => {
    const { type, urn, inputs } = entry;
    if (typeof type !== "string" || typeof urn !== "string" || !isObj(inputs) || !type.startsWith("kubernetes:") || entry.delete === true) return [];
    return [fromPulumi(type, copyPlain(revealed(inputs) as Obj), urn)];
  });
}

function revealed(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(revealed);
  if (!isObj(value)) return value;
  if (value[SIGNATURE_KEY] !== SECRET) return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, revealed(inner)]));
  return typeof value.plaintext === "string" ? parsed(value.plaintext) : UNKNOWN;
}

function parsed(plaintext: string): unknown {
  try {
    return revealed(JSON.parse(plaintext));
  } catch {
    return UNKNOWN; // not as Pulumi writes it: better undecided than taken for absent
  }
}
