/** What the program asks for: one registration, after its transforms, before any provider or policy has seen it. */
import type { PropertyMap, Urn } from "./model.ts";

/** A former identity of a resource: a whole URN, or the parts that differed. */
export interface Alias {
  urn?: Urn;
  name?: string;
  type?: string;
  stack?: string;
  project?: string;
  parent?: Urn;
  noParent?: boolean;
}

/** Moments at which hooks run, spelled as the state records them. */
export const HOOK_KINDS = [
  "BeforeCreate",
  "AfterCreate",
  "BeforeUpdate",
  "AfterUpdate",
  "BeforeDelete",
  "AfterDelete",
  "OnError",
] as const;
export type HookKind = (typeof HOOK_KINDS)[number];
/** Names of the hooks bound to a resource, in order of running. */
export type HookNames = Partial<Record<HookKind, string[]>>;

/** Seconds. */
export interface Timeouts {
  create?: number;
  update?: number;
  delete?: number;
}

export interface Goal {
  type: string;
  name: string;
  custom: boolean;
  /** A component that a plugin would build; this engine shows it as one opaque resource. */
  remote: boolean;
  parent: Urn | undefined;
  inputs: PropertyMap;
  /** `URN::id` of the provider resource; empty for components and provider resources. */
  provider: string;
  dependencies: Urn[];
  propertyDependencies: { [property: string]: Urn[] };
  aliases: Alias[];
  /** undefined: neither the program nor a parent said anything. */
  protect: boolean | undefined;
  retainOnDelete: boolean | undefined;
  deleteBeforeReplace: boolean | undefined;
  ignoreChanges: string[];
  replaceOnChanges: string[];
  additionalSecretOutputs: string[];
  customTimeouts: Timeouts;
  deletedWith: Urn | undefined;
  hooks: HookNames;
}

/** A request to read a resource that the stack does not own. */
export interface ReadGoal {
  type: string;
  name: string;
  id: string;
  parent: Urn | undefined;
  inputs: PropertyMap;
  provider: string;
  dependencies: Urn[];
  additionalSecretOutputs: string[];
}

const UNIT_SECONDS: { readonly [unit: string]: number } = {
  ns: 1e-9,
  us: 1e-6,
  µs: 1e-6,
  ms: 1e-3,
  s: 1,
  m: 60,
  h: 3600,
};

/** Seconds of a duration such as `5m` or `1h30m`. Throws an Error that shows the text when it is none. */
export function parseDuration(text: string): number {
  if (text === "0") return 0;
  const parts = [...text.matchAll(/(\d+(?:\.\d*)?|\.\d+)(ns|us|µs|ms|s|m|h)/g)];
  if (parts.length === 0 || parts.map(([part]) => part).join("") !== text) {
    throw new Error(`"${text}" is not a duration: expected e.g. "30s", "5m" or "1h30m"`);
  }
  return parts.reduce((total, [, amount, unit]) => total + Number(amount) * (UNIT_SECONDS[unit ?? ""] ?? 0), 0);
}
