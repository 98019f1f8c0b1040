/** Finds the code that manages a resource, and the configuration of the provider resource it names. */
import { randomUUID } from "node:crypto";
import { diffMaps } from "./diff.ts";
import { UserError } from "./errors.ts";
import type { PropertyMap, ResourceState, Urn } from "./model.ts";
import type { Provider, ProviderLookup, ResourceRequest } from "./provider.ts";
import { isProviderType, packageOf, parseProviderReference, parseUrn, providedPackage } from "./urn.ts";
import { UNKNOWN_SENTINEL } from "./wire.ts";

export interface ProviderRegistryOptions {
  lookup: ProviderLookup;
  prior: ResourceState[];
  preview: boolean;
  signal: AbortSignal;
}

export class ProviderRegistry {
  readonly #options: ProviderRegistryOptions;
  readonly #states = new Map<Urn, ResourceState>();
  readonly #ofProviders: Provider;

  constructor(options: ProviderRegistryOptions) {
    this.#options = options;
    for (const state of options.prior) if (isProviderType(state.type) && state.delete !== true) this.#states.set(state.urn, state);
    this.#ofProviders = providerResources(options.lookup);
  }

  /** Remembers a provider resource that the program registered. */
  announce(state: ResourceState): void {
    this.#states.set(state.urn, state);
  }

  /** The provider resource behind a reference `URN::id`; undefined for none. */
  stateOf(reference: string | undefined): ResourceState | undefined {
    return reference === undefined || reference === "" ? undefined : this.#states.get(parseProviderReference(reference).urn);
  }

  /** The provider of a resource; undefined for components. Throws when this engine has none for its package. */
  forResource({ type, custom, urn }: ResourceState): Provider | undefined {
    if (!custom) return undefined;
    if (isProviderType(type)) return this.#ofProviders;
    return this.forPackage(packageOf(type), urn);
  }

  /** The provider of a package. Throws, naming who needs it, when this engine has none. */
  forPackage(pkg: string, needed: string): Provider {
    const provider = this.#options.lookup(pkg);
    if (provider !== undefined) return provider;
    throw new UserError(
      `The embedded engine has no provider for the package "${pkg}", which ${needed} needs.`,
      "Use --engine pulumi, or take the resource out of the program.",
    );
  }

  /** What every request about a resource carries. */
  request(state: ResourceState): ResourceRequest {
    return {
      urn: state.urn,
      type: state.type,
      name: parseUrn(state.urn).name,
      configuration: this.stateOf(state.provider)?.inputs ?? {},
      preview: this.#options.preview,
      signal: this.#options.signal,
    };
  }

  /** True when resources cannot be handed from one provider resource to the other: they manage different worlds. */
  differ(former: ResourceState | undefined, next: Urn): boolean {
    const state = this.#states.get(next);
    if (former === undefined || state === undefined || former.type !== state.type) return true;
    return replacesResources(this.#options.lookup, former, state);
  }
}

function replacesResources(lookup: ProviderLookup, former: { type: string; inputs: PropertyMap }, next: { inputs: PropertyMap }): boolean {
  return lookup(providedPackage(former.type))?.configurationReplaces?.(former.inputs, next.inputs) ?? false;
}

/** Manages the provider resources themselves: a generated id, outputs that are the inputs. */
function providerResources(lookup: ProviderLookup): Provider {
  return {
    check: ({ newInputs }) => Promise.resolve({ inputs: newInputs, failures: [] }),
    diff: ({ type, oldInputs, newInputs }) => {
      const replaces = replacesResources(lookup, { type, inputs: oldInputs }, { inputs: newInputs });
      return Promise.resolve({
        changes: diffMaps(oldInputs, newInputs).map((change) => ({ ...change, replaces })),
        deleteBeforeReplace: false,
      });
    },
    create: ({ preview, inputs }) => Promise.resolve({ id: preview ? UNKNOWN_SENTINEL : randomUUID(), outputs: inputs }),
    update: ({ newInputs }) => Promise.resolve({ outputs: newInputs }),
    delete: () => Promise.resolve(),
    read: ({ id, inputs, outputs }) => Promise.resolve({ id, inputs, outputs }),
  };
}
