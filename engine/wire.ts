/**
 * Values as they travel: the engine's `PropertyValue` ↔ Pulumi's signature-tagged JSON ↔ `google.protobuf.Struct`.
 *
 * Two layers. `toWire`/`fromWire` speak the tagged JSON that both the protocol and the state file use;
 * `encodeStruct`/`decodeStruct` carry that JSON in a protobuf `Struct`.
 */
import structpb from "google-protobuf/google/protobuf/struct_pb.js";
import {
  AssetValue,
  OutputValue,
  ResourceReference,
  Secret,
  Unknown,
  type PropertyMap,
  type PropertyValue,
} from "./model.ts";

/** JSON with Pulumi's signature objects inside. */
export type WireValue = null | boolean | number | string | WireValue[] | WireMap;
export interface WireMap {
  [key: string]: WireValue;
}

/** The key whose presence makes an object a marked value. */
export const SIGNATURE_KEY = "4dabf18193072939515e22adb298388d";
export const SECRET_SIGNATURE = "1b47061264138c4ac30d75fd1eb44270";
export const RESOURCE_SIGNATURE = "5cf8f73096256a8f31e491e813e4eb8e";
export const OUTPUT_SIGNATURE = "d0e6a833031e9bbcd3f4e8bde6ca49a4";
export const BYTE_STRING_SIGNATURE = "803fd3297a5875dc03ca845dda5d2a98";
export const ASSET_SIGNATURE = "c44067f5952c0a294b673a41bacd8c17";
const ARCHIVE_SIGNATURE = "0def7320c3a5731c473e5ecbe6d01bc7";

/** What stands for an unknown value where no output objects are spoken. */
export const UNKNOWN_SENTINEL = "04da6b54-80e4-46f7-96ec-b56ff0331ba9";
/** One sentinel per type; the SDKs send the string's, older ones the others. */
const UNKNOWN_SENTINELS = new Set([
  "1c4a061d-8072-4f0a-a4cb-0ff528b18fe7",
  "3eeb2bf0-c639-47a8-9e75-3b44932eb421",
  UNKNOWN_SENTINEL,
  "6a19a0b0-7e62-4c92-b797-7f8e31da9cc2",
  "030794c1-ac77-496b-92df-f27374a8bd58",
  "e48ece36-62e2-4504-bad9-02848725956a",
  "dd056dcd-154b-4c76-9bd3-c8f88648b5ff",
]);

/** How values leave the engine. All default to true but `outputs`. */
export interface EncodeOptions {
  /** false: a secret is sent as its bare value. */
  secrets?: boolean;
  /** false: unknowns are left out (of maps and of lists). */
  unknowns?: boolean;
  /** false: a resource reference is sent as its id, or its URN when it has none. */
  resources?: boolean;
  /** true: secrets and unknowns are sent as output objects, `OutputValue`s keep their dependencies. Default false. */
  outputs?: boolean;
}

/** How values enter the engine. */
export interface DecodeOptions {
  /** false: secrets are unwrapped. Default true. */
  secrets?: boolean;
  /** true: output objects become `OutputValue` instead of being reduced to value, `Secret` and `Unknown`. Default false. */
  outputs?: boolean;
}

/** Assigns also the key `__proto__`, which plain assignment would swallow. */
function assign<T>(map: { [key: string]: T }, key: string, value: T): void {
  if (key === "__proto__") Object.defineProperty(map, key, { value, enumerable: true, configurable: true, writable: true });
  else map[key] = value;
}

/** True for a plain property map: an object that is none of the marked values. */
export function isPropertyMap(value: PropertyValue | undefined): value is PropertyMap {
  return (
    typeof value === "object" &&
    value !== null &&
    !Array.isArray(value) &&
    !(value instanceof Secret) &&
    !(value instanceof Unknown) &&
    !(value instanceof ResourceReference) &&
    !(value instanceof AssetValue) &&
    !(value instanceof OutputValue)
  );
}

/** Tagged JSON of a value; `undefined` where the options leave it out. */
export function toWire(value: PropertyValue, options: EncodeOptions = {}): WireValue | undefined {
  if (value === null || typeof value !== "object") return value;
  if (Array.isArray(value)) {
    return value.map((item) => toWire(item, options)).filter((item) => item !== undefined);
  }
  if (value instanceof Unknown) {
    if (options.unknowns === false) return undefined;
    return options.outputs === true ? { [SIGNATURE_KEY]: OUTPUT_SIGNATURE } : UNKNOWN_SENTINEL;
  }
  if (value instanceof Secret) return secretToWire(value, options);
  if (value instanceof OutputValue) return outputToWire(value, options);
  if (value instanceof ResourceReference) return referenceToWire(value, options);
  if (value instanceof AssetValue) return value.wire as WireMap;
  return mapToWire(value, options);
}

