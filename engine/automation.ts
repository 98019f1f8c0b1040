/** `--engine pulumi`: the same commands by the Pulumi CLI, through the Automation API. */
import automation from "@pulumi/pulumi/automation/index.js";
import type { EngineEvent as CliEvent, PropertyDiff, StepEventMetadata } from "@pulumi/pulumi/automation/events.js";
import { describeError, UserError } from "./errors.ts";
import {
  type Diagnostic,
  type Finding,
  type Operation,
  type OperationResult,
  type ProjectStack,
  type PropertyChange,
  type PropertyMap,
  type Step,
} from "./model.ts";
import { makePlan, outcome, type Plan } from "./plan.ts";
import { type Terminal } from "./progress.ts";
import { type Project, parseStackName } from "./project.ts";
import { parseUrn } from "./urn.ts";

export interface CliOptions {
  packs: { path: string; configPath?: string }[];
  /** What the CLI's environment has besides. */
  environment: NodeJS.ProcessEnv;
  diff: boolean;
  debug: boolean;
  terminal: Terminal;
  signal: AbortSignal;
}

/**
 * Previews a stack with the CLI, whose own output is shown.
 * @throws UserError when there is no CLI, or it cannot select the stack
 */
export async function previewWithPulumi(project: Project, stack: string, options: CliOptions): Promise<Plan> {
  const { packs, diff, debug, terminal, signal } = options;
  const started = performance.now();
  const pulumiCommand = await findCli();
  const selected = await selectStack(project, stack, pulumiCommand, options.environment);
  const collected = new Collector();
  const configs = packs.map(({ configPath }) => configPath).filter((path) => path !== undefined);
  if (configs.length > 0 && configs.length < packs.length) {
    throw new UserError(
      "The Pulumi CLI takes policy configurations for all packs or for none.",
      "Name a --policy-pack-config for each --policy-pack.",
    );
  }
  try {
    await selected.preview({
      policyPacks: packs.map(({ path }) => path),
      policyPackConfigs: configs,
      diff,
      debug,
      color: terminal.isTTY ? "always" : "never",
      signal,
      onOutput: (text) => terminal.write(text),
      onError: (text) => terminal.write(text),
      onEvent: (event) => collected.take(event),
    });
  } catch (error) {
    signal.throwIfAborted();
    collected.failed(error);
  }
  const { organization, name } = parseStackName(project, stack);
  const target: ProjectStack = {
    project: project.name,
    stack: name,
    organization,
    root: project.root,
    main: project.main,
    runtime: project.runtime,
    configuration: { values: {}, secretKeys: [] },
  };
  return makePlan("preview", target, collected.result(performance.now() - started));
}

async function findCli(): Promise<automation.PulumiCommand> {
  try {
    return await automation.PulumiCommand.get();
  } catch (cause) {
    throw new UserError(
      "The Pulumi CLI is not there, or does not run.",
      "Where the network allows, npx pulumi version downloads it; or leave out --engine pulumi: the embedded engine needs no CLI.",
      { cause },
    );
  }
}

async function selectStack(
  project: Project,
  stack: string,
  pulumiCommand: automation.PulumiCommand,
  environment: NodeJS.ProcessEnv,
): Promise<automation.Stack> {
  try {
    return await automation.LocalWorkspace.selectStack({ stackName: stack, workDir: project.root }, { pulumiCommand, envVars: Object.fromEntries(Object.entries(environment).filter((entry): entry is [string, string] => entry[1] !== undefined)) });
  } catch (cause) {
    throw new UserError(
      `The Pulumi CLI cannot select the stack ${stack}: ${firstLine(cause)}`,
      "Log in to a backend (pulumi login --local for files), and make the stack with pulumi stack init.",
      { cause },
    );
  }
}

/** The CLI's error, without the command's whole output. */
function firstLine(error: unknown): string {
  const text = describeError(error instanceof Error ? new UserError(error.message) : error);
  return /error: (.*)/.exec(text)?.[1] ?? text.split("\n")[0] ?? text;
}

