/** The former URNs that a registration may claim. */
import type { Alias } from "./goal.ts";
import type { Urn } from "./model.ts";
import { createUrn, parseUrn, qualifiedUrn, ROOT_STACK_TYPE } from "./urn.ts";

/** A resource whose aliases are sought. */
export interface AliasSubject {
  stack: string;
  project: string;
  type: string;
  name: string;
  parent: Urn | undefined;
  aliases: Alias[];
}

/**
 * All URNs under which the resource may be recorded, in the order in which they are tried: its own aliases, then those that follow
 * from the alias under which its parent was found.
 * @param aliasInUse gives, for a registered resource that was found under another URN, that URN
 */
export function aliasUrns(subject: AliasSubject, aliasInUse: (urn: Urn) => Urn | undefined): Urn[] {
  const own = subject.aliases.map((alias) => collapse(subject, alias, aliasInUse));
  const urns = new Set(own);
  const { parent } = subject;
  const parentAlias = parent === undefined ? undefined : aliasInUse(parent);
  if (parent !== undefined && parentAlias !== undefined) {
    const inherit = (type: string, name: string): void => {
      urns.add(inherited(subject, type, name, parseUrn(parent).name, parentAlias));
    };
    inherit(subject.type, subject.name);
    for (const urn of own) {
      const { type, name } = parseUrn(urn);
      inherit(type, name);
    }
  }
  return [...urns];
}

function collapse(subject: AliasSubject, alias: Alias, aliasInUse: (urn: Urn) => Urn | undefined): Urn {
  if (alias.urn !== undefined) return alias.urn;
  let parent = subject.parent;
  // The parent's former URN is the one that its children were recorded with.
  if (alias.parent !== undefined) parent = aliasInUse(alias.parent) ?? alias.parent;
  if (alias.noParent === true || (parent !== undefined && parseUrn(parent).qualifiedType === ROOT_STACK_TYPE)) parent = undefined;
  return createUrn({
    stack: alias.stack ?? subject.stack,
    project: alias.project ?? subject.project,
    parent,
    type: alias.type ?? subject.type,
    name: alias.name ?? subject.name,
  });
}

/** A child named after its parent is sought under the parent's former name. */
function inherited(subject: AliasSubject, type: string, name: string, parentName: string, parentAlias: Urn): Urn {
  const former = parseUrn(parentAlias);
  const aliasName = name.startsWith(parentName) ? former.name + name.slice(parentName.length) : name;
  return qualifiedUrn(subject.stack, subject.project, former.qualifiedType, type, aliasName);
}
