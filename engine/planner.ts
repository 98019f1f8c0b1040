/** Decides what to do with each registered resource: same, create, update, replace or read, and what goes at the end. */
import { randomBytes } from "node:crypto";
import { aliasUrns } from "./aliases.ts";
import { dependentsOf, deletionWaves } from "./dependencies.ts";
import { applyIgnoreChanges, applyReplaceOnChanges, diffMaps, valuesEqual } from "./diff.ts";
import { UserError } from "./errors.ts";
import { about } from "./failures.ts";
import type { Goal, ReadGoal } from "./goal.ts";
import { Unknown, type Diagnostic, type PropertyChange, type PropertyMap, type ResourceState, type Step, type Urn } from "./model.ts";
import type { Judge } from "./judge.ts";
import type { DiffResult, Provider } from "./provider.ts";
import type { ProviderRegistry } from "./providerRegistry.ts";
import { newState, type PlannedStep, type Target, planned } from "./steps.ts";
import { createUrn, isProviderType, parseProviderReference } from "./urn.ts";

export interface PlannerOptions {
  target: Target;
  prior: ResourceState[];
  providers: ProviderRegistry;
  judge: Judge;
  preview: boolean;
  signal: AbortSignal;
  diagnose: (diagnostic: Diagnostic) => void;
}

export class Planner {
  readonly #options: PlannerOptions;
  readonly #olds = new Map<Urn, ResourceState>();
  /** URNs registered so far. */
  readonly #seen = new Set<Urn>();
  /** Former URN → the URN that claimed it. */
  readonly #claimed = new Map<Urn, Urn>();
  /** URN → the former URN under which it was found. */
  readonly #aliasInUse = new Map<Urn, Urn>();
  /** URNs that a step was decided for. */
  readonly #decided = new Set<Urn>();
  readonly #replaced = new Set<Urn>();
  /** Resources deleted early, because one that they depend on is deleted before it is replaced. */
  readonly #deletedEarly = new Map<Urn, { state: ResourceState; changes: PropertyChange[]; step: Step }>();
  /** Old objects whose successor exists: deleted at the end. */
  readonly #superseded: ResourceState[] = [];

  constructor(options: PlannerOptions) {
    this.#options = options;
    for (const state of options.prior) {
      if (state.delete === true) this.#superseded.push(state);
      else this.#olds.set(state.urn, state);
    }
  }

  /** The steps for a registration, in order of execution. Rejects when the resource is invalid. */
  async register(goal: Goal): Promise<PlannedStep[]> {
    try {
      return await this.#register(goal);
    } catch (error) {
      throw about(`${goal.type} "${goal.name}"`, error);
    }
  }

  async #register(goal: Goal): Promise<PlannedStep[]> {
    const urn = this.#claimUrn(goal);
    this.#options.judge.announce(urn);
    const old = this.#findOld(urn, goal);
    const state = newState(urn, goal, old);
    if (isProviderType(goal.type)) this.#options.providers.announce(state);
    const provider = this.#options.providers.forResource(state);
    const early = this.#deletedEarly.get(urn);
    const usable = old === undefined || early !== undefined || old.external === true ? undefined : old;
    // Two previews of the same stack draw the same names.
    const seed = this.#options.preview ? "preview" : randomBytes(32).toString("hex");

    if (usable !== undefined) state.inputs = this.#ignoreChanges(state, usable, goal.ignoreChanges);
    state.inputs = await this.#check(provider, state, usable, state.inputs, seed);
    await this.#options.judge.judge(state, goal);
    this.#decided.add(urn);

