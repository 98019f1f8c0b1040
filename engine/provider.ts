/** What the engine asks of the code that manages a package's resources. Same division of work as Pulumi's provider protocol. */
import type { PropertyChange, PropertyMap, Urn } from "./model.ts";

/** Common to all requests about one resource. */
export interface ResourceRequest {
  urn: Urn;
  type: string;
  name: string;
  /** Inputs of the provider resource that serves this resource (kubeconfig, namespace, …). */
  configuration: PropertyMap;
  /** True in a preview: nothing may be changed, unknown values may occur. */
  preview: boolean;
  /** Aborted when the operation is cancelled. */
  signal: AbortSignal;
}

/** One input that a provider refuses. */
export interface CheckFailure {
  /** Property path; empty when the whole resource is meant. */
  property: string;
  reason: string;
}

export interface CheckRequest extends ResourceRequest {
  /** Inputs recorded before; absent when the resource is new or will be created anew. */
  oldInputs?: PropertyMap;
  newInputs: PropertyMap;
  /** Equal for all checks of one resource in one operation: names are drawn from it. */
  seed: string;
}
export interface CheckResult {
  /** Inputs with the provider's defaults (generated names) filled in. */
  inputs: PropertyMap;
  failures: CheckFailure[];
}

export interface DiffRequest extends ResourceRequest {
  id: string;
  oldInputs: PropertyMap;
  oldOutputs: PropertyMap;
  newInputs: PropertyMap;
  ignoreChanges: string[];
}
export interface DiffResult {
  /** Empty: nothing changed. A change with `replaces` forces a replacement. */
  changes: PropertyChange[];
  /** The old object must go before the new one can be made. */
  deleteBeforeReplace: boolean;
}

/** Progress and deadline of an operation that touches the world. */
export interface OperationRequest extends ResourceRequest {
  /** Upper bound in seconds; undefined: the provider's own default. */
  timeoutSeconds?: number;
  /** Tells whoever watches what is being waited for. */
  report: (message: string) => void;
}
export interface CreateRequest extends OperationRequest {
  inputs: PropertyMap;
}
export interface UpdateRequest extends OperationRequest {
  id: string;
  oldInputs: PropertyMap;
  oldOutputs: PropertyMap;
  newInputs: PropertyMap;
  ignoreChanges: string[];
}
export interface DeleteRequest extends OperationRequest {
  id: string;
  inputs: PropertyMap;
  outputs: PropertyMap;
}
export interface ReadRequest extends OperationRequest {
  id: string;
  inputs: PropertyMap;
  outputs: PropertyMap;
}

export interface CreateResult {
  /** Empty in a preview where it can't be known yet. */
  id: string;
  outputs: PropertyMap;
  /** Reasons why the object exists but did not become ready; it is recorded with them and the operation fails. */
  initErrors?: string[];
}
export interface UpdateResult {
  outputs: PropertyMap;
  initErrors?: string[];
}
export interface ReadResult {
  id: string;
  inputs: PropertyMap;
  outputs: PropertyMap;
}

export interface InvokeRequest {
  token: string;
  args: PropertyMap;
  configuration: PropertyMap;
  preview: boolean;
  signal: AbortSignal;
}
export interface InvokeResult {
  outputs: PropertyMap;
  failures: CheckFailure[];
}

/** Manages the resources of one package. Methods reject with an Error whose message is fit for people. */
export interface Provider {
  check(request: CheckRequest): Promise<CheckResult>;
  diff(request: DiffRequest): Promise<DiffResult>;
  create(request: CreateRequest): Promise<CreateResult>;
  update(request: UpdateRequest): Promise<UpdateResult>;
  delete(request: DeleteRequest): Promise<void>;
  /** undefined: the object is gone. */
  read(request: ReadRequest): Promise<ReadResult | undefined>;
  /** True when a provider with the new configuration manages another world than one with the old. Absent: never. */
  configurationReplaces?(before: PropertyMap, after: PropertyMap): boolean;
  /** Absent: the package has no functions that this engine can run. */
  invoke?(request: InvokeRequest): Promise<InvokeResult>;
}

/** Finds the provider of a package. */
export type ProviderLookup = (pkg: string) => Provider | undefined;
