/** `up` and `destroy` of one stack: under its lock, on its own cluster, previewed and judged first, recorded before and after every step. */
import { createRequire } from "node:module";
import { loadConfiguration, readStackFile } from "./configuration.ts";
import { resultLines } from "./display.ts";
import { resourceTitle } from "./displayPolicies.ts";
import { describeError } from "./errors.ts";
import { kubernetesPreview } from "./kubernetes.ts";
import { recordedClusters, recordingClusters, refuseOtherCluster } from "./kubernetes/clusterIdentity.ts";
import { Clusters } from "./kubernetes/clusters.ts";
import { showHealth } from "./kubernetes/health.ts";
import { diffLive, kubernetesProvider } from "./kubernetes/provider.ts";
import { findInterrupted, refresh } from "./kubernetes/recovery.ts";
import { acquireLock } from "./lock.ts";
import type { Finding, OperationResult, ProjectStack, PropertyMap, ResourceState } from "./model.ts";
import { makePlan, outcome, type Plan } from "./plan.ts";
import type { ProviderLookup } from "./provider.ts";
import { emptyConfiguration, emptyResult, identify, operate, statePathOf, type RunOptions } from "./stackRun.ts";
import { crypterForWriting, loadState, StateJournal, type StackState } from "./state.ts";
import { defaultProviderGoal } from "./packages.ts";

export interface UpdateOptions extends RunOptions {
  kubeconfig?: string;
  context?: string;
  /** Compare the recorded objects with the cluster first. */
  refresh: boolean;
  /**
   * Does it without showing first what will be done; policy packs judge while it is done. For what takes a release back: it restores
   * what was judged before.
   * @default false
   */
  skipPreview?: boolean;
  /** Asked once what will be done is shown. Resolves to false: nothing is done. */
  confirm: (question: string) => Promise<boolean>;
}

const engineVersion = `v${(createRequire(import.meta.url)("@pulumi/pulumi/package.json") as { version: string }).version}`;

/** Makes a stack true, or takes it down. Problems of the stack are part of the plan, not thrown. */
export async function changeStack(kind: "update" | "destroy", stack: string, options: UpdateOptions): Promise<Plan> {
  const { project, terminal, interrupts, debug } = options;
  const target = { ...identify(project, stack), configuration: emptyConfiguration };
  const started = performance.now();
  const lock = acquireLock(`${statePathOf(target.stack, options)}.lock`, `${kind === "update" ? "up" : kind} --stack ${target.stack}`);
  let clusters: Clusters | undefined;
  try {
    target.configuration = await loadConfiguration(project, target.stack, options.env);
    clusters = openClusters(target, options);
    return await change(kind, target, options, clusters);
  } catch (error) {
    if (interrupts.signal.aborted) throw error;
    const result = { ...emptyResult, errors: [describeError(error, debug)], durationMs: performance.now() - started };
    terminal.write(`${show(kind, target, result, options)}\n`);
    return makePlan(kind, target, result);
  } finally {
    await clusters?.close();
    lock.release();
  }
}

function openClusters({ configuration, project }: ProjectStack, { kubeconfig, context, env, interrupts }: UpdateOptions): Clusters {
  const preferredContext = configuration.values[`${project}:clusterName`];
  return new Clusters({ choice: { kubeconfig, context, preferredContext }, env, signal: interrupts.signal });
}

