/** A stack's recorded state: loaded once, changed through a journal that saves before and after every step. */
import { type Crypter, newCrypter, openCrypter, passphraseFromEnvironment } from "./passphrase.ts";
import {
  type Deployment,
  type PendingType,
  deserializeResource,
  manifestMagic,
  neededFeatures,
  serializeResource,
} from "./deployment.ts";
import { type Journal, type ResourceState, type Step, type Urn } from "./model.ts";
import { UserError } from "./errors.ts";
import { formatProviderReference, parseProviderReference } from "./urn.ts";
import { readStateFile, writeStateFile } from "./stateFile.ts";

/** An operation that was under way when the last run ended. */
export interface PendingOperation {
  type: PendingType;
  resource: ResourceState;
}

/** What is recorded about a stack. */
export interface StackState {
  /** The state file, absolute. */
  path: string;
  resources: ResourceState[];
  pending: PendingOperation[];
  /** Opens and seals the secrets in the state; undefined while there are none and no passphrase is set. */
  crypter?: Crypter;
  /** The document read, for fields that are carried through; undefined when there is no state yet. */
  document?: Deployment;
}

/**
 * Loads a stack's state; an absent file is an empty state.
 * @param salt the stack file's `encryptionsalt`, for a state that has none yet
 * @throws UserError when the file is broken (it is not touched), or its secrets cannot be opened
 */
export async function loadState(path: string, env: NodeJS.ProcessEnv, salt?: string): Promise<StackState> {
  const document = readStateFile(path)?.deployment;
  const provider = document?.secrets_providers;
  if (provider !== undefined && provider.type !== "passphrase") {
    throw new UserError(
      `${path}: its secrets belong to the provider ${provider.type}; the embedded engine opens passphrase secrets only.`,
      "Export it with pulumi stack export --show-secrets and import it under a passphrase.",
    );
  }
  const passphrase = passphraseFromEnvironment(env);
  const known = provider?.state?.salt ?? salt;
  const holdsSecrets =
    provider !== undefined &&
    JSON.stringify([document?.resources, document?.pending_operations]).includes('"ciphertext"');
  // Deriving a key takes half a second, so it is done only for what needs it.
  const crypter = known !== undefined && holdsSecrets ? await openCrypter(known, passphrase, path) : undefined;
  return {
    path,
    resources: (document?.resources ?? []).map((resource) => deserializeResource(resource, crypter)),
    pending: (document?.pending_operations ?? []).map(({ resource, type }) => ({
      type,
      resource: deserializeResource(resource, crypter),
    })),
    crypter,
    document,
  };
}

/**
 * The crypter for writing secrets: the one the state was opened with, else from its salt or the stack file's, else a new one.
 * @returns undefined when no passphrase is set: a state that turns out to hold secrets is then refused
 */
export async function crypterForWriting(
  state: StackState,
  env: NodeJS.ProcessEnv,
  salt?: string,
): Promise<Crypter | undefined> {
  if (state.crypter !== undefined) return state.crypter;
  const passphrase = passphraseFromEnvironment(env);
  if (passphrase === undefined) return undefined;
  const known = state.document?.secrets_providers?.state?.salt ?? salt;
  return known === undefined ? newCrypter(passphrase) : openCrypter(known, passphrase, state.path);
}

/** The state file as a journal of one update. `flush` must be awaited at the end. */
export class StateJournal implements Journal {
  readonly #state: StackState;
  readonly #crypter: Crypter | undefined;
  readonly #engineVersion: string;
  readonly #recorded: ResourceState[] = [];
  readonly #removed = new Set<ResourceState>();
  /** Old URN → new one, of resources that an alias gave another name in this update. */
  readonly #renamed = new Map<Urn, Urn>();
  readonly #pending: { state: ResourceState; type: PendingType }[] = [];
  #writing: Promise<void> | undefined;
  #next: Promise<void> | undefined;
  #dirty = false;
  #backedUp = false;

  /** @param engineVersion recorded in the manifest, e.g. `v3.270.0` */
  constructor(state: StackState, crypter: Crypter | undefined, engineVersion: string) {
    this.#state = state;
    this.#crypter = crypter;
    this.#engineVersion = engineVersion;
  }

  async began(step: Step, state: ResourceState): Promise<void> {
    const type = pendingType(step);
    if (type === undefined) return;
    this.#pending.push({ state, type });
    await this.#save();
  }

