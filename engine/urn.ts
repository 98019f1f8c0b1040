/** URNs, type tokens and provider references: how they are made and taken apart. */
import type { Urn } from "./model.ts";

/** Type of the resource that stands for the whole stack. */
export const ROOT_STACK_TYPE = "pulumi:pulumi:Stack";
const PREFIX = "urn:pulumi:";
const PROVIDER_PREFIX = "pulumi:providers:";

/** The parts of a URN. */
export interface UrnParts {
  stack: string;
  project: string;
  /** Types of all ancestors and its own, joined by `$`. */
  qualifiedType: string;
  /** Its own type: the last part of `qualifiedType`. */
  type: string;
  name: string;
}

/** What a URN is made from. */
export interface UrnSource {
  stack: string;
  project: string;
  /** URN of the parent; its type chain is kept, unless it is the stack itself. */
  parent?: Urn | undefined;
  type: string;
  name: string;
}

/** The URN of a resource, with the type chain of its parent. */
export function createUrn({ stack, project, parent, type, name }: UrnSource): Urn {
  const parentType = parent === undefined || parent === "" ? "" : parseUrn(parent).qualifiedType;
  return qualifiedUrn(stack, project, parentType, type, name);
}

/** The URN of a resource below a parent whose type chain is given (empty: none). */
export function qualifiedUrn(stack: string, project: string, parentType: string, type: string, name: string): Urn {
  const chain = parentType === "" || parentType === ROOT_STACK_TYPE ? type : `${parentType}$${type}`;
  return `${PREFIX}${stack}::${project}::${chain}::${name}`;
}

/** Takes a URN apart. Throws an Error that shows the value when it is none. */
export function parseUrn(urn: Urn): UrnParts {
  const parts = urn.startsWith(PREFIX) ? urn.slice(PREFIX.length).split("::") : [];
  const [stack, project, qualifiedType, ...name] = parts;
  if (stack === undefined || project === undefined || qualifiedType === undefined || name.length === 0) {
    throw new Error(`"${urn}" is not a URN: expected urn:pulumi:<stack>::<project>::<type>::<name>`);
  }
  const type = qualifiedType.slice(qualifiedType.lastIndexOf("$") + 1);
  return { stack, project, qualifiedType, type, name: name.join("::") };
}

/** URN of the stack's own resource. */
export function rootStackUrn(stack: string, project: string): Urn {
  return qualifiedUrn(stack, project, "", ROOT_STACK_TYPE, `${project}-${stack}`);
}

/** The package of a type token: `kubernetes` of `kubernetes:apps/v1:Deployment`. */
export function packageOf(type: string): string {
  return type.split(":", 1)[0] ?? "";
}

/** True for provider resources, `pulumi:providers:<package>`. */
export function isProviderType(type: string): boolean {
  return type.startsWith(PROVIDER_PREFIX);
}

/** The type of the provider resource of a package. */
export function providerType(pkg: string): string {
  return PROVIDER_PREFIX + pkg;
}

/** The package that a provider type serves: `kubernetes` of `pulumi:providers:kubernetes`. */
export function providedPackage(type: string): string {
  return type.slice(PROVIDER_PREFIX.length);
}

/** A reference to a provider resource: its URN and id. */
export interface ProviderReference {
  urn: Urn;
  id: string;
}

/** Takes `URN::id` apart. Throws an Error that shows the value when it is none. */
export function parseProviderReference(reference: string): ProviderReference {
  const split = reference.lastIndexOf("::");
  const urn = reference.slice(0, Math.max(split, 0));
  const id = reference.slice(split + 2);
  if (split < 0 || id === "") throw new Error(`"${reference}" is not a provider reference: expected <URN>::<id>`);
  parseUrn(urn);
  return { urn, id };
}

/** Writes a provider reference. */
export function formatProviderReference({ urn, id }: ProviderReference): string {
  return `${urn}::${id}`;
}

/** True for the provider resources that nobody declared: one stands in for each package and version. Pulumi neither shows nor counts them. */
export function isDefaultProvider(urn: Urn): boolean {
  const { type, name } = parseUrn(urn);
  return isProviderType(type) && (name === "default" || name.startsWith("default_"));
}