/** Tagged JSON of a property map. */
export function mapToWire(map: PropertyMap, options: EncodeOptions = {}): WireMap {
  const wire: WireMap = {};
  for (const [key, value] of Object.entries(map)) {
    const encoded = toWire(value, options);
    if (encoded !== undefined) assign(wire, key, encoded);
  }
  return wire;
}

function secretToWire(secret: Secret, options: EncodeOptions): WireValue | undefined {
  const inner = toWire(secret.value, options);
  if (inner === undefined || options.secrets === false) return inner;
  if (options.outputs !== true) return { [SIGNATURE_KEY]: SECRET_SIGNATURE, value: inner };
  if (secret.value instanceof Unknown) return { [SIGNATURE_KEY]: OUTPUT_SIGNATURE, secret: true };
  return { [SIGNATURE_KEY]: OUTPUT_SIGNATURE, value: inner, secret: true };
}

function outputToWire(output: OutputValue, options: EncodeOptions): WireValue | undefined {
  if (options.outputs !== true) return toWire(flattenOutput(output), options);
  const wire: WireMap = { [SIGNATURE_KEY]: OUTPUT_SIGNATURE };
  if (output.known) {
    const inner = toWire(output.value, options);
    if (inner !== undefined) wire["value"] = inner;
  }
  if (output.secret) wire["secret"] = true;
  if (output.dependencies.length > 0) wire["dependencies"] = [...output.dependencies];
  return wire;
}

function referenceToWire(reference: ResourceReference, options: EncodeOptions): WireValue | undefined {
  if (options.resources === false) {
    if (reference.id === undefined) return reference.urn;
    return toWire(reference.id, options);
  }
  const wire: WireMap = { [SIGNATURE_KEY]: RESOURCE_SIGNATURE, urn: reference.urn };
  // An unknown id travels as the empty string.
  if (reference.id !== undefined) wire["id"] = reference.id instanceof Unknown ? "" : reference.id;
  if (reference.packageVersion !== "") wire["packageVersion"] = reference.packageVersion;
  return wire;
}

/** The value of tagged JSON. Throws an Error that names the property when a marked value is malformed. */
export function fromWire(wire: WireValue, options: DecodeOptions = {}, property = "value"): PropertyValue {
  if (typeof wire === "string") return UNKNOWN_SENTINELS.has(wire) ? new Unknown() : wire;
  if (wire === null || typeof wire !== "object") return wire;
  if (Array.isArray(wire)) return wire.map((item) => fromWire(item, options, property));
  if (!Object.hasOwn(wire, SIGNATURE_KEY)) return mapFromWire(wire, options);
  switch (wire[SIGNATURE_KEY]) {
    case SECRET_SIGNATURE:
      return secretFromWire(wire, options, property);
    case OUTPUT_SIGNATURE:
      return outputFromWire(wire, options, property);
    case RESOURCE_SIGNATURE:
      return referenceFromWire(wire, options, property);
    case ASSET_SIGNATURE:
    case ARCHIVE_SIGNATURE:
      return new AssetValue(wire);
    case BYTE_STRING_SIGNATURE:
      throw new Error(`the value of "${property}" is a string with bytes that are not UTF-8, which this engine does not support`);
    default:
      throw new Error(`unrecognized signature ${JSON.stringify(wire[SIGNATURE_KEY])} in property "${property}"`);
  }
}

/** The property map of tagged JSON. */
export function mapFromWire(wire: WireMap, options: DecodeOptions = {}): PropertyMap {
  const map: PropertyMap = {};
  for (const [key, value] of Object.entries(wire)) assign(map, key, fromWire(value, options, key));
  return map;
}

function secretFromWire(wire: WireMap, options: DecodeOptions, property: string): PropertyValue {
  const inner = wire["value"];
  if (inner === undefined) throw new Error(`malformed secret in property "${property}": it has no value`);
  const value = fromWire(inner, options, property);
  return options.secrets === false ? value : new Secret(value);
}

function outputFromWire(wire: WireMap, options: DecodeOptions, property: string): PropertyValue {
  const { value, secret = false, dependencies = [] } = wire;
  if (typeof secret !== "boolean") throw new Error(`malformed output in property "${property}": "secret" is not a boolean`);
  if (!Array.isArray(dependencies) || !dependencies.every((item) => typeof item === "string")) {
    throw new Error(`malformed output in property "${property}": "dependencies" is not a list of URNs`);
  }
  const known = value !== undefined;
  const output = new OutputValue(known ? fromWire(value, options, property) : null, known, secret, dependencies);
  return options.outputs === true ? output : flattenOutput(output, options.secrets !== false);
}

