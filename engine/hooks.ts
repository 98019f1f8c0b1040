/** Hooks that the program registered, and how they are run around steps. */
import type callbackPb from "@pulumi/pulumi/proto/callback_pb.js";
import resourcePb from "@pulumi/pulumi/proto/resource_pb.js";
import type { Callbacks } from "./callbacks.ts";
import type { HookKind } from "./goal.ts";
import type { Diagnostic, PropertyMap, Urn } from "./model.ts";
import { encodeStruct } from "./wire.ts";

/** What a hook is told; properties that the moment does not have are absent. */
export interface HookSubject {
  urn: Urn;
  id: string;
  name: string;
  type: string;
  newInputs?: PropertyMap;
  oldInputs?: PropertyMap;
  newOutputs?: PropertyMap;
  oldOutputs?: PropertyMap;
}

interface Hook {
  callback: callbackPb.Callback;
  onDryRun: boolean;
  ignoreErrors: boolean;
}

export class Hooks {
  readonly #callbacks: Callbacks;
  readonly #preview: boolean;
  readonly #diagnose: (diagnostic: Diagnostic) => void;
  readonly #hooks = new Map<string, Hook>();
  readonly #errorHooks = new Map<string, callbackPb.Callback>();

  constructor(callbacks: Callbacks, preview: boolean, diagnose: (diagnostic: Diagnostic) => void) {
    this.#callbacks = callbacks;
    this.#preview = preview;
    this.#diagnose = diagnose;
  }

  /** Registers a hook. Throws when the name is empty or taken. */
  register(request: resourcePb.RegisterResourceHookRequest): void {
    const name = this.#freeName(request.getName());
    const hook = { callback: given(request.getCallback(), name), onDryRun: request.getOnDryRun(), ignoreErrors: request.getIgnoreErrors() };
    this.#hooks.set(name, hook);
  }

  /** Registers an error hook. Throws when the name is empty or taken. */
  registerErrorHook(request: resourcePb.RegisterErrorHookRequest): void {
    const name = this.#freeName(request.getName());
    this.#errorHooks.set(name, given(request.getCallback(), name));
  }

  /** Runs hooks one after the other; the first that fails rejects. In a preview only those that asked for it run. */
  async run(kind: HookKind, names: string[], subject: HookSubject): Promise<void> {
    for (const name of names) {
      const hook = this.#hooks.get(name);
      if (hook === undefined) throw new Error(`hook "${name}" was not registered`);
      if (this.#preview && !hook.onDryRun) continue;
      const failure = await this.#call(hook.callback, subject);
      if (failure === undefined) continue;
      if (!hook.ignoreErrors) throw new Error(`${kind.startsWith("Before") ? "before" : "after"} hook "${name}" failed: ${failure}`);
      this.#diagnose({ severity: "warning", message: `${kind} hook "${name}" failed: ${failure}`, urn: subject.urn });
    }
  }

  /** Asks the error hooks whether an operation that failed should be tried again. `failures`: newest first. */
  async shouldRetry(names: string[], subject: HookSubject, operation: string, failures: string[]): Promise<boolean> {
    let retry = false;
    for (const name of names) {
      const callback = this.#errorHooks.get(name);
      if (callback === undefined) throw new Error(`error hook "${name}" was not registered`);
      const request = new resourcePb.ErrorHookRequest();
      fill(request, subject);
      request.setFailedOperation(operation);
      request.setErrorsList(failures);
      const response = resourcePb.ErrorHookResponse.deserializeBinary(await this.#callbacks.invoke(callback, request));
      if (response.getError() !== "") throw new Error(`error hook "${name}" failed: ${response.getError()}`);
      retry = response.getRetry() || retry;
    }
    return retry;
  }

  #freeName(name: string): string {
    if (name === "") throw new Error("a hook needs a name");
    if (this.#hooks.has(name) || this.#errorHooks.has(name)) throw new Error(`a hook named "${name}" is registered already`);
    return name;
  }

  async #call(callback: callbackPb.Callback, subject: HookSubject): Promise<string | undefined> {
    const request = new resourcePb.ResourceHookRequest();
    fill(request, subject);
    if (subject.newOutputs !== undefined) request.setNewOutputs(encodeStruct(subject.newOutputs));
    try {
      const response = resourcePb.ResourceHookResponse.deserializeBinary(await this.#callbacks.invoke(callback, request));
      return response.getError() === "" ? undefined : response.getError();
    } catch (error) {
      return error instanceof Error ? error.message : String(error);
    }
  }
}

function given(callback: callbackPb.Callback | undefined, name: string): callbackPb.Callback {
  if (callback === undefined) throw new Error(`hook "${name}" has no callback`);
  return callback;
}

function fill(request: resourcePb.ResourceHookRequest | resourcePb.ErrorHookRequest, subject: HookSubject): void {
  request.setUrn(subject.urn);
  request.setId(subject.id);
  request.setName(subject.name);
  request.setType(subject.type);
  if (subject.newInputs !== undefined) request.setNewInputs(encodeStruct(subject.newInputs));
  if (subject.oldInputs !== undefined) request.setOldInputs(encodeStruct(subject.oldInputs));
  if (subject.oldOutputs !== undefined) request.setOldOutputs(encodeStruct(subject.oldOutputs));
}
