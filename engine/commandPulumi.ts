/** `preview`, `up` and `destroy` with `--engine pulumi`: what the embedded engine does, in the same order, done by the CLI. */
import { resolve } from "node:path";
import { type CliOptions, type CliRun, CliStack } from "./automation.ts";
import { describeError, UserError } from "./errors.ts";
import { Clusters } from "./kubernetes/clusters.ts";
import { namesService, showHealth } from "./kubernetes/health.ts";
import { makePlan, type Plan } from "./plan.ts";
import { PolicyReports } from "./policyReports.ts";
import { choosePacks, emptyResult, identify, type RunOptions } from "./stackRun.ts";
import type { UpdateOptions } from "./stackUpdate.ts";

/**
 * Previews stacks, one after the other.
 * @throws UserError for options that only the embedded engine has, and as `CliStack.open`
 */
export async function previewByCli(stacks: readonly string[], options: RunOptions): Promise<Plan[]> {
  refuseEmbeddedOnly(options);
  const plans: Plan[] = [];
  for (const stack of stacks) {
    const { settings, reports } = prepare(stack, options, false);
    const { plan } = await (await CliStack.open(options.project, stack, settings)).run("preview");
    plans.push(withReports(plan, reports));
  }
  return plans;
}

/**
 * Makes a stack true, or takes it down: previewed and judged first, and asked about. Problems of the stack are part of the plan, not thrown.
 * @throws UserError for options that only the embedded engine has, and as `CliStack.open`
 */
export async function changeByCli(kind: "update" | "destroy", name: string, options: UpdateOptions): Promise<Plan> {
  const { project, terminal, style } = options;
  refuseEmbeddedOnly(options);
  if (options.context !== undefined)
    throw new UserError(
      "--context is for the embedded engine; the Pulumi CLI's provider takes the kubeconfig's current context.",
      `Leave it out, and set the context for good: pulumi config set kubernetes:context ${options.context} --stack ${name}.`,
    );
  const { settings, reports } = prepare(name, options, options.refresh);
  const stack = await CliStack.open(project, name, settings);
  if (options.kubeconfig !== undefined && (await stack.cluster()).kubeconfig !== undefined)
    throw new UserError(
      `--kubeconfig is given, and the stack ${name} has kubernetes:kubeconfig, which goes first with the Pulumi CLI.`,
      "Leave out one of them.",
    );
  if (kind === "update" && options.skipPreview !== true) {
    const { plan } = await stack.run("preview");
    if (plan.result !== "clean") {
      terminal.write(`${style("bad", "Nothing was changed.")}\n`);
      return withReports({ ...plan, kind, steps: [] }, reports);
    }
  }
  const question = kind === "update" ? `Make this true in ${name}?` : `Delete the ${await stack.size()} resources of ${name}?`;
  if (!(await options.confirm(question))) {
    terminal.write("Nothing was changed.\n");
    return makePlan(kind, identify(project, name), emptyResult);
  }
  const run = await stack.run(kind);
  if (kind === "update" && run.plan.result === "clean") await lookAtHealth(stack, run, options);
  return kind === "update" ? withReports(run.plan, reports) : run.plan;
}

function refuseEmbeddedOnly({ statePath, requirePolicy }: RunOptions): void {
  if (statePath !== undefined)
    throw new UserError(
      "--state names a file of the embedded engine; the Pulumi CLI keeps the state in its own backend.",
      "Leave out --state.",
    );
  if (requirePolicy === true)
    throw new UserError(
      "--require-policy is for the embedded engine; the Pulumi CLI does not tell what a policy pack saw.",
      "Leave it out and ask for --report json=FILE instead, which the pack writes: it has judged all when the file says complete: true.",
    );
}

/** What the CLI is told, and the reports that the pack is asked for. */
function prepare(stack: string, options: RunOptions & Pick<Partial<UpdateOptions>, "kubeconfig">, refresh: boolean): { settings: CliOptions; reports: PolicyReports } {
  const { project, policyPacks, policyPackConfigs, diff, debug, terminal, interrupts, kubeconfig } = options;
  const packs = choosePacks(project, stack, policyPacks, policyPackConfigs);
  const reports = new PolicyReports(options.reports ?? [], stack, packs.length);
  const environment = { ...reports.environment(packs[0]?.configPath), ...(kubeconfig !== undefined && { KUBECONFIG: resolve(kubeconfig) }) };
  return { settings: { packs, environment, diff, debug, refresh, terminal, signal: interrupts.signal }, reports };
}

/** A report that was asked for and is not there makes it fail. */
function withReports(plan: Plan, reports: PolicyReports): Plan {
  const missing = plan.result === "error" ? [] : reports.missing();
  for (const problem of missing) process.stderr.write(`error: ${problem}\n`);
  return missing.length === 0 ? plan : { ...plan, result: "error", errors: [...plan.errors, ...missing] };
}

/** The stack is true by now: that its services can't be asked does not make the update fail. */
async function lookAtHealth(stack: CliStack, { outputs }: CliRun, options: UpdateOptions): Promise<void> {
  if (!namesService(outputs)) return;
  const { kubeconfig, context } = await stack.cluster();
  const clusters = new Clusters({ choice: { kubeconfig: options.kubeconfig ?? kubeconfig, context }, env: options.env, signal: options.interrupts.signal });
  try {
    await showHealth(await clusters.of({}), outputs, options);
  } catch (error) {
    options.interrupts.signal.throwIfAborted();
    options.terminal.write(`${options.style("warn", "The services' health can't be asked:")} ${describeError(error, options.debug)}\n`);
  } finally {
    await clusters.close();
  }
}
