/**
 * The engine's vocabulary: what a resource, a step, a plan and a policy finding are. Everything in `engine/` speaks in these terms;
 * the file imports nothing, so that protocol, planner, policy host and display can be read apart.
 */

/** `urn:pulumi:<stack>::<project>::<parent-type-chain>$<type>::<name>` */
export type Urn = string;

/**
 * A property value inside the engine. JSON values, plus the marked objects below; plain objects are property maps.
 * Unknown (computed) values are the `UNKNOWN` symbol-like object of `wire.ts`, secrets are wrapped.
 */
export type PropertyValue =
  | null
  | boolean
  | number
  | string
  | PropertyValue[]
  | { [key: string]: PropertyValue }
  | Secret
  | Unknown
  | ResourceReference
  | AssetValue
  | OutputValue;
export type PropertyMap = { [key: string]: PropertyValue };

/** A value that must not be shown or stored in clear. */
export class Secret {
  readonly value: PropertyValue;
  constructor(value: PropertyValue) {
    this.value = value;
  }
}
/** A value that a preview cannot know yet. One instance is as good as another. */
export class Unknown {
  /** Gives the type a shape of its own: an empty class would accept any object. */
  readonly unknown = true;
}
/** A reference to another resource of the stack, by URN and, for custom resources, id. */
export class ResourceReference {
  readonly urn: Urn;
  readonly id: string | Unknown | undefined;
  readonly packageVersion: string;
  constructor(urn: Urn, id?: string | Unknown, packageVersion = "") {
    this.urn = urn;
    this.id = id;
    this.packageVersion = packageVersion;
  }
}
/** An asset or archive as it travels on the wire (signature key and its fields kept). */
export class AssetValue {
  readonly wire: { [key: string]: unknown };
  constructor(wire: { [key: string]: unknown }) {
    this.wire = wire;
  }
}

/**
 * A value with the resources it came from. Exists only between the program and its transforms and hooks:
 * plans, state and policies never hold one.
 */
export class OutputValue {
  /** Meaningless unless `known`. */
  readonly value: PropertyValue;
  readonly known: boolean;
  readonly secret: boolean;
  readonly dependencies: Urn[];
  constructor(value: PropertyValue, known: boolean, secret: boolean, dependencies: Urn[]) {
    this.value = value;
    this.known = known;
    this.secret = secret;
    this.dependencies = dependencies;
  }
}

/** One resource as the state records it: Pulumi's deployment v3 `resources[]`, with values decoded. */
export interface ResourceState {
  urn: Urn;
  custom: boolean;
  delete?: boolean;
  id?: string;
  type: string;
  inputs: PropertyMap;
  outputs: PropertyMap;
  parent?: Urn;
  protect?: boolean;
  external?: boolean;
  dependencies: Urn[];
  propertyDependencies: { [property: string]: Urn[] };
  /** `urn::id` of the provider resource. */
  provider?: string;
  additionalSecretOutputs: string[];
  aliases: Urn[];
  /** Seconds. */
  customTimeouts?: { create?: number; update?: number; delete?: number };
  retainOnDelete?: boolean;
  deletedWith?: Urn;
  pendingReplacement?: boolean;
  initErrors?: string[];
  created?: string;
  modified?: string;
  ignoreChanges?: string[];
  replaceOnChanges?: string[];
  /** Fields of newer engines that we carry through untouched. */
  carried?: { [key: string]: unknown };
}

export type Operation =
  | "same"
  | "create"
  | "update"
  | "delete"
  | "replace"
  | "create-replacement"
  | "delete-replaced"
  | "read"
  | "refresh";

/** One changed property. `path` is Pulumi's property path, e.g. `spec.template.spec.containers[0].image`. */
export interface PropertyChange {
  path: string;
  kind: "add" | "delete" | "update";
  /** The change forces a replacement. */
  replaces: boolean;
  before?: PropertyValue;
  after?: PropertyValue;
}

/** What will be, or was, done to one resource. */
export interface Step {
  operation: Operation;
  urn: Urn;
  type: string;
  name: string;
  custom: boolean;
  parent?: Urn;
  id?: string;
  provider?: string;
  protect: boolean;
  dependencies: Urn[];
  before?: { inputs: PropertyMap; outputs: PropertyMap };
  after?: { inputs: PropertyMap; outputs: PropertyMap };
  changes: PropertyChange[];
  /** Property paths that force the replacement. */
  replaceReasons: string[];
  /** One sentence for people, e.g. that a remote component is opaque to this engine. */
  note?: string;
}

export type EnforcementLevel = "advisory" | "mandatory" | "remediate" | "disabled";
export type Severity = "low" | "medium" | "high" | "critical";

