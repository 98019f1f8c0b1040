/** What a rule says of its own examples: they are its first tests, and what a changed rule is measured by. */
import { judgeResource, judgeStack, RuleIndex, type Verdict } from "./evaluate.ts";
import { fromManifest, type Resource } from "./resource.ts";
import type { Context, Example, Examples, Rule } from "./rule.ts";
import { copyPlain, type Obj } from "./value.ts";
import type { Waiver } from "./waivers.ts";

/** One example, judged. */
export interface JudgedExample {
  /** `pass 0`, `fail 1`, as they stand in the rule; `hidden 1` is the same as `fail 1` with all but its identity unknown; `more 0 pass 0` of other parameters. */
  readonly example: string;
  /** Kind, path and message of each finding. */
  readonly findings: readonly string[];
}

/** The resources of an example. @throws when one is no Kubernetes object */
export function exampleResources(example: Example): Resource[] {
  const manifests = (Array.isArray(example) ? example : [example]) as Obj[];
  return manifests.map((manifest) => {
    const resource = fromManifest(manifest);
    if (!resource) throw new Error(`an example has no apiVersion and kind: ${JSON.stringify(manifest).slice(0, 200)}`);
    return resource;
  });
}

/** The verdicts of one rule on some resources, under the parameters of some of its examples. */
export function verdictsOf(rule: Rule, examples: Examples, subjects: readonly Resource[], context: Context, waivers: readonly Waiver[] = []): Verdict[] {
  const parameters = rule.parameters.parse(examples.parameters ?? {});
  const settings = { rules: new Map([[rule.id, { level: "mandatory" as const, parameters }]]), waivers };
  const index = new RuleIndex([rule]);
  return rule.scope === "stack" ? judgeStack({ resources: subjects }, index, settings, context) : subjects.flatMap((subject) => judgeResource(subject, index, settings, context));
}

/** What the SDK puts where an object is unknown. */
const UNKNOWN_OBJECT = "dd056dcd-154b-4c76-9bd3-c8f88648b5ff";

/**
 * A resource with all but its identity unknown.
 * @param shown how the properties reach the rules; a test puts the SDK's own proxy between
 */
export function hidden(resource: Resource, shown: (properties: object) => object = (properties) => properties): Resource {
  const kept = ["apiVersion", "kind", "metadata"];
  const keys = Object.keys(resource.data).filter((key) => !kept.includes(key));
  const masked = { ...resource.data, ...Object.fromEntries((keys.length > 0 ? keys : ["metadata"]).map((key) => [key, UNKNOWN_OBJECT])) };
  return { ...resource, data: copyPlain(shown(masked)) };
}

/** A rule's sets of examples: its own, and those under other parameters. */
export function exampleSets(rule: Rule): readonly Examples[] {
  return [rule.examples, ...(rule.examples.more ?? [])];
}

/** All examples of a rule, judged. */
export function judgedExamples(rule: Rule, context: Context): JudgedExample[] {
  return exampleSets(rule).flatMap((examples, set) => {
    const judged = (kind: string, index: number, resources: Resource[]): JudgedExample => ({
      example: `${set === 0 ? "" : `more ${set - 1} `}${kind} ${index}`,
      findings: verdictsOf(rule, examples, resources, context).map(({ resource, status, path, message }) => `${resource?.kind ?? ""}${status === "violation" ? "" : ` ${status}`} ${path}: ${message}`),
    });
    return [
      ...examples.pass.map((example, index) => judged("pass", index, exampleResources(example))),
      ...examples.fail.map((example, index) => judged("fail", index, exampleResources(example))),
      ...examples.fail.map((example, index) => judged("hidden", index, exampleResources(example).map((resource) => hidden(resource)))),
    ];
  });
}