async function change(kind: "update" | "destroy", target: ProjectStack, options: UpdateOptions, clusters: Clusters): Promise<Plan> {
  const { project, env, terminal, style, interrupts } = options;
  const { salt } = readStackFile(project, target.stack);
  const state = await loadState(statePathOf(target.stack, options), env, salt);
  const found: string[] = [];
  const readState = async (): Promise<ResourceState[]> => {
    await checkClusters(target, state, clusters, statePathOf(target.stack, options));
    await makeTrue(state, clusters, options, (line) => void found.push(`${line}\n`));
    return state.resources;
  };
  const { signal } = interrupts;
  let shown: readonly Finding[] = [];

  if (kind === "destroy" || options.skipPreview === true) {
    await readState();
    terminal.write(found.join(""));
  } else {
    // The packs start while the cluster is asked.
    const planned = await operate(target, options, { kind: "preview", title: `Previewing ${target.stack}`, prior: readState, providers: planning });
    shown = planned.findings;
    signal.throwIfAborted();
    terminal.write(`${found.join("")}${show("preview", target, planned, options)}\n`);
    if (outcome(planned) !== "clean") {
      terminal.write(`${style("bad", "Nothing was changed.")}\n`);
      return makePlan(kind, target, { ...planned, steps: [] });
    }
  }
  const question = kind === "update" ? `Make this true in ${target.stack}?` : `Delete the ${state.resources.length} resources of ${target.stack}?`;
  if (!(await options.confirm(question))) {
    terminal.write("Nothing was changed.\n");
    return makePlan(kind, target, emptyResult);
  }

  const stateJournal = new StateJournal(state, await crypterForWriting(state, env, salt), engineVersion);
  const journal = recordingClusters(stateJournal, async (configuration) => (await clusters.of(configuration)).uid);
  const kubernetes = kubernetesProvider(clusters);
  let result: OperationResult;
  try {
    const title = `${kind === "update" ? "Updating" : "Destroying"} ${target.stack}`;
    const providers: ProviderLookup = (pkg) => (pkg === "kubernetes" ? kubernetes : undefined);
    result = await operate(target, options, { kind, title, prior: () => Promise.resolve(state.resources), providers, journal });
  } finally {
    await stateJournal.flush();
  }
  signal.throwIfAborted();
  terminal.write(`${show(kind, target, result, options, shown)}\n`);
  if (kind === "update" && outcome(result) === "clean") await showHealth(await clusters.of(defaultConfiguration(target)), result.outputs, options);
  return makePlan(kind, target, result);
}

/** The preview before an update sees what the update will, without touching the cluster. */
const planning: ProviderLookup = (pkg) => (pkg === "kubernetes" ? { ...kubernetesPreview, diff: (request) => Promise.resolve(diffLive(request)) } : undefined);

function show(kind: Plan["kind"], target: ProjectStack, result: OperationResult, { style, diff, debug }: UpdateOptions, shown: readonly Finding[] = []): string {
  return resultLines(kind, target, result, { style, diff, debug, shown }).join("\n");
}

/** What a default provider would be configured with. */
function defaultConfiguration({ configuration }: ProjectStack): PropertyMap {
  return defaultProviderGoal({ name: "kubernetes", version: "", downloadUrl: "" }, configuration).inputs;
}

/** Every cluster that the state records must be the one that its configuration leads to now. */
async function checkClusters(target: ProjectStack, state: StackState, clusters: Clusters, statePath: string): Promise<void> {
  const owner = { stack: target.stack, statePath };
  const recorded = recordedClusters(state.resources);
  for (const { state: provider, uid } of recorded) {
    const { client, uid: found } = await clusters.of(provider.inputs);
    refuseOtherCluster(uid, found, client, owner);
  }
  // Nothing recorded yet: at least it must answer before anything else is asked of anyone.
  const { client, uid } = await clusters.of(defaultConfiguration(target));
  for (const { state: provider, uid: known } of recorded) if (/^default(_|$)/.test(nameOfProvider(provider))) refuseOtherCluster(known, uid, client, owner);
}

function nameOfProvider({ urn }: ResourceState): string {
  return urn.slice(urn.lastIndexOf("::") + 2);
}

/** Takes into the state what a killed run left open, and with `--refresh` what others changed. */
async function makeTrue(state: StackState, clusters: Clusters, { style, interrupts, refresh: wanted }: UpdateOptions, say: (line: string) => void): Promise<void> {
  const open = state.pending.filter(({ type }) => type === "creating").map(({ resource }) => resource);
  const found = await findInterrupted(open, state.resources, clusters, interrupts.signal);
  for (const { urn } of found) say(`${style("warn", "found:")} ${resourceTitle(urn)}, whose creation was interrupted`);
  state.resources.push(...found);
  state.pending = state.pending.filter(({ type }) => type !== "creating");
  if (!wanted) return;
  const { resources, gone, changed } = await refresh(state.resources, clusters, interrupts.signal);
  for (const { urn } of gone) say(`${style("warn", "gone:")} ${resourceTitle(urn)} is no longer in the cluster`);
  for (const { urn } of changed) say(`${style("warn", "drifted:")} ${resourceTitle(urn)} was changed by somebody else`);
  if (gone.length + changed.length === 0) say("No drift: the cluster is as the state says.");
  state.resources = resources;
}
