/** What the engine's tests share: an in-memory provider and journal, and a way to run a program of `fixtures/programs`. */
import { cloneMap, diffMaps, revealMap } from "../../engine/diff.ts";
import type { EngineEvent, Journal, OperationResult, PolicyHost, ProjectStack, PropertyMap, ResourceState, Step } from "../../engine/model.ts";
import { runOperation, type OperationOptions } from "../../engine/operation.ts";
import type { Provider, ProviderLookup } from "../../engine/provider.ts";
import { fileURLToPath } from "node:url";

const PROGRAMS = fileURLToPath(new URL("fixtures/programs", import.meta.url));

/** A provider whose world is a map. The input `failures: n` makes the first n attempts fail; `label: "refused"` fails the check. */
export class MemoryProvider implements Provider {
  readonly world = new Map<string, PropertyMap>();
  readonly calls: string[] = [];
  /** Called before each operation that touches the world, with e.g. `create a`. */
  onOperation: (call: string) => Promise<void> = () => Promise.resolve();
  #serial = 0;
  #attempts = new Map<string, number>();

  readonly check: Provider["check"] = ({ newInputs }) => {
    const refused = newInputs["label"] === "refused";
    return Promise.resolve({ inputs: newInputs, failures: refused ? [{ property: "label", reason: "it may not be refused" }] : [] });
  };

  readonly diff: Provider["diff"] = ({ oldInputs, newInputs }) => {
    const changes = diffMaps(oldInputs, newInputs).map((change) => ({ ...change, replaces: change.path.startsWith("identity") }));
    return Promise.resolve({ changes, deleteBeforeReplace: newInputs["unique"] === true });
  };

  readonly create: Provider["create"] = async ({ name, inputs, preview }) => {
    if (preview) return { id: "", outputs: inputs };
    await this.#touch("create", name, inputs);
    const id = `${name}-${String(++this.#serial)}`;
    const outputs = { ...inputs, serial: this.#serial };
    this.world.set(id, outputs);
    return { id, outputs, ...(inputs["unready"] === true ? { initErrors: ["it stays unready"] } : {}) };
  };

  readonly update: Provider["update"] = async ({ name, id, newInputs, oldOutputs, preview }) => {
    if (preview) return { outputs: newInputs };
    await this.#touch("update", name, newInputs);
    const outputs = { ...newInputs, serial: oldOutputs["serial"] ?? null };
    this.world.set(id, outputs);
    return { outputs };
  };

  readonly delete: Provider["delete"] = async ({ name, id, inputs }) => {
    await this.#touch("delete", name, inputs);
    if (!this.world.delete(id)) throw new Error(`${id} does not exist`);
  };

  readonly read: Provider["read"] = ({ id, inputs }) => {
    const outputs = this.world.get(id);
    return Promise.resolve(outputs === undefined ? undefined : { id, inputs, outputs });
  };

  readonly invoke: NonNullable<Provider["invoke"]> = ({ args }) => Promise.resolve({ outputs: args, failures: [] });

  async #touch(operation: string, name: string, inputs: PropertyMap): Promise<void> {
    const call = `${operation} ${name}`;
    this.calls.push(call);
    await this.onOperation(call);
    const attempt = (this.#attempts.get(call) ?? 0) + 1;
    this.#attempts.set(call, attempt);
    const failures = revealMap(inputs)["failures"];
    if (typeof failures === "number" && attempt <= failures) throw new Error(`attempt ${attempt} failed`);
  }
}

/** A journal that keeps the recorded resources in a list, as a state file would have them, and what is under way. */
export class MemoryJournal implements Journal {
  resources: ResourceState[];
  readonly pending: Step[] = [];
  readonly entries: string[] = [];

  constructor(prior: ResourceState[] = []) {
    this.resources = [...prior];
  }

  began(step: Step): Promise<void> {
    this.pending.push(step);
    this.entries.push(`began ${step.operation} ${step.name}`);
    return Promise.resolve();
  }

  ended(step: Step, _state: ResourceState, effect: { removed?: ResourceState; recorded?: ResourceState }): Promise<void> {
    const { removed, recorded } = effect;
    const at = this.pending.indexOf(step);
    if (at >= 0) this.pending.splice(at, 1);
    if (removed !== undefined && !this.resources.includes(removed)) throw new Error(`${removed.urn} is not recorded`);
    this.resources = this.resources.filter((state) => state !== removed);
    if (recorded !== undefined) this.resources.push(recorded);
    this.entries.push(`ended ${step.operation} ${step.name}`);
    return Promise.resolve();
  }

  outputs(): Promise<void> {
    return Promise.resolve();
  }

  /** The recorded resources as the next run would load them: copies. */
  reload(): ResourceState[] {
    return this.resources.map((state) => ({ ...state, inputs: cloneMap(state.inputs), outputs: cloneMap(state.outputs) }));
  }
}

export interface RunRequest {
  kind?: OperationOptions["kind"];
  config?: { [key: string]: string };
  secretKeys?: string[];
  prior?: ResourceState[];
  provider?: Provider;
  providers?: ProviderLookup;
  policies?: PolicyHost;
  journal?: Journal;
  signal?: AbortSignal;
  port?: number;
  idleSeconds?: number;
  onEvent?: (event: EngineEvent) => void;
}

/** The stack `dev` of the project `p`, with a program of `fixtures/programs`. */
export function target(main: string, config: { [key: string]: string } = {}, secretKeys: string[] = []): ProjectStack {
  const values = Object.fromEntries(Object.entries(config).map(([key, value]) => [`p:${key}`, value]));
  return {
    project: "p",
    stack: "dev",
    organization: "acme",
    root: PROGRAMS,
    main,
    runtime: { typescript: false },
    configuration: { values, secretKeys: secretKeys.map((key) => `p:${key}`) },
  };
}

/** Runs a program of `fixtures/programs` to its end. */
export async function run(main: string, request: RunRequest = {}): Promise<OperationResult & { printed: string }> {
  const provider = request.provider ?? new MemoryProvider();
  let printed = "";
  const result = await runOperation({
    kind: request.kind ?? "preview",
    target: target(main, request.config, request.secretKeys),
    prior: request.prior ?? [],
    providers: request.providers ?? ((pkg) => (pkg === "test" ? provider : undefined)),
    ...(request.policies === undefined ? {} : { policies: request.policies }),
    ...(request.journal === undefined ? {} : { journal: request.journal }),
    ...(request.port === undefined ? {} : { port: request.port }),
    ...(request.idleSeconds === undefined ? {} : { idleSeconds: request.idleSeconds }),
    signal: request.signal ?? new AbortController().signal,
    onEvent: (event) => {
      if (event.kind === "program-output") printed += event.text;
      request.onEvent?.(event);
    },
  });
  return { ...result, printed };
}

/** `operation name` of each step, without the stack's own and the default provider's. */
export function summary(steps: Step[]): string[] {
  return steps.filter(({ type }) => !type.startsWith("pulumi:")).map(({ operation, name }) => `${operation} ${name}`);
}
