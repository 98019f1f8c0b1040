/** What has changed in a cluster since the state was recorded, in the fields that the program sets. */
import { cloneMap, valuesEqual } from "../diff.ts";
import type { PropertyMap, PropertyValue } from "../model.ts";
import { isPropertyMap } from "../wire.ts";

/**
 * The inputs as the cluster has them now: where a field set by the program differs between the recorded and the live object, the live value
 * stands in its place (or none). The recorded object is compared, not the inputs: the server writes "0.5" as "500m".
 */
export function driftedInputs(inputs: PropertyMap, recorded: PropertyMap, live: PropertyMap): PropertyMap {
  return drift(cloneMap(inputs), recorded, live) as PropertyMap;
}

function drift(input: PropertyValue, recorded: PropertyValue | undefined, live: PropertyValue | undefined): PropertyValue | undefined {
  if (isPropertyMap(input) && isPropertyMap(recorded) && isPropertyMap(live)) {
    const result: PropertyMap = {};
    for (const [key, value] of Object.entries(input)) {
      const next = Object.hasOwn(recorded, key) ? drift(value, recorded[key], live[key]) : value;
      if (next !== undefined) result[key] = next;
    }
    return result;
  }
  if (Array.isArray(input) && Array.isArray(recorded) && Array.isArray(live) && input.length === recorded.length && recorded.length === live.length) {
    return input.map((item, at) => drift(item, recorded[at], live[at]) ?? null);
  }
  return valuesEqual(recorded, live) ? input : live;
}
