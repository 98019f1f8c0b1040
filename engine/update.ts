/** Executes steps: hooks, the provider's operation, the journal before and after. In a preview nothing is touched or recorded. */
import { UserError } from "./errors.ts";
import { about } from "./failures.ts";
import type { HookKind, HookNames } from "./goal.ts";
import type { HookSubject, Hooks } from "./hooks.ts";
import { Secret, type EngineEvent, type Journal, type PropertyMap, type ResourceState, type Urn } from "./model.ts";
import type { OperationRequest } from "./provider.ts";
import type { ProviderRegistry } from "./providerRegistry.ts";
import { Limiter } from "./limiter.ts";
import { unsupported } from "./rpc.ts";
import { recordedHooks, type PlannedStep } from "./steps.ts";
import { parseUrn } from "./urn.ts";

/** As often as Pulumi's engine lets error hooks ask for another attempt. */
const MAX_RETRIES = 100;

export interface ExecutorOptions {
  preview: boolean;
  providers: ProviderRegistry;
  hooks: Hooks;
  journal: Journal | undefined;
  onEvent: (event: EngineEvent) => void;
  signal: AbortSignal;
  /** Provider operations at the same time. */
  parallel: number;
}

/** What an execution leaves in the state. */
type Effect = Parameters<Journal["ended"]>[2];

export class Executor {
  readonly #options: ExecutorOptions;
  readonly #limiter: Limiter;
  readonly #deleted = new Set<Urn>();

  constructor(options: ExecutorOptions) {
    this.#options = options;
    this.#limiter = new Limiter(options.parallel);
  }

  /** Executes one step; fills in id and outputs of its new state. Rejects with what went wrong, after recording what was done. */
  async execute(planned: PlannedStep): Promise<void> {
    const { step, old, state } = planned;
    this.#options.signal.throwIfAborted();
    this.#options.onEvent({ kind: "step-started", step });
    try {
      switch (step.operation) {
        case "same":
          await this.#same(planned);
          break;
        case "create":
        case "create-replacement":
          await this.#limiter.run(() => this.#recorded(planned, () => this.#create(planned)));
          break;
        case "update":
          await this.#limiter.run(() => this.#recorded(planned, () => this.#update(planned)));
          break;
        case "delete":
        case "delete-replaced":
          await this.#limiter.run(() => this.#recorded(planned, () => this.#delete(planned)));
          break;
        case "read":
          await this.#limiter.run(() => this.#recorded(planned, () => this.#read(planned)));
          break;
        case "replace":
        case "refresh":
          break;
      }
      const result = state ?? old;
      if (result?.id !== undefined) step.id = result.id;
      if (state !== undefined) step.after = { inputs: state.inputs, outputs: state.outputs };
      this.#options.onEvent({ kind: "step-finished", step });
    } catch (error) {
      const failure = about(`${step.type} "${step.name}": ${step.operation} failed`, error);
      this.#options.onEvent({ kind: "step-finished", step, error: failure.message });
      throw failure;
    }
  }

  /** Announces that these resources go in this operation, so that others that are deleted with them need no call of their own. */
  condemn(urns: Iterable<Urn>): void {
    for (const urn of urns) this.#deleted.add(urn);
  }

