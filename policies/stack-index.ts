/** Finds objects of a stack by kind, without walking it again for each question. */
import type { Resource, Stack } from "./resource.ts";

const indexes = new WeakMap<Stack, Map<string, Resource[]>>();

function indexOf(stack: Stack): Map<string, Resource[]> {
  const known = indexes.get(stack);
  if (known) return known;
  const index = new Map<string, Resource[]>();
  for (const resource of stack.resources) {
    if (resource.group === "pulumi") continue;
    const group = index.get(resource.kind);
    if (group) group.push(resource);
    else index.set(resource.kind, [resource]);
  }
  indexes.set(stack, index);
  return index;
}

/** Kubernetes objects of some kinds in a stack. */
export function ofKind(stack: Stack, ...kinds: string[]): readonly Resource[] {
  const index = indexOf(stack);
  const [only, ...others] = kinds;
  return others.length === 0 ? (index.get(only ?? "") ?? []) : kinds.flatMap((kind) => index.get(kind) ?? []);
}
