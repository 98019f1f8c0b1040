/** The operation behind the monitor: plans and executes what the program registers, and knows when it has failed or ended. */
import type { Hooks } from "./hooks.ts";
import { diffTopLevel } from "./diff.ts";
import { describeError, UserError } from "./errors.ts";
import type { Goal, ReadGoal } from "./goal.ts";
import { Judge } from "./judge.ts";
import type { Diagnostic, EngineEvent, Journal, OperationResult, PolicyHost, ProjectStack, PropertyMap, ResourceState, Step, Urn } from "./model.ts";
import type { MonitorHost } from "./monitor.ts";
import { defaultProviderGoal, defaultProviderName, type PackageRequest } from "./packages.ts";
import { Planner } from "./planner.ts";
import type { ProgramEnd } from "./program.ts";
import type { InvokeResult, ProviderLookup } from "./provider.ts";
import { ProviderRegistry } from "./providerRegistry.ts";
import { shutDown } from "./rpc.ts";
import type { PlannedStep } from "./steps.ts";
import { Executor } from "./update.ts";
import { builtinInvoke } from "./builtin.ts";
import { formatProviderReference, packageOf, rootStackUrn } from "./urn.ts";

export interface DeploymentOptions {
  target: ProjectStack;
  /** The state as recorded. An update marks some of these objects in place. */
  prior: ResourceState[];
  policies?: PolicyHost;
  providers: ProviderLookup;
  journal?: Journal;
  onEvent: (event: EngineEvent) => void;
  /** Aborted: the operation stops starting steps, waits for those under way, ends the program, and rejects with the signal's reason. */
  signal: AbortSignal;
  parallel: number;
  preview: boolean;
  /** A program that says nothing for so many seconds, while nothing is asked of it, has left a promise hanging. Default 60. */
  idleSeconds?: number;
}

const DEFAULT_IDLE_SECONDS = 60;

export class Deployment implements MonitorHost {
  readonly hooks: Hooks;
  readonly #options: DeploymentOptions;
  readonly #providers: ProviderRegistry;
  readonly #judge: Judge;
  readonly #planner: Planner;
  readonly #executor: Executor;
  readonly #stop = new AbortController();
  /** One list for each registration, in order of arrival, filled as it is planned. */
  readonly #steps: Step[][] = [];
  readonly #news = new Map<Urn, ResourceState>();
  readonly #defaults = new Map<string, Promise<string>>();
  readonly #diagnostics: Diagnostic[] = [];
  readonly #errors: string[] = [];
  readonly #underWay = new Set<Promise<unknown>>();
  readonly #rootUrn: Urn;
  #stackOutputs: PropertyMap | undefined;
  #finished: Promise<void> | undefined;
  #failed = false;
  #endProgram: () => void = () => undefined;
  readonly #gone = Promise.withResolvers<undefined>();
  #lastActivity = performance.now();

  constructor(options: DeploymentOptions, makeHooks: (diagnose: (diagnostic: Diagnostic) => void) => Hooks) {
    const { target, prior, preview, onEvent, providers: lookup } = options;
    const signal = AbortSignal.any([options.signal, this.#stop.signal]);
    const diagnose = (diagnostic: Diagnostic): void => this.diagnose(diagnostic);
    this.#options = options;
    this.hooks = makeHooks(diagnose);
    this.#providers = new ProviderRegistry({ lookup, prior, preview, signal });
    this.#judge = new Judge({
      policies: options.policies,
      providers: this.#providers,
      preview,
      onFinding: (finding) => onEvent({ kind: "finding", finding }),
      onRegistering: (urn) => onEvent({ kind: "resource-registering", urn }),
    });
    this.#planner = new Planner({ target, prior, providers: this.#providers, judge: this.#judge, preview, signal, diagnose });
    const { journal, parallel } = options;
    this.#executor = new Executor({ preview, providers: this.#providers, hooks: this.hooks, journal, onEvent, signal, parallel });
    this.#rootUrn = rootStackUrn(target.stack, target.project);
  }

  /** Passes a message on, and keeps it for the result. */
  diagnose(diagnostic: Diagnostic): void {
    this.#lastActivity = performance.now();
    this.#diagnostics.push(diagnostic);
    this.#options.onEvent({ kind: "diagnostic", diagnostic });
  }

  /** Passes on what the program printed. */
  programOutput(stream: "stdout" | "stderr", text: string): void {
    this.#lastActivity = performance.now();
    this.#options.onEvent({ kind: "program-output", stream, text });
  }

  async guard<T>(call: () => Promise<T>): Promise<T> {
    if (!this.#failed && !this.#options.signal.aborted) {
      const running = call();
      this.#underWay.add(running);
      try {
        return await running;
      } catch (error) {
        this.#fail(error);
      } finally {
        this.#lastActivity = performance.now();
        this.#underWay.delete(running);
        this.#endProgramWhenIdle();
      }
    }
    // An answer would only make the program complain: it is ended instead, once the steps that still need its hooks are done.
    await this.#gone.promise;
    throw shutDown();
  }

  async register(goal: Goal): Promise<ResourceState> {
    return this.#carryOut(() => this.#planner.register(goal));
  }

  async read(goal: ReadGoal): Promise<ResourceState> {
    return this.#carryOut(() => Promise.resolve(this.#planner.read(goal)));
  }

