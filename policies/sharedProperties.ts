/**
 * One deserialisation of a resource for all policies. The SDK's server makes one for each policy, the same work over and over for every
 * resource of a preview; it calls its own module's export, which is wrapped here. Where a later SDK is built otherwise, this finds nothing to wrap
 * and the pack is slower, never wrong: rules get a copy and can't change what they share.
 */
import { createRequire } from "node:module";

type Deserialize = (message: object, proxySecrets: boolean) => Record<string, unknown>;

/** Wraps the SDK's deserialiser; to be called before the pack is made. Remediation (`proxySecrets`) may change what it gets, and shares nothing. */
export function shareProperties(): void {
  const sdk = deserializer();
  const original = sdk?.deserializeProperties;
  if (sdk === undefined || typeof original !== "function") return;
  const known = new WeakMap<object, Record<string, unknown>>();
  sdk.deserializeProperties = (message, proxySecrets) => {
    if (proxySecrets) return original(message, proxySecrets);
    const properties = known.get(message) ?? original(message, proxySecrets);
    known.set(message, properties);
    return properties;
  };
}

function deserializer(): { deserializeProperties?: Deserialize } | undefined {
  try {
    return createRequire(__filename)("@pulumi/policy/deserialize") as { deserializeProperties?: Deserialize };
  } catch {
    return undefined; // the module has moved
  }
}
