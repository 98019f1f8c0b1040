/** Who depends on whom among recorded resources, and in which order they can go. */
import type { ResourceState, Urn } from "./model.ts";
import { parseProviderReference } from "./urn.ts";

/** URNs that a resource needs: parent, dependencies, property dependencies, provider, the one it is deleted with. */
export function needs(state: ResourceState): Set<Urn> {
  const urns = new Set(state.dependencies);
  for (const list of Object.values(state.propertyDependencies)) for (const urn of list) urns.add(urn);
  if (state.parent !== undefined) urns.add(state.parent);
  if (state.deletedWith !== undefined) urns.add(state.deletedWith);
  if (state.provider !== undefined && state.provider !== "") urns.add(parseProviderReference(state.provider).urn);
  return urns;
}

/**
 * The resources that depend on one, directly or not, in the order of the list (which is that of creation).
 * Children count only through their dependencies; `ignore` names resources that cannot be dependents.
 */
export function dependentsOf(root: ResourceState, all: ResourceState[], ignore: (urn: Urn) => boolean): ResourceState[] {
  const reached = new Set([root.urn]);
  const dependents: ResourceState[] = [];
  for (const state of all.slice(all.indexOf(root) + 1)) {
    if (ignore(state.urn)) continue;
    const urns = needs(state);
    if (state.parent !== undefined && !state.dependencies.includes(state.parent)) urns.delete(state.parent);
    if (![...urns].some((urn) => reached.has(urn))) continue;
    reached.add(state.urn);
    dependents.push(state);
  }
  return dependents;
}

/**
 * The waves in which resources can be deleted: those of one wave at the same time, and only after the wave before.
 * A resource goes before all that it needs. Where the recorded needs run in a circle (possible between objects that were replaced and
 * their successors), the one recorded last goes first.
 */
export function deletionWaves(condemned: ResourceState[]): ResourceState[][] {
  const remaining = new Set(condemned);
  const waves: ResourceState[][] = [];
  while (remaining.size > 0) {
    const needed = new Set<Urn>();
    for (const state of remaining) for (const urn of needs(state)) if (urn !== state.urn) needed.add(urn);
    const free = [...remaining].filter((state) => !needed.has(state.urn));
    const wave = free.length > 0 ? free : [...remaining].slice(-1);
    waves.push(wave);
    for (const state of wave) remaining.delete(state);
  }
  return waves;
}