/** One thing a policy said about a resource (or about the stack: no `urn`). */
export interface Finding {
  pack: string;
  packVersion: string;
  policy: string;
  level: EnforcementLevel;
  severity?: Severity;
  urn?: Urn;
  message: string;
  description?: string;
  remediation?: string;
  url?: string;
}

/** Proof that a pack ran: what, which build, with which configuration, over how much. */
export interface PackRun {
  name: string;
  version: string;
  path: string;
  /** sha256 of the pack's built entry file, hex. */
  digest: string;
  configPath?: string;
  /** sha256 of the configuration file, hex. */
  configDigest?: string;
  policies: number;
  disabled: string[];
  resourcesAnalyzed: number;
  /** Resources that it never saw because it had failed before. */
  resourcesUnchecked: number;
  stackAnalyzed: boolean;
}

/** Changes that a pack made to a resource's inputs before it was planned. */
export interface Remediation {
  pack: string;
  policy: string;
  urn: Urn;
  changes: PropertyChange[];
}

export interface Diagnostic {
  severity: "debug" | "info" | "warning" | "error";
  message: string;
  urn?: Urn;
  /** Parts of one message streamed in pieces share it. */
  streamId?: number;
  ephemeral?: boolean;
}

/** What a running operation tells whoever watches. */
export type EngineEvent =
  | { kind: "diagnostic"; diagnostic: Diagnostic }
  /** `pid` is also its process group. */
  | { kind: "program-started"; pid: number }
  | { kind: "program-output"; stream: "stdout" | "stderr"; text: string }
  | { kind: "resource-registering"; urn: Urn }
  | { kind: "step-started"; step: Step }
  | { kind: "step-finished"; step: Step; error?: string }
  | { kind: "status"; urn: Urn; message: string }
  | { kind: "finding"; finding: Finding };

/** A resource as policy packs see it. */
export interface PolicyResource {
  urn: Urn;
  type: string;
  name: string;
  properties: PropertyMap;
  parent?: Urn;
  provider?: { type: string; name: string; urn: Urn; properties: PropertyMap };
  dependencies: Urn[];
  propertyDependencies: { [property: string]: Urn[] };
  options: {
    protect: boolean;
    ignoreChanges: string[];
    deleteBeforeReplace: boolean | undefined;
    aliases: Urn[];
    additionalSecretOutputs: string[];
    customTimeouts: { create: number; update: number; delete: number };
  };
}

/** The policy host as the operation uses it: all packs behind one face. */
export interface PolicyHost {
  remediate(resource: PolicyResource): Promise<{ properties: PropertyMap; remediations: Remediation[]; findings: Finding[] }>;
  analyze(resource: PolicyResource): Promise<Finding[]>;
  analyzeStack(resources: PolicyResource[]): Promise<Finding[]>;
  runs(): PackRun[];
  close(): Promise<void>;
}

/** A stack's configuration as the program gets it. */
export interface StackConfiguration {
  /** `namespace:key` → value as the program reads it (objects as JSON). */
  values: { [key: string]: string };
  secretKeys: string[];
  /** The secret texts themselves, to be hidden wherever output is passed on. */
  secretTexts?: string[];
}

/** The project and stack an operation runs for. */
export interface ProjectStack {
  project: string;
  stack: string;
  organization: string;
  /** Folder of Pulumi.yaml, absolute. */
  root: string;
  /** Program as `cmd/run` takes it, relative to `pwd` or absolute. */
  main: string;
  /** Working directory of the program: the folder of `main`. Default: `root`. */
  pwd?: string;
  /** `runtime.options` of Pulumi.yaml. */
  runtime: { typescript: boolean; tsconfig?: string; nodeargs?: string };
  configuration: StackConfiguration;
}

/**
 * Where a running update records what it is about to do and what it did, so that a kill at any point leaves a state that tells the
 * truth. States are compared by identity: `removed` is the very object of `prior` (or one recorded earlier in this update).
 */
export interface Journal {
  /** Before a step touches anything; resolves once the intent is on disk. `state` is what will be (create, update, read) or was (delete). */
  began(step: Step, state: ResourceState): Promise<void>;
  /** After the step; `state` as given to `began` (a `same` step needs none). A failed step gives an empty effect: what was, stays. */
  ended(step: Step, state: ResourceState, effect: { removed?: ResourceState; recorded?: ResourceState }): Promise<void>;
  /** The outputs of a recorded resource changed in place (component outputs, stack outputs). */
  outputs(state: ResourceState): Promise<void>;
}

/** Outcome of a preview or an update. */
export interface OperationResult {
  steps: Step[];
  outputs: PropertyMap;
  findings: Finding[];
  remediations: Remediation[];
  packs: PackRun[];
  diagnostics: Diagnostic[];
  /** Reasons why the operation failed; empty when it did not. Mandatory findings are not repeated here. */
  errors: string[];
  durationMs: number;
}
