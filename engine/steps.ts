/** Planned steps and the states they lead to. */
import type { Goal, HookNames } from "./goal.ts";
import type { Operation, PropertyChange, ResourceState, Step, Urn } from "./model.ts";
import { parseUrn } from "./urn.ts";

/** The stack that URNs are made for. */
export interface Target {
  stack: string;
  project: string;
}

/** A step with what its execution needs. */
export interface PlannedStep {
  step: Step;
  /** What is recorded now: absent for creations. */
  old?: ResourceState;
  /** What will be: absent for deletions. Execution fills in id and outputs. */
  state?: ResourceState;
  goal?: Goal;
  /**
   * The order of a replacement is delete first. On a deletion: the old resource stays recorded as one whose successor is missing.
   * On a creation: the old record goes when the new one is written.
   */
  deleteFirst: boolean;
  /** A deletion of which only the record is left: not shown, since another step stands for it. */
  recordOnly?: boolean;
}

interface Parts {
  old?: ResourceState;
  state?: ResourceState;
  goal?: Goal;
  changes?: PropertyChange[];
  note?: string;
  deleteFirst?: boolean;
}

/** Makes a step of an operation on the given states; at least one must be there. */
export function planned(operation: Operation, { old, state, goal, changes = [], note, deleteFirst = false }: Parts): PlannedStep {
  const subject = state ?? old;
  if (subject === undefined) throw new Error(`a step "${operation}" needs a resource`);
  const step: Step = {
    operation,
    urn: subject.urn,
    type: subject.type,
    name: parseUrn(subject.urn).name,
    custom: subject.custom,
    protect: subject.protect === true,
    dependencies: subject.dependencies,
    changes,
    replaceReasons: changes.filter(({ replaces }) => replaces).map(({ path }) => path),
    ...(subject.parent === undefined ? {} : { parent: subject.parent }),
    ...(subject.provider === undefined ? {} : { provider: subject.provider }),
    ...(subject.id === undefined ? {} : { id: subject.id }),
    ...(old === undefined ? {} : { before: { inputs: old.inputs, outputs: old.outputs } }),
    ...(state === undefined ? {} : { after: { inputs: state.inputs, outputs: state.outputs } }),
    ...(note === undefined ? {} : { note }),
  };
  return {
    step,
    deleteFirst,
    ...(old === undefined ? {} : { old }),
    ...(state === undefined ? {} : { state }),
    ...(goal === undefined ? {} : { goal }),
  };
}

/** The parts of a goal that a state records. */
type Recorded = Pick<Goal, "type" | "custom" | "parent" | "inputs" | "provider" | "dependencies" | "additionalSecretOutputs"> & Partial<Goal>;

/** The state that a goal asks for, without id and outputs. */
export function newState(urn: Urn, goal: Recorded, old: ResourceState | undefined): ResourceState {
  const hooks = goal.hooks ?? {};
  return {
    urn,
    type: goal.type,
    custom: goal.custom,
    inputs: goal.inputs,
    outputs: {},
    dependencies: goal.dependencies,
    propertyDependencies: goal.propertyDependencies ?? {},
    additionalSecretOutputs: goal.additionalSecretOutputs,
    aliases: old === undefined || old.urn === urn ? [] : [old.urn],
    ...(goal.parent === undefined ? {} : { parent: goal.parent }),
    ...(goal.provider === "" ? {} : { provider: goal.provider }),
    ...(goal.protect === true ? { protect: true } : {}),
    ...(goal.retainOnDelete === true ? { retainOnDelete: true } : {}),
    ...(goal.deletedWith === undefined ? {} : { deletedWith: goal.deletedWith }),
    ...(goal.customTimeouts === undefined || Object.keys(goal.customTimeouts).length === 0 ? {} : { customTimeouts: goal.customTimeouts }),
    ...(goal.ignoreChanges === undefined || goal.ignoreChanges.length === 0 ? {} : { ignoreChanges: goal.ignoreChanges }),
    ...(goal.replaceOnChanges === undefined || goal.replaceOnChanges.length === 0 ? {} : { replaceOnChanges: goal.replaceOnChanges }),
    ...(old?.created === undefined ? {} : { created: old.created }),
    ...(old?.modified === undefined ? {} : { modified: old.modified }),
    ...(Object.keys(hooks).length === 0 ? {} : { carried: { resourceHooks: hooks } }),
  };
}

/** The hooks that a state was recorded with. */
export function recordedHooks(state: ResourceState): HookNames {
  const hooks: HookNames = state.carried?.["resourceHooks"] ?? {};
  return hooks;
}