const operations: { readonly [op: string]: Operation } = {
  "read-replacement": "read",
  import: "read",
  "import-replacement": "read",
  discard: "delete",
  "discard-replaced": "delete-replaced",
  "remove-pending-replace": "delete-replaced",
};

/** The CLI's events as a result of this engine. */
class Collector {
  readonly #steps: Step[] = [];
  readonly #findings: Finding[] = [];
  readonly #diagnostics: Diagnostic[] = [];
  readonly #errors: string[] = [];
  #outputs: PropertyMap = {};

  take(event: CliEvent): void {
    const { resourcePreEvent, resOutputsEvent, policyEvent, diagnosticEvent } = event;
    if (resourcePreEvent !== undefined) this.#steps.push(stepOf(resourcePreEvent.metadata));
    if (resOutputsEvent?.metadata.type === "pulumi:pulumi:Stack")
      this.#outputs = (resOutputsEvent.metadata.new?.outputs ?? {}) as PropertyMap;
    if (diagnosticEvent !== undefined) {
      const { severity, message, urn, streamID, ephemeral } = diagnosticEvent;
      this.#diagnostics.push({
        severity: severity === "info#err" ? "info" : severity,
        message: plainText(message),
        urn,
        streamId: streamID,
        ephemeral,
      });
    }
    if (policyEvent === undefined) return;
    this.#findings.push({
      pack: policyEvent.policyPackName,
      packVersion: policyEvent.policyPackVersion,
      policy: policyEvent.policyName,
      level: policyEvent.enforcementLevel === "mandatory" ? "mandatory" : "advisory",
      urn: policyEvent.resourceUrn,
      message: plainText(policyEvent.message),
    });
  }

  /** The command failed. When a mandatory policy objected and nothing else went wrong, that is the reason. */
  failed(error: unknown): void {
    const problems = this.#diagnostics.filter(
      ({ severity, message }) => severity === "error" && !/^(preview|update) failed$/.test(message.trim()),
    );
    if (problems.length > 0) this.#errors.push(...problems.map(({ message }) => message.trim()));
    else if (outcome({ errors: [], findings: this.#findings }) === "clean")
      this.#errors.push(`The Pulumi CLI failed: ${firstLine(error)}`);
  }

  result(durationMs: number): OperationResult {
    return {
      steps: this.#steps,
      outputs: this.#outputs,
      findings: this.#findings,
      remediations: [],
      // The CLI tells names and versions only; it does not say what a pack saw.
      packs: [],
      diagnostics: this.#diagnostics,
      errors: this.#errors,
      durationMs,
    };
  }
}

function stepOf({ op, urn, type, old, new: now, provider, detailedDiff, diffs }: StepEventMetadata): Step {
  const state = now ?? old;
  return {
    operation: operations[op] ?? (op as Operation),
    urn,
    type,
    name: parseUrn(urn).name,
    custom: state?.custom ?? false,
    parent: state?.parent === "" ? undefined : state?.parent,
    id: state?.id === "" ? undefined : state?.id,
    provider: provider === "" ? undefined : provider,
    protect: state?.protect ?? false,
    dependencies: [],
    before: old === undefined ? undefined : { inputs: old.inputs as PropertyMap, outputs: old.outputs as PropertyMap },
    after: now === undefined ? undefined : { inputs: now.inputs as PropertyMap, outputs: now.outputs as PropertyMap },
    changes: Object.entries(detailedDiff ?? {}).map(([path, change]) => changeOf(path, change)),
    replaceReasons:
      detailedDiff === undefined
        ? (diffs ?? [])
        : Object.entries(detailedDiff)
            .filter(([, { diffKind }]) => diffKind.endsWith("replace"))
            .map(([path]) => path),
  };
}

/** The CLI tells where a change is, not its values. */
function changeOf(path: string, { diffKind }: PropertyDiff): PropertyChange {
  const [kind] = diffKind.split("-");
  return { path, kind: kind === "add" || kind === "delete" ? kind : "update", replaces: diffKind.endsWith("replace") };
}

/** Pulumi marks colours inside messages: `<{%fg 1%}>`. */
function plainText(message: string): string {
  return message.replace(/<\{%.*?%\}>/g, "");
}