  async ended(
    step: Step,
    state: ResourceState,
    effect: { removed?: ResourceState; recorded?: ResourceState },
  ): Promise<void> {
    const index = this.#pending.findIndex((operation) => operation.state === state);
    if (index >= 0) this.#pending.splice(index, 1);
    if (effect.removed !== undefined) this.#removed.add(effect.removed);
    if (effect.recorded !== undefined) this.#recorded.push(effect.recorded);
    if (effect.removed !== undefined && effect.recorded !== undefined && effect.removed.urn !== effect.recorded.urn) {
      this.#renamed.set(effect.removed.urn, effect.recorded.urn);
    }
    // As Pulumi does: a resource that stayed the same is written with the next write that matters.
    if (step.operation === "same" && this.#unchanged(effect)) this.#dirty = true;
    else await this.#save();
  }

  async outputs(): Promise<void> {
    await this.#save();
  }

  /** Writes what is not yet on disk. */
  async flush(): Promise<void> {
    if (this.#dirty) await this.#save();
    await this.#writing;
  }

  /** The resources as recorded so far, dependencies first. */
  resources(): ResourceState[] {
    return [...this.#recorded, ...this.#state.resources].filter((resource) => !this.#removed.has(resource));
  }

  #unchanged({ removed, recorded }: { removed?: ResourceState; recorded?: ResourceState }): boolean {
    if (removed === undefined || recorded === undefined) return false;
    const text = (state: ResourceState): string => JSON.stringify(serializeResource(state, this.#crypter));
    return text(removed) === text(recorded);
  }

  /** Writers that wait while a write is under way share the next one. */
  #save(): Promise<void> {
    this.#dirty = true;
    if (this.#writing === undefined) return this.#write();
    this.#next ??= this.#writing
      .catch(() => undefined)
      .then(() => {
        this.#next = undefined;
        return this.#write();
      });
    return this.#next;
  }

  #write(): Promise<void> {
    // A turn later, so that steps that end together are one write.
    const writing = Promise.resolve().then(() => this.#writeNow());
    this.#writing = writing;
    return writing.finally(() => {
      if (this.#writing === writing) this.#writing = undefined;
    });
  }

  #writeNow(): void {
    this.#dirty = false;
    const resources = this.resources().map((resource) =>
      serializeResource(renameReferences(resource, this.#renamed), this.#crypter),
    );
    // A create that a former run never saw the end of stays on record until someone has looked.
    const unresolved = this.#state.pending
      .filter(({ type, resource }) => type === "creating" && !this.#recorded.some(({ urn }) => urn === resource.urn))
      .map(({ type, resource }) => ({ resource: serializeResource(resource, this.#crypter), type }));
    const pending = [
      ...this.#pending.map(({ state, type }) => ({ resource: serializeResource(state, this.#crypter), type })),
      ...unresolved,
    ];
    const deployment: Deployment = {
      ...this.#state.document,
      manifest: {
        time: new Date().toISOString(),
        magic: manifestMagic(this.#engineVersion),
        version: this.#engineVersion,
      },
      secrets_providers:
        this.#crypter === undefined
          ? this.#state.document?.secrets_providers
          : { type: "passphrase", state: { salt: this.#crypter.salt } },
      resources,
      pending_operations: pending,
    };
    const features = neededFeatures(resources);
    // The backup is the state before this update, not the one a step ago.
    writeStateFile(this.#state.path, deployment, features.length > 0 ? 4 : 3, features, !this.#backedUp);
    this.#backedUp = true;
  }
}

/** A resource that still names others by the URNs they had before this update, with the URNs they have now. */
function renameReferences(state: ResourceState, renamed: ReadonlyMap<Urn, Urn>): ResourceState {
  if (renamed.size === 0) return state;
  const now = (urn: Urn): Urn => renamed.get(urn) ?? urn;
  const provider = state.provider === undefined ? undefined : parseProviderReference(state.provider);
  return {
    ...state,
    parent: state.parent === undefined ? undefined : now(state.parent),
    dependencies: state.dependencies.map(now),
    propertyDependencies: Object.fromEntries(
      Object.entries(state.propertyDependencies).map(([key, urns]) => [key, urns.map(now)]),
    ),
    deletedWith: state.deletedWith === undefined ? undefined : now(state.deletedWith),
    provider: provider === undefined ? undefined : formatProviderReference({ ...provider, urn: now(provider.urn) }),
  };
}

function pendingType(step: Step): PendingType | undefined {
  switch (step.operation) {
    case "create":
    case "create-replacement":
      return "creating";
    case "update":
      return "updating";
    case "delete":
    case "delete-replaced":
      return "deleting";
    case "read":
      return "reading";
    default:
      return undefined;
  }
}
