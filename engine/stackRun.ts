/** One operation on one stack, from the files on disk to its plan: what every command of the command line does. */
import { existsSync } from "node:fs";
import { join, relative, resolve } from "node:path";
import { type PackRequest, startPolicyHost } from "./analyzer.ts";
import { loadConfiguration, readStackFile } from "./configuration.ts";
import { resultLines } from "./display.ts";
import { describeError, UserError } from "./errors.ts";
import { type InterruptWatch } from "./interrupt.ts";
import { describeHolder, lockHolder } from "./lock.ts";
import {
  type Journal,
  type OperationResult,
  type ProjectStack,
  type ResourceState,
  type StackConfiguration,
} from "./model.ts";
import { runOperation } from "./operation.ts";
import { masker } from "./plain.ts";
import { makePlan, outcome, type Plan } from "./plan.ts";
import { Progress, type Terminal } from "./progress.ts";
import { type Project, parseStackName } from "./project.ts";
import { policyGaps } from "./policyPresence.ts";
import { PolicyReports } from "./policyReports.ts";
import { previewProvider } from "./previewProviders.ts";
import { type ProviderLookup } from "./provider.ts";
import { loadState, type StackState } from "./state.ts";
import { defaultStatePath } from "./stateFile.ts";
import { type Style } from "./style.ts";

/** What a command asks for; the same for every stack it names. */
export interface RunOptions {
  project: Project;
  /** Folders of policy packs; none: `policies` of the project, if it is a pack. */
  policyPacks: readonly string[];
  /** Configuration files, one for each pack in order; none: `config/<stack>.json` of the pack, if it is there. */
  policyPackConfigs: readonly string[];
  /** Reports that the policy pack is to write, each as `FORMAT=FILE`. Default: none. */
  reports?: readonly string[];
  /** Whether it is an error when no policy pack has judged what is planned. Default: false. */
  requirePolicy?: boolean;
  /** State file; none: `.pulumi-local/<project>/<stack>.json`. */
  statePath?: string;
  diff: boolean;
  debug: boolean;
  env: NodeJS.ProcessEnv;
  terminal: Terminal;
  style: Style;
  interrupts: InterruptWatch;
}

/** Previews one stack and shows what it would become. Problems of the stack are part of the plan, not thrown. */
export async function previewStack(stack: string, options: RunOptions): Promise<Plan> {
  const { project, terminal, style, interrupts, diff, debug } = options;
  const target = { ...identify(project, stack), configuration: emptyConfiguration };
  const started = performance.now();
  try {
    target.configuration = await loadConfiguration(project, target.stack, options.env);
    const result = await preview(target, options);
    interrupts.signal.throwIfAborted();
    terminal.write(`${resultLines("preview", target, result, { style, diff, debug }).join("\n")}\n`);
    return makePlan("preview", target, result);
  } catch (error) {
    if (interrupts.signal.aborted) throw error;
    const failed = { ...emptyResult, errors: [describeError(error, debug)], durationMs: performance.now() - started };
    terminal.write(`${resultLines("preview", target, failed, { style, diff, debug }).join("\n")}\n`);
    return makePlan("preview", target, failed);
  }
}

export const emptyConfiguration: StackConfiguration = { values: {}, secretKeys: [] };
export const emptyResult: OperationResult = {
  steps: [],
  outputs: {},
  findings: [],
  remediations: [],
  packs: [],
  diagnostics: [],
  errors: [],
  durationMs: 0,
};

async function preview(target: ProjectStack, options: RunOptions): Promise<OperationResult> {
  const { project, env, terminal, style } = options;
  const statePath = statePathOf(target.stack, options);
  const holder = lockHolder(`${statePath}.lock`);
  if (holder !== undefined)
    terminal.write(
      `${style("warn", `The stack is being changed by ${describeHolder(holder)}; this shows its state as last saved.`)}\n`,
    );
  const load = (): Promise<StackState> => loadState(statePath, env, readStackFile(project, target.stack).salt);
  return operate(target, options, {
    kind: "preview",
    title: `Previewing ${target.stack}`,
    prior: async () => (await load()).resources,
    providers: previewProvider,
  });
}

