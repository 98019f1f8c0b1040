/** A sound waiver of one rule for one resource. */
import { parseImage } from "../../policies/kubernetes/image.ts";
import { containersOf, podOf } from "../../policies/kubernetes/pods.ts";
import { nameOf, namespaceOf, type Resource } from "../../policies/resource.ts";
import type { Rule } from "../../policies/rule.ts";
import { text } from "../../policies/value.ts";
import type { Waiver } from "../../policies/waivers.ts";

/** A waiver that holds until `expires` (a date), bound to the resource's image where that has a digest. */
export function waiverFor(rule: Rule, resource: Resource, expires: string): Waiver {
  const pod = podOf(resource);
  const digest = pod && containersOf(pod).map((container) => parseImage(text(container.spec, "image") ?? "")?.digest).find((found) => found !== undefined);
  const name = nameOf(resource);
  return {
    rule: rule.id,
    resource: name === undefined ? resource.id : `${resource.kind}/${namespaceOf(resource)}/${name}`,
    reason: "known and accepted for the test",
    requestedBy: "a@example.org",
    approver: "b@example.org",
    expires,
    ...(digest !== undefined && { digest }),
  };
}
