/** The command line: `preview`, `up`, `destroy`. Each command takes options, runs over stacks, and ends with one of the exit statuses of `errors.ts`. */
import { writeFileSync } from "node:fs";
import { resolve } from "node:path";
import { createInterface } from "node:readline/promises";
import { Command, CommanderError, Option } from "commander";
import { describeError, ExitCode, Interrupted, systemCode, UserError } from "./errors.ts";
import { watchInterrupts } from "./interrupt.ts";
import { outliveReader } from "./outliveReader.ts";
import { exitCodeOf, type Plan, type PlanDocument } from "./plan.ts";
import { type Terminal } from "./progress.ts";
import { listStacks, loadProject, type Project, stackFile } from "./project.ts";
import { previewStack, type RunOptions } from "./stackRun.ts";
import { refuseOneFile } from "./policyReports.ts";
import { makeStyle, type Style, wantsColours } from "./style.ts";

/** Options as commander yields them. */
interface PreviewOptions {
  stack: string[];
  cwd: string;
  policyPack: string[];
  policyPackConfig: string[];
  report: string[];
  requirePolicy: boolean;
  json?: string;
  diff: boolean;
  state?: string;
  engine: "embedded" | "pulumi";
  debug: boolean;
}

interface ChangeOptions extends PreviewOptions {
  kubeconfig?: string;
  context?: string;
  refresh: boolean;
  yes: boolean;
}

const collect = (value: string, before: string[]): string[] => [...before, value];

function makeProgram(): Command {
  // Before the commands are made: they inherit it.
  const program = new Command("pulumi-embedded")
    .exitOverride()
    .description("Previews and updates the stacks of a Pulumi project, without the Pulumi CLI.");
  common(program.command("preview"))
    .description("Show what the stacks would become, and what the policies say about it.")
    .action(async (options: PreviewOptions) => {
      process.exitCode = await preview(options);
    });
  for (const [name, kind, description] of [
    ["up", "update", "Make a stack true: preview, policies, question, then the cluster, and a look at its health."],
    ["destroy", "destroy", "Delete everything that a stack has made."],
  ] as const) {
    common(program.command(name))
      .description(description)
      .option("--kubeconfig <file>", "how to reach the cluster (default: KUBECONFIG, else ~/.kube/config)")
      .option(
        "--context <name>",
        "context of the kubeconfig (default: the stack's clusterName if there is such a context, else the current one)",
      )
      .option("--refresh", "first compare the recorded objects with the cluster", false)
      .option("-y, --yes", "do not ask; nobody is asked either where there is no terminal", false)
      .action(async (options: ChangeOptions) => {
        process.exitCode = await change(kind, options);
      });
  }
  return program;
}

/** Options of every command. */
function common(command: Command): Command {
  return command
    .option("-s, --stack <name>", "the stack; previews take several (default: every Pulumi.<stack>.yaml)", collect, [])
    .option("-C, --cwd <folder>", "folder of the project", ".")
    .option("--policy-pack <folder>", "policy pack to run; may be repeated (default: policies)", collect, [])
    .option(
      "--policy-pack-config <file>",
      "configuration of the policy pack at the same place (default: config/<stack>.json of the pack)",
      collect,
      [],
    )
    .option("--json <file>", "also write the plan as JSON; docs/plan.schema.json describes it")
    .option(
      "--report <format=file>",
      "have the policy pack write a report, of previews and updates; may be repeated; {stack} in the file's name stands for the stack",
      collect,
      [],
    )
    .option("--require-policy", "fail where no policy pack has judged what is planned: for CI", false)
    .option("--diff", "show all properties", false)
    .option("--state <file>", "state file (default: .pulumi-local/<project>/<stack>.json)")
    .addOption(new Option("--engine <engine>", "who does the work").choices(["embedded", "pulumi"]).default("embedded"))
    .option("--debug", "show debug messages and stack traces", false);
}

async function preview(options: PreviewOptions): Promise<ExitCode> {
  const project = loadProject(options.cwd);
  const stacks = chooseStacks(project, options);
  const style = makeStyle(wantsColours(process.stdout, process.env));
  const interrupts = watchInterrupts((signal) => process.stderr.write(`\n${signal}: stopping\n`));
  try {
    const plans =
      options.engine === "pulumi"
        ? await (await import("./commandPulumi.ts")).previewByCli(stacks, runOptions(project, options, style, interrupts))
        : await previewAll(project, stacks, options, style, interrupts);
    if (options.json !== undefined) writePlans(options.json, plans);
    if (plans.length > 1) process.stdout.write(`${overview(plans, style).join("\n")}\n`);
    return exitCodeOf(plans.map(({ result }) => result));
  } finally {
    interrupts.dispose();
  }
}