function referenceFromWire(wire: WireMap, options: DecodeOptions, property: string): PropertyValue {
  const { urn, id, packageVersion = "" } = wire;
  if (typeof urn !== "string") throw new Error(`malformed resource reference in property "${property}": "urn" is not a string`);
  if (typeof packageVersion !== "string") {
    throw new Error(`malformed resource reference in property "${property}": "packageVersion" is not a string`);
  }
  let reference: string | Unknown | undefined;
  if (id !== undefined) {
    const decoded = fromWire(id, { ...options, outputs: false, secrets: false }, property);
    // The empty id stands for an unknown one.
    if (decoded === "" || decoded instanceof Unknown) reference = new Unknown();
    else if (typeof decoded === "string") reference = decoded;
    else throw new Error(`malformed resource reference in property "${property}": "id" is not a string`);
  }
  return new ResourceReference(urn, reference, packageVersion);
}

/** An output as plain value, `Secret` and `Unknown`; its dependencies are lost. */
function flattenOutput(output: OutputValue, keepSecrets = true): PropertyValue {
  const value = output.known ? output.value : new Unknown();
  return output.secret && keepSecrets ? new Secret(value) : value;
}

/** All output objects of a value reduced to plain values, secrets and unknowns. */
export function flattenOutputs(value: PropertyValue): PropertyValue {
  if (value instanceof OutputValue) return flattenOutputs(flattenOutput(value));
  if (value instanceof Secret) return new Secret(flattenOutputs(value.value));
  if (Array.isArray(value)) return value.map(flattenOutputs);
  return isPropertyMap(value) ? flattenMapOutputs(value) : value;
}

/** `flattenOutputs` of every property. */
export function flattenMapOutputs(map: PropertyMap): PropertyMap {
  const flat: PropertyMap = {};
  for (const [key, value] of Object.entries(map)) assign(flat, key, flattenOutputs(value));
  return flat;
}

/** A property map as `google.protobuf.Struct`. */
export function encodeStruct(map: PropertyMap, options: EncodeOptions = {}): structpb.Struct {
  return structFromWire(mapToWire(map, options));
}

/** A `google.protobuf.Struct` (absent = empty) as property map. */
export function decodeStruct(struct: structpb.Struct | undefined, options: DecodeOptions = {}): PropertyMap {
  return struct === undefined ? {} : mapFromWire(structToWire(struct), options);
}

/** Plain JSON as `google.protobuf.Struct`, without giving signatures a meaning. */
function structFromWire(wire: WireMap): structpb.Struct {
  const struct = new structpb.Struct();
  const fields = struct.getFieldsMap();
  for (const [key, value] of Object.entries(wire)) fields.set(key, valueFromWire(value));
  return struct;
}

/** Plain JSON of a `google.protobuf.Struct`, without giving signatures a meaning. */
function structToWire(struct: structpb.Struct): WireMap {
  const wire: WireMap = {};
  struct.getFieldsMap().forEach((value: structpb.Value, key: string) => assign(wire, key, valueToWire(value)));
  return wire;
}

function valueFromWire(wire: WireValue): structpb.Value {
  const value = new structpb.Value();
  if (wire === null) value.setNullValue(structpb.NullValue.NULL_VALUE);
  else if (typeof wire === "string") value.setStringValue(wire);
  else if (typeof wire === "number") value.setNumberValue(wire);
  else if (typeof wire === "boolean") value.setBoolValue(wire);
  else if (Array.isArray(wire)) {
    const list = new structpb.ListValue();
    list.setValuesList(wire.map(valueFromWire));
    value.setListValue(list);
  } else value.setStructValue(structFromWire(wire));
  return value;
}

/** Plain JSON of a `google.protobuf.Value`. */
function valueToWire(value: structpb.Value): WireValue {
  switch (value.getKindCase()) {
    case structpb.Value.KindCase.STRING_VALUE:
      return value.getStringValue();
    case structpb.Value.KindCase.NUMBER_VALUE:
      return value.getNumberValue();
    case structpb.Value.KindCase.BOOL_VALUE:
      return value.getBoolValue();
    case structpb.Value.KindCase.LIST_VALUE:
      return value.getListValue()?.getValuesList().map(valueToWire) ?? [];
    case structpb.Value.KindCase.STRUCT_VALUE: {
      const struct = value.getStructValue();
      return struct === undefined ? {} : structToWire(struct);
    }
    default:
      return null;
  }
}