/** The state file of a stack. */
export function statePathOf(stack: string, { project, statePath }: RunOptions): string {
  return statePath ?? defaultStatePath(project.root, project.name, stack);
}

/** An operation of the engine; the parts that previews and updates do not have in common. */
export interface Work {
  kind: Plan["kind"];
  /** For the progress line, e.g. `Previewing production`. */
  title: string;
  /** Loads the recorded resources, while the packs start. */
  prior: () => Promise<ResourceState[]>;
  providers: ProviderLookup;
  journal?: Journal;
}

/** Runs an operation under the stack's policy packs, with its progress shown. */
export async function operate(
  target: ProjectStack,
  options: RunOptions,
  { kind, title, prior, providers, journal }: Work,
): Promise<OperationResult> {
  const { project, terminal, style, interrupts, debug } = options;
  const progress = new Progress(terminal, style, title, masker(target.configuration.secretTexts ?? []));
  // Nothing that only goes is judged.
  const packs = kind === "destroy" ? [] : choosePacks(project, target.stack, options.policyPacks, options.policyPackConfigs);
  const reports = new PolicyReports(kind === "destroy" ? [] : (options.reports ?? []), target.stack, packs.length);
  const say = (message: string): void => progress.line(`${style("faint", "policy  |")} ${message}`);
  // The packs load while the program does.
  const policies = startPolicyHost({
    packs,
    target,
    dryRun: kind === "preview",
    environment: (configPath) => reports.environment(configPath),
    onMessage: say,
  });
  interrupts.onKill(() => policies.kill());
  const stop = new AbortController();
  let packProblem: unknown;
  policies.ready.catch((error: unknown) => {
    packProblem = error;
    stop.abort(error);
  });
  try {
    const recorded = await prior();
    const signal = AbortSignal.any([interrupts.signal, stop.signal]);
    const result = await runOperation({
      kind,
      target,
      prior: recorded,
      policies,
      providers,
      journal,
      onEvent: progress.take,
      signal,
      debug,
    });
    // A pack that cannot run is the reason of whatever else went wrong.
    if (packProblem !== undefined) return { ...result, errors: [describeError(packProblem, debug)] };
    if (result.errors.length > 0) return result;
    await policies.close(); // a pack may write its reports as late as at its end
    // What a policy objected to has been judged, and is refused for that.
    const required = options.requirePolicy === true && kind !== "destroy" && outcome(result) === "clean";
    const gaps = required ? policyGaps({ packs: result.packs, resources: result.steps.length }) : [];
    return { ...result, errors: [...gaps, ...reports.missing()] };
  } catch (error) {
    policies.kill();
    throw error;
  } finally {
    progress.stop();
    if (interrupts.signal.aborted) policies.kill();
    await policies.close();
  }
}

/** A stack without its configuration. */
export function identify(project: Project, stack: string): ProjectStack {
  const { organization, name } = parseStackName(project, stack);
  const { root, main, pwd, runtime } = project;
  return {
    project: project.name,
    stack: name,
    organization,
    root,
    main,
    pwd,
    runtime,
    configuration: emptyConfiguration,
  };
}

/** The packs to run, each with its configuration for the stack; the parameters are those of `RunOptions`. */
export function choosePacks(
  project: Project,
  stack: string,
  policyPacks: readonly string[],
  policyPackConfigs: readonly string[],
): PackRequest[] {
  const standard = join(project.root, "policies");
  const paths =
    policyPacks.length > 0 ? policyPacks : existsSync(join(standard, "PulumiPolicy.yaml")) ? [standard] : [];
  if (policyPackConfigs.length > paths.length) {
    throw new UserError(
      `There are ${policyPackConfigs.length} policy configurations for ${paths.length} policy packs.`,
      "Name a --policy-pack for each --policy-pack-config.",
    );
  }
  return paths.map((given, index) => {
    const path = resolve(given);
    const usual = join(path, "config", `${stack}.json`);
    return {
      path,
      configPath: policyPackConfigs[index] ?? (existsSync(usual) ? relativeTo(project.root, usual) : undefined),
    };
  });
}

/** A path as people name it: relative to the project when it lies inside and that is where we are. */
function relativeTo(root: string, path: string): string {
  const inside = relative(root, path);
  return process.cwd() === root && !inside.startsWith("..") ? inside : path;
}