/** One stack at a time: what one changes, another may rest on. */
async function change(kind: "update" | "destroy", options: ChangeOptions): Promise<ExitCode> {
  const project = loadProject(options.cwd);
  const [stack, ...others] = chooseStacks(project, options);
  if (stack === undefined || others.length > 0)
    throw new UserError(`This changes one stack, and there are ${others.length + 1}.`, "Name it with --stack.");
  if (kind === "destroy" && options.report.length > 0)
    throw new UserError("Nothing is judged when a stack is destroyed, so there is nothing to report.", "Leave out --report.");
  const style = makeStyle(wantsColours(process.stdout, process.env));
  const interrupts = watchInterrupts((signal) =>
    process.stderr.write(`\n${signal}: stopping; what is under way is recorded first\n`),
  );
  try {
    // Loaded only here: previews need no cluster, and most runs no Automation API.
    const changeBy = options.engine === "pulumi" ? (await import("./commandPulumi.ts")).changeByCli : (await import("./stackUpdate.ts")).changeStack;
    const plan = await changeBy(kind, stack, {
      ...runOptions(project, options, style, interrupts),
      kubeconfig: options.kubeconfig,
      context: options.context,
      refresh: options.refresh,
      confirm: (question) => confirm(question, options.yes, interrupts.signal),
    });
    if (options.json !== undefined) writePlans(options.json, [plan]);
    return exitCodeOf([plan.result]);
  } finally {
    interrupts.dispose();
  }
}

async function confirm(question: string, yes: boolean, signal: AbortSignal): Promise<boolean> {
  if (yes || !process.stdin.isTTY || !process.stdout.isTTY) return true;
  const lines = createInterface({ input: process.stdin, output: process.stdout });
  try {
    return /^y(es)?$/i.test((await lines.question(`${question} [y/N] `, { signal })).trim());
  } finally {
    lines.close();
  }
}

/** What all commands tell an operation. */
function runOptions(
  project: Project,
  options: PreviewOptions,
  style: Style,
  interrupts: ReturnType<typeof watchInterrupts>,
): RunOptions {
  return {
    project,
    policyPacks: options.policyPack,
    policyPackConfigs: options.policyPackConfig,
    reports: options.report,
    requirePolicy: options.requirePolicy,
    statePath: options.state === undefined ? undefined : resolve(options.state),
    diff: options.diff,
    debug: options.debug,
    env: process.env,
    terminal: standardOutput,
    style,
    interrupts,
  };
}

async function previewAll(
  project: Project,
  stacks: readonly string[],
  options: PreviewOptions,
  style: Style,
  interrupts: ReturnType<typeof watchInterrupts>,
): Promise<Plan[]> {
  const plans: Plan[] = [];
  for (const stack of stacks) {
    process.stdout.write(`${style("strong", `Previewing ${project.name}/${stack}`)}\n\n`);
    plans.push(await previewStack(stack, runOptions(project, options, style, interrupts)));
  }
  return plans;
}

function chooseStacks(project: Project, { stack, state, report }: PreviewOptions): string[] {
  const stacks = stack.length > 0 ? stack : listStacks(project);
  if (stacks.length === 0)
    throw new UserError(
      `The project ${project.name} has no stacks: there is no Pulumi.<stack>.yaml in ${project.stackDirectory}.`,
    );
  if (state !== undefined && stacks.length > 1)
    throw new UserError(
      `--state names one file, and there are ${stacks.length} stacks.`,
      "Name one stack with --stack.",
    );
  refuseOneFile(report, stacks);
  // A mistyped name is told before the first stack takes its time.
  for (const name of stacks) stackFile(project, name);
  return stacks;
}

function writePlans(path: string, plans: Plan[]): void {
  const document: PlanDocument = { version: 1, plans };
  try {
    writeFileSync(path, `${JSON.stringify(document, null, 2)}\n`);
  } catch (cause) {
    throw new UserError(`The plan could not be written to ${path}: ${systemCode(cause) ?? String(cause)}.`, undefined, {
      cause,
    });
  }
}

function overview(plans: readonly Plan[], style: Style): string[] {
  const words = {
    clean: style("good", "ok"),
    violation: style("bad", "blocked by policy"),
    error: style("bad", "failed"),
  };
  const width = Math.max(...plans.map(({ stack }) => stack.length));
  return [
    style("strong", "All stacks:"),
    ...plans.map(({ stack, result }) => `  ${stack.padEnd(width)}  ${words[result]}`),
  ];
}

const standardOutput: Terminal = {
  write: (text) => void process.stdout.write(text),
  get isTTY() {
    return process.stdout.isTTY;
  },
  get columns() {
    return process.stdout.columns;
  },
};

outliveReader();
try {
  await makeProgram().parseAsync();
} catch (error) {
  if (error instanceof CommanderError) process.exitCode = error.exitCode === 0 ? ExitCode.clean : ExitCode.error;
  else if (error instanceof Interrupted) process.exitCode = ExitCode.interrupted;
  else {
    process.stderr.write(`${describeError(error, process.argv.includes("--debug"))}\n`);
    process.exitCode = ExitCode.error;
  }
}