    if (goal.remote) return [planned("create", { state, goal, note: "remote component: built by a plugin, shown as one resource" })];
    if (early !== undefined) {
      this.#deletedEarly.delete(urn);
      return this.#recreate(state, goal, early.state, early.changes);
    }
    if (old !== undefined && old.external === true && goal.custom) {
      return [planned("create-replacement", { old, state, goal }), planned("replace", { old, state, goal })];
    }
    if (old === undefined) return [planned("create", { state, goal })];
    return this.#compare(goal, old, state, provider, seed);
  }

  /** The step for a read. */
  read(goal: ReadGoal): PlannedStep[] {
    const urn = this.#claimUrn(goal);
    const old = this.#olds.get(urn);
    this.#decided.add(urn);
    const { id } = goal;
    const state: ResourceState = {
      ...newState(urn, { ...goal, custom: true }, old),
      id,
      external: true,
    };
    if (old === undefined || old.external === true || old.id === id) return [planned("read", { ...(old === undefined ? {} : { old }), state })];
    this.#superseded.push(old);
    return [planned("read", { state }), planned("replace", { old, state })];
  }

  /** The deletions left when the program has ended, in waves: a wave may start when the one before has ended. */
  deletions(): PlannedStep[][] {
    const orphans = [...this.#olds.values()].filter((state) => !this.#decided.has(state.urn) && !this.#claimed.has(state.urn));
    // What went early and was never registered again is no replacement after all; its record is still to go.
    const early = new Set([...this.#deletedEarly.values()].map(({ state }) => state));
    for (const { step } of this.#deletedEarly.values()) step.operation = "delete";
    const condemned = [...orphans, ...this.#superseded].filter((state) => !early.has(state) || !this.#options.preview);
    return deletionWaves(condemned).map((wave) =>
      wave.map((old) => ({
        ...planned(this.#superseded.includes(old) ? "delete-replaced" : "delete", { old }),
        recordOnly: early.has(old),
      })),
    );
  }

  #claimUrn({ type, name, parent }: { type: string; name: string; parent: Urn | undefined }): Urn {
    if (parent !== undefined && !this.#seen.has(parent)) throw new UserError(`${type} "${name}": its parent ${parent} is not registered.`);
    const urn = createUrn({ ...this.#options.target, parent, type, name });
    if (this.#seen.has(urn)) {
      throw new UserError(`Two resources have the URN ${urn}.`, `Give one of the two of type ${type} named "${name}" another name.`);
    }
    this.#seen.add(urn);
    return urn;
  }

  #findOld(urn: Urn, goal: Goal): ResourceState | undefined {
    const claimer = this.#claimed.get(urn);
    if (claimer !== undefined) {
      throw new UserError(`${urn} was already claimed, by an alias of ${claimer}.`, "Remove the alias, or rename one of the two.");
    }
    const direct = this.#olds.get(urn);
    if (direct !== undefined) return direct;
    const subject = { ...this.#options.target, type: goal.type, name: goal.name, parent: goal.parent, aliases: goal.aliases };
    for (const alias of aliasUrns(subject, (other) => this.#aliasInUse.get(other))) {
      const old = this.#olds.get(alias);
      if (old === undefined || alias === urn) continue;
      const other = this.#seen.has(alias) ? alias : this.#claimed.get(alias);
      if (other !== undefined) {
        throw new UserError(`${urn} claims the former resource ${alias}, which ${other} already is.`, "Remove one of the aliases.");
      }
      this.#claimed.set(alias, urn);
      this.#aliasInUse.set(urn, alias);
      return old;
    }
    return undefined;
  }

  #ignoreChanges(state: ResourceState, old: ResourceState, paths: string[]): PropertyMap {
    const { inputs, invalidPaths } = applyIgnoreChanges(state.inputs, old.inputs, paths);
    if (invalidPaths.length > 0) {
      const message = `cannot ignore changes in added or removed elements of the path: ${invalidPaths.join(", ")}`;
      this.#options.diagnose({ severity: "info", message, urn: state.urn });
    }
    return inputs;
  }

  async #check(provider: Provider | undefined, state: ResourceState, old: ResourceState | undefined, newInputs: PropertyMap, seed: string): Promise<PropertyMap> {
    if (provider === undefined) return newInputs;
    const { inputs, failures } = await provider.check({
      ...this.#options.providers.request(state),
      ...(old === undefined ? {} : { oldInputs: old.inputs }),
      newInputs,
      seed,
    });
    if (failures.length > 0) {
      const reasons = failures.map(({ property, reason }) => (property === "" ? reason : `${property}: ${reason}`));
      throw new UserError(`${state.urn} is invalid: ${reasons.join("; ")}`);
    }
    return inputs;
  }

  async #compare(goal: Goal, old: ResourceState, state: ResourceState, provider: Provider | undefined, seed: string): Promise<PlannedStep[]> {
    const initFailed = (old.initErrors?.length ?? 0) > 0;
    const result = await this.#diff(goal, old, state, provider);
    const changes = applyReplaceOnChanges(result.changes, goal.replaceOnChanges);
    if (initFailed && goal.replaceOnChanges.some((path) => path === "*" || path === "#initerror")) {
      changes.push({ path: "#initerror", kind: "update", replaces: true });
    }
    if (old.pendingReplacement !== true && !changes.some(({ replaces }) => replaces)) {
      if (changes.length > 0) return [planned("update", { old, state, goal, changes })];
      // Waits once more for what did not get ready the last time.
      return [planned(initFailed ? "update" : "same", { old, state, goal })];
    }
    if (goal.protect === true && old.protect === true) {
      const message = `${state.urn} is protected and cannot be replaced.`;
      const fix = 'Remove "protect" from its options in the program, and run again.';
      if (!this.#options.preview) throw new UserError(message, fix);
      this.#options.judge.fail(`${message} ${fix}`);
    }
    // Defaults taken over from the old object (its generated name) do not hold for its successor.
    if (provider !== undefined) {
      state.inputs = await this.#check(provider, state, undefined, goal.inputs, seed);
      await this.#options.judge.remedyAgain(state);
    }
    this.#replaced.add(state.urn);
    const deleteFirst = goal.deleteBeforeReplace ?? result.deleteBeforeReplace;
    if (!deleteFirst) {
      this.#superseded.push(old);
      return [planned("create-replacement", { old, state, goal, changes }), planned("replace", { old, state, goal, changes })];
    }
    const steps = await this.#deleteDependents(old);
    if (old.pendingReplacement !== true) steps.push(planned("delete-replaced", { old, deleteFirst: true }));
    return [...steps, ...this.#recreate(state, goal, old, changes)];
  }

  #recreate(state: ResourceState, goal: Goal, old: ResourceState, changes: PropertyChange[]): PlannedStep[] {
    this.#replaced.add(state.urn);
    return [planned("replace", { old, state, goal, changes }), planned("create-replacement", { old, state, goal, changes, deleteFirst: true })];
  }

  async #diff(goal: Goal, old: ResourceState, state: ResourceState, provider: Provider | undefined): Promise<DiffResult> {
    const replace = (path: string, before?: string, after?: string): DiffResult => ({
      changes: [{ path, kind: "update", replaces: true, ...(before === undefined ? {} : { before }), ...(after === undefined ? {} : { after }) }],
      deleteBeforeReplace: false,
    });
    if (goal.deletedWith !== undefined && this.#replaced.has(goal.deletedWith)) return replace("deletedWith");
    if (old.custom !== state.custom) return replace("provider", old.provider, state.provider);
    if (this.#providerReplaced(old, state)) return replace("provider", old.provider, state.provider);
    if (provider === undefined) return { changes: diffMaps(old.inputs, state.inputs), deleteBeforeReplace: false };
    return provider.diff({
      ...this.#options.providers.request(state),
      id: old.id ?? "",
      oldInputs: old.inputs,
      oldOutputs: old.outputs,
      newInputs: state.inputs,
      ignoreChanges: goal.ignoreChanges,
    });
  }

  /** A new version of a default provider replaces nothing; a provider that is itself replaced takes its resources along. */
  #providerReplaced(old: ResourceState, state: ResourceState): boolean {
    const before = old.provider ?? "";
    const after = state.provider ?? "";
    if (before === after || !state.custom) return false;
    if (before === "" || after === "") return before !== after;
    const next = parseProviderReference(after).urn;
    const former = parseProviderReference(before).urn;
    if (this.#replaced.has(next)) return true;
    if (former === next || this.#claimed.get(former) === next) return false;
    return this.#options.providers.differ(this.#olds.get(former), next);
  }

  /** Deletes, last first, what would be replaced by the loss of a resource. */
  async #deleteDependents(root: ResourceState): Promise<PlannedStep[]> {
    const gone = new Set([root.urn]);
    const doomed: { state: ResourceState; changes: PropertyChange[] }[] = [];
    const prior = this.#options.prior.filter((state) => state.delete !== true);
    for (const state of dependentsOf(root, prior, (urn) => this.#decided.has(urn))) {
      const changes = await this.#changesWhenGone(state, gone);
      if (changes === undefined) continue;
      if (state.protect === true) {
        throw new UserError(
          `${root.urn} cannot be replaced: ${state.urn} would be replaced with it, and is protected.`,
          'Remove "protect" from its options in the program, run, and try again.',
        );
      }
      gone.add(state.urn);
      doomed.push({ state, changes });
    }
    return doomed.reverse().map(({ state, changes }) => {
      const deletion = planned("delete-replaced", { old: state, deleteFirst: true });
      this.#deletedEarly.set(state.urn, { state, changes, step: deletion.step });
      return deletion;
    });
  }

  /** The replacing changes that a resource suffers when others are gone; undefined when it survives. */
  async #changesWhenGone(state: ResourceState, gone: Set<Urn>): Promise<PropertyChange[] | undefined> {
    if (!state.custom || state.external === true) return undefined;
    if (state.provider !== undefined && state.provider !== "" && gone.has(parseProviderReference(state.provider).urn)) return [];
    if (state.deletedWith !== undefined && gone.has(state.deletedWith)) return [];
    const inputs: PropertyMap = {};
    for (const [key, value] of Object.entries(state.inputs)) {
      inputs[key] = (state.propertyDependencies[key] ?? []).some((urn) => gone.has(urn)) ? new Unknown() : value;
    }
    if (valuesEqual(inputs, state.inputs)) return undefined;
    const provider = this.#options.providers.forResource(state);
    if (provider === undefined) return undefined;
    const { changes } = await provider.diff({
      ...this.#options.providers.request(state),
      preview: true, // what is not yet known is unknown
      id: state.id ?? "",
      oldInputs: state.inputs,
      oldOutputs: state.outputs,
      newInputs: inputs,
      ignoreChanges: state.ignoreChanges ?? [],
    });
    const replacing = applyReplaceOnChanges(changes, state.replaceOnChanges ?? []).filter(({ replaces }) => replaces);
    return replacing.length > 0 ? replacing : undefined;
  }
}