  async outputs(urn: Urn, outputs: PropertyMap): Promise<void> {
    const state = this.#news.get(urn);
    if (state === undefined) throw new UserError(`Outputs came for ${urn}, which is not registered.`);
    const before = state.outputs;
    state.outputs = outputs;
    const step = this.#steps.flat().find((candidate) => candidate.urn === urn && candidate.after !== undefined);
    if (step?.after !== undefined) step.after.outputs = outputs;
    if (urn === this.#rootUrn) {
      this.#stackOutputs = outputs;
      if (step !== undefined) step.changes = diffTopLevel(before, outputs);
    }
    if (!this.#options.preview) await this.#options.journal?.outputs(state);
  }

  async invoke(token: string, args: PropertyMap, provider: string): Promise<InvokeResult> {
    if (packageOf(token) === "pulumi") return builtinInvoke(token, args, (urn) => this.#news.get(urn));
    const serving = this.#providers.forPackage(packageOf(token), `the function ${token}`);
    if (serving.invoke === undefined) throw new UserError(`The embedded engine cannot run the function ${token}.`, "Use --engine pulumi.");
    const configuration = this.#providers.stateOf(provider)?.inputs ?? {};
    return serving.invoke({ token, args, configuration, preview: this.#options.preview, signal: this.#options.signal });
  }

  async defaultProvider(pkg: PackageRequest): Promise<string> {
    const key = `${pkg.name}::${defaultProviderName(pkg)}`;
    let reference = this.#defaults.get(key);
    if (reference === undefined) {
      reference = this.register(defaultProviderGoal(pkg, this.#options.target.configuration)).then((state) =>
        formatProviderReference({ urn: state.urn, id: state.id ?? "" }),
      );
      this.#defaults.set(key, reference);
    }
    return reference;
  }

  async programEnded(): Promise<void> {
    if (this.#stackOutputs === undefined) {
      throw new UserError(
        "The program ended while a promise of it was still pending: its outputs never came.",
        "Look for a promise that nothing resolves, in what the program awaits or exports.",
      );
    }
    await this.finish();
  }

  /** Deletes what the program no longer has, and lets the policies judge the whole. Done once. */
  async finish(): Promise<void> {
    this.#finished ??= this.#finish();
    return this.#finished;
  }

  /** Judges how the program ended, and waits for what is under way. */
  async programGone({ code, signal, reported }: ProgramEnd): Promise<void> {
    this.#gone.resolve(undefined);
    await Promise.allSettled(this.#underWay);
    await this.#finished?.catch(() => undefined);
    if (this.#options.signal.aborted || this.#failed) return;
    if (signal !== null) this.#fail(new UserError(`The program was ended by ${signal}.`));
    else if (reported) {
      const logged = this.#diagnostics.some(({ severity }) => severity === "error");
      this.#fail(new UserError(logged ? "The program failed." : "The program failed; what it printed says why."));
    } else if (code !== 0) this.#fail(new UserError(`The program ended with exit code ${code ?? "unknown"}.`));
    else if (this.#finished === undefined) {
      this.#fail(new UserError("The program ended before it was done, with exit code 0.", "Look for a call of process.exit: a program must run to its end."));
    }
  }

  /** Takes charge of a started program: calls `end` when the operation has failed, or the program stays idle. Returns what ends the watch. */
  watch(end: () => void): () => void {
    this.#endProgram = end;
    const seconds = this.#options.idleSeconds ?? DEFAULT_IDLE_SECONDS;
    const timer = setInterval(() => {
      if (this.#underWay.size > 0 || performance.now() - this.#lastActivity < seconds * 1000) return;
      this.#fail(
        new UserError(
          `The program has been idle for ${seconds} s: it runs, but registers nothing and does not end.`,
          "Look for a promise that nothing resolves, or a timer or connection that is left open.",
        ),
      );
    }, seconds * 100);
    timer.unref();
    return () => clearInterval(timer);
  }

  /** What was done and found. */
  result(durationMs: number): OperationResult {
    return {
      steps: this.#steps.flat(),
      outputs: this.#stackOutputs ?? {},
      findings: this.#judge.findings,
      remediations: this.#judge.remediations,
      packs: this.#options.policies?.runs() ?? [],
      diagnostics: this.#diagnostics,
      errors: [...this.#judge.errors, ...this.#errors],
      durationMs,
    };
  }

  #fail(error: unknown): void {
    if (this.#failed) return;
    this.#failed = true;
    this.#errors.push(describeError(error));
    this.#stop.abort(error);
    this.#endProgramWhenIdle();
  }

  #endProgramWhenIdle(): void {
    if (this.#failed && this.#underWay.size === 0) this.#endProgram();
  }

  async #carryOut(plan: () => Promise<PlannedStep[]>): Promise<ResourceState> {
    const slot: Step[] = [];
    this.#steps.push(slot);
    const steps = await plan();
    slot.push(...steps.map(({ step }) => step));
    let registered: ResourceState | undefined;
    for (const planned of steps) {
      await this.#executor.execute(planned);
      registered = planned.state ?? registered;
    }
    if (registered === undefined) throw new Error("a registration led to no state");
    this.#news.set(registered.urn, registered);
    return registered;
  }

  async #finish(): Promise<void> {
    const waves = this.#planner.deletions();
    this.#executor.condemn(waves.flat().map(({ step }) => step.urn));
    for (const wave of waves) {
      this.#steps.push(wave.filter(({ recordOnly }) => recordOnly !== true).map(({ step }) => step));
      const outcomes = await Promise.allSettled(wave.map((planned) => this.#executor.execute(planned)));
      const failed = outcomes.find((outcome) => outcome.status === "rejected");
      if (failed !== undefined) {
        this.#fail(failed.reason);
        throw shutDown();
      }
    }
    try {
      await this.#judge.judgeStack([...this.#news.values()]);
    } catch (error) {
      this.#fail(error);
      throw shutDown();
    }
  }
}