  async #recorded(planned: PlannedStep, act: () => Promise<{ effect: Effect; failure?: Error }>): Promise<void> {
    const { step, old, state } = planned;
    const journal = this.#options.preview ? undefined : this.#options.journal;
    const subject = state ?? old;
    if (subject === undefined) return;
    await journal?.began(step, subject);
    let outcome: { effect: Effect; failure?: Error };
    try {
      outcome = await act();
    } catch (error) {
      // Nothing was changed: what was recorded before still holds.
      await journal?.ended(step, subject, {});
      throw error;
    }
    await journal?.ended(step, subject, outcome.effect);
    if (outcome.failure !== undefined) throw outcome.failure;
  }

  async #same({ step, old, state }: PlannedStep): Promise<void> {
    if (old === undefined || state === undefined) return;
    if (old.id !== undefined) state.id = old.id;
    state.outputs = old.outputs;
    if (!this.#options.preview) await this.#options.journal?.ended(step, state, { removed: old, recorded: state });
  }

  async #create(planned: PlannedStep): Promise<{ effect: Effect; failure?: Error }> {
    const { step, old, deleteFirst } = planned;
    const state = needed(planned.state);
    const hooks = planned.goal?.hooks ?? {};
    const subject = { ...identity(state), newInputs: state.inputs };
    if (planned.goal?.remote === true && !this.#options.preview) {
      throw unsupported(`the remote component ${step.type} "${step.name}" in an update: a plugin would have to build it`);
    }
    await this.#runHooks("BeforeCreate", hooks, subject);
    const initErrors = await this.#retrying(hooks, subject, "create", async () => {
      if (!state.custom) return [];
      const provider = this.#options.providers.forResource(state);
      const result = await provider?.create({ ...this.#request(state, state.customTimeouts?.create), inputs: state.inputs });
      state.id = result?.id ?? "";
      state.outputs = withSecrets(result?.outputs ?? {}, state);
      return result?.initErrors ?? [];
    });
    const now = new Date().toISOString();
    if (!this.#options.preview) Object.assign(state, { created: now, modified: now });
    const failure = initFailure(state, initErrors);
    const effect: Effect = { recorded: state };
    if (step.operation === "create-replacement" && old !== undefined) {
      if (deleteFirst || old.external === true) effect.removed = old;
      // The old object stays recorded until it is deleted, at the end.
      else if (!this.#options.preview) old.delete = true;
    } else if (old !== undefined) effect.removed = old;
    if (failure !== undefined) return { effect, failure };
    return this.#after("AfterCreate", hooks, { ...subject, id: state.id ?? "", newOutputs: state.outputs }, effect);
  }

  async #update(planned: PlannedStep): Promise<{ effect: Effect; failure?: Error }> {
    const state = needed(planned.state);
    const old = needed(planned.old);
    const hooks = planned.goal?.hooks ?? {};
    if (old.id !== undefined) state.id = old.id;
    const subject = { ...identity(state), newInputs: state.inputs, oldInputs: old.inputs, oldOutputs: old.outputs };
    await this.#runHooks("BeforeUpdate", hooks, subject);
    const initErrors = await this.#retrying(hooks, subject, "update", async () => {
      if (!state.custom) {
        state.outputs = old.outputs;
        return [];
      }
      const provider = this.#options.providers.forResource(state);
      const result = await provider?.update({
        ...this.#request(state, state.customTimeouts?.update),
        id: old.id ?? "",
        oldInputs: old.inputs,
        oldOutputs: old.outputs,
        newInputs: state.inputs,
        ignoreChanges: state.ignoreChanges ?? [],
      });
      state.outputs = withSecrets(result?.outputs ?? {}, state);
      return result?.initErrors ?? [];
    });
    if (!this.#options.preview) state.modified = new Date().toISOString();
    const failure = initFailure(state, initErrors);
    const effect: Effect = { removed: old, recorded: state };
    if (failure !== undefined) return { effect, failure };
    return this.#after("AfterUpdate", hooks, { ...subject, newOutputs: state.outputs }, effect);
  }

  async #delete(planned: PlannedStep): Promise<{ effect: Effect; failure?: Error }> {
    const old = needed(planned.old);
    // It went in this run or an earlier one, before a successor that never came: only the record is left.
    if (old.pendingReplacement === true) return { effect: { removed: old } };
    const hooks = recordedHooks(old);
    const subject = { ...identity(old), oldInputs: old.inputs, oldOutputs: old.outputs };
    await this.#runHooks("BeforeDelete", hooks, subject);
    if (planned.step.operation === "delete" && old.protect === true) {
      throw new UserError(`${old.urn} is protected and cannot be deleted.`, 'Keep it in the program without "protect", run, then remove it.');
    }
    const left = old.external === true || old.retainOnDelete === true || (old.deletedWith !== undefined && this.#deleted.has(old.deletedWith));
    if (old.custom && !left && !this.#options.preview) {
      await this.#retrying(hooks, subject, "delete", async () => {
        const provider = this.#options.providers.forResource(old);
        const request = { ...this.#request(old, old.customTimeouts?.delete), id: old.id ?? "", inputs: old.inputs, outputs: old.outputs };
        await provider?.delete(request);
        return [];
      });
    }
    this.#deleted.add(old.urn);
    // Deleted before its successor exists: the record stays, so that the next run knows that one is owed.
    if (planned.deleteFirst && !this.#options.preview) old.pendingReplacement = true;
    const effect: Effect = planned.deleteFirst ? {} : { removed: old };
    return this.#after("AfterDelete", hooks, subject, effect);
  }

  async #read(planned: PlannedStep): Promise<{ effect: Effect; failure?: Error }> {
    const state = needed(planned.state);
    const provider = this.#options.providers.forResource(state);
    const id = state.id ?? "";
    const found = await provider?.read({ ...this.#request(state, undefined), id, inputs: state.inputs, outputs: {} });
    if (found === undefined) throw new UserError(`${state.urn} cannot be read: there is no ${state.type} with the id "${id}".`);
    state.outputs = withSecrets(found.outputs, state);
    return { effect: { recorded: state, ...(planned.old === undefined ? {} : { removed: planned.old }) } };
  }

  #request(state: ResourceState, timeoutSeconds: number | undefined): OperationRequest {
    return {
      ...this.#options.providers.request(state),
      ...(timeoutSeconds === undefined ? {} : { timeoutSeconds }),
      report: (message) => this.#options.onEvent({ kind: "status", urn: state.urn, message }),
    };
  }

  async #runHooks(kind: HookKind, hooks: HookNames, subject: HookSubject): Promise<void> {
    await this.#options.hooks.run(kind, hooks[kind] ?? [], subject);
  }

  /** A failing after-hook fails the step, but what was done is recorded. */
  async #after(kind: HookKind, hooks: HookNames, subject: HookSubject, effect: Effect): Promise<{ effect: Effect; failure?: Error }> {
    try {
      await this.#runHooks(kind, hooks, subject);
      return { effect };
    } catch (error) {
      return { effect, failure: error instanceof Error ? error : new Error(String(error)) };
    }
  }

  async #retrying(hooks: HookNames, subject: HookSubject, operation: string, attempt: () => Promise<string[]>): Promise<string[]> {
    const failures: string[] = [];
    for (;;) {
      let initErrors: string[] = [];
      let failure: Error | undefined;
      try {
        initErrors = await attempt();
        if (initErrors.length === 0) return [];
        failures.unshift(initErrors.join("; "));
      } catch (error) {
        failure = error instanceof Error ? error : new Error(String(error));
        failures.unshift(failure.message);
      }
      const names = hooks.OnError ?? [];
      const again = names.length > 0 && failures.length <= MAX_RETRIES && (await this.#options.hooks.shouldRetry(names, subject, operation, failures));
      if (!again && failure !== undefined) throw failure;
      if (!again) return initErrors;
      const message = `trying to ${operation} again, as an error hook asked (${failures.length}/${MAX_RETRIES})`;
      this.#options.onEvent({ kind: "diagnostic", diagnostic: { severity: "warning", message, urn: subject.urn } });
    }
  }
}

function needed(state: ResourceState | undefined): ResourceState {
  if (state === undefined) throw new Error("a step lacks the state that its operation needs");
  return state;
}

function identity(state: ResourceState): { urn: Urn; id: string; name: string; type: string } {
  return { urn: state.urn, id: state.id ?? "", name: parseUrn(state.urn).name, type: state.type };
}

function initFailure(state: ResourceState, initErrors: string[]): Error | undefined {
  if (initErrors.length === 0) return undefined;
  state.initErrors = initErrors;
  return new UserError(`${state.urn} exists but did not become ready: ${initErrors.join("\n")}`);
}

function withSecrets(outputs: PropertyMap, state: ResourceState): PropertyMap {
  if (state.additionalSecretOutputs.length === 0) return outputs;
  const result = { ...outputs };
  for (const key of state.additionalSecretOutputs) {
    const value = result[key];
    if (value !== undefined && !(value instanceof Secret)) result[key] = new Secret(value);
  }
  return result;
}
