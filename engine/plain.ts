/** Property values as plain JSON for people and documents: secrets and unknowns are named, never shown. */
import {
  AssetValue,
  OutputValue,
  type PropertyMap,
  type PropertyValue,
  ResourceReference,
  Secret,
  Unknown,
} from "./model.ts";
import { ASSET_SIGNATURE, SIGNATURE_KEY, flattenOutputs } from "./wire.ts";

/** JSON. */
export type Plain = null | boolean | number | string | Plain[] | { [key: string]: Plain };

/** What stands for a secret. */
const SECRET_TEXT = "[secret]";
/** What stands for a value that is known only after the update. */
const UNKNOWN_TEXT = "[unknown]";

/** A value without marks: `[secret]`, `[unknown]`, `[asset]`, `[archive]`; a resource reference is its URN. */
export function plainValue(value: PropertyValue): Plain {
  if (value === null || typeof value !== "object") return value;
  if (value instanceof Secret) return SECRET_TEXT;
  if (value instanceof Unknown) return UNKNOWN_TEXT;
  if (value instanceof OutputValue) return plainValue(flattenOutputs(value));
  if (value instanceof ResourceReference) return value.urn;
  if (value instanceof AssetValue) return value.wire[SIGNATURE_KEY] === ASSET_SIGNATURE ? "[asset]" : "[archive]";
  return Array.isArray(value) ? value.map(plainValue) : plainMap(value);
}

/** `plainValue` of every property. */
export function plainMap(map: PropertyMap): { [key: string]: Plain } {
  return Object.fromEntries(Object.entries(map).map(([key, value]) => [key, plainValue(value)]));
}

/**
 * A function that puts `[secret]` where one of the given texts occurs, for output that the engine only passes on.
 * Texts of fewer than three characters stay: hiding them would garble everything and protect nothing.
 */
export function masker(secrets: readonly string[]): (text: string) => string {
  const worthHiding = [...new Set(secrets)].filter((secret) => secret.length > 2).sort((a, b) => b.length - a.length);
  return (text) => worthHiding.reduce((masked, secret) => masked.replaceAll(secret, SECRET_TEXT), text);
}
