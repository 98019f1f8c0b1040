/** Mends a resource as its rules' remedies say, where no waiver speaks against it. */
import { applies } from "../evaluate.ts";
import type { Resource } from "../resource.ts";
import type { ResourceRule } from "../rule.ts";
import { UnknownRead } from "../value.ts";
import { findWaiver, type Waiver } from "../waivers.ts";
import type { Edit } from "./edits.ts";
import { REMEDIES } from "./remedies.ts";

/**
 * What is to be changed in a resource so that it follows a rule. Nothing where the rule has no remedy or isn't about it, where a waiver
 * exempts the resource (somebody wants it so), or where it hangs on a value that isn't known yet.
 */
export function editsFor(rule: ResourceRule, resource: Resource, waivers: readonly Waiver[], now: Date): readonly Edit[] {
  const remedy = REMEDIES[rule.id];
  if (!remedy || !applies(rule, resource) || findWaiver(rule.id, resource, waivers, now).waived) return [];
  try {
    return remedy.edits(resource);
  } catch (error) {
    if (error instanceof UnknownRead) return [];
    throw error;
  }
}
