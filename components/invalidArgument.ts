import * as pulumi from "@pulumi/pulumi";

/** What was wrong with one argument of a component, in the words of the person who wrote it. */
export interface Objection {
  /** Where: the argument's path, for example `traffic.stepWeight`. */
  readonly path: string;
  /** The value, as it is to be shown. Never a secret. */
  readonly value: unknown;
  /** What it must be. */
  readonly rule: string;
  /** What to do about it, as a sentence. */
  readonly fix: string;
}

/** One line for one objection: `<Component> <name>: <path> is <value>, must be <rule>. <fix>`. */
function describeObjection(component: string, name: string, objection: Objection): string {
  return `${component} ${name}: ${objection.path} is ${show(objection.value)}, must be ${objection.rule}. ${objection.fix}`;
}

/**
 * Refuses a component's arguments, all objections at once, as an error that Pulumi pins to the resource and shows without a stack trace.
 * Does nothing when there are none.
 */
export function refuseInvalid(component: string, name: string, objections: readonly Objection[], resource: pulumi.Resource): void {
  if (objections.length === 0) return;
  throw new pulumi.ResourceError(objections.map((objection) => describeObjection(component, name, objection)).join("\n"), resource, true);
}

function show(value: unknown): string {
  if (value === undefined) return "missing";
  return typeof value === "string" ? value : JSON.stringify(value);
}
