/** One `up` of a stack, by the embedded engine, in this process: who ends this process ends it too. */
import { Interrupted } from "../engine/errors.ts";
import type { InterruptWatch } from "../engine/interrupt.ts";
import type { Terminal } from "../engine/progress.ts";
import type { Plan } from "../engine/plan.ts";
import { makeStyle } from "../engine/style.ts";
import type { SlotSettings } from "./slots.ts";
import type { Stack } from "./stack.ts";
import { type ImageSettings, writeSettings } from "./stackSettings.ts";

/** How to run it. */
export interface UpdateOptions {
  readonly interrupts: InterruptWatch;
  /** Shows everything that the engine prints, as it comes. */
  readonly verbose: boolean;
  /** Goes without a preview: what is restored was judged when it was released. @default false */
  readonly skipPreview?: boolean;
  /** Told each line that the engine prints while it waits. */
  readonly onLine?: (line: string) => void;
}

/** How it ended. */
export interface Updated {
  readonly result: Plan["result"];
  /** Why not, for people; empty when it is clean. */
  readonly problems: readonly string[];
  /** Everything that the engine has printed. */
  readonly output: string;
  /** What the policy packs said, and proof that they ran. */
  readonly policies: Plan["policies"];
}

/** Makes settings true: what a release needs of an engine. They are in the stack's file before anything else is done. */
export type Deploy = (settings: SlotSettings | ImageSettings, options: UpdateOptions) => Promise<Updated>;

/** An update under way. */
export interface StartedUpdate {
  /** Rejects only when it was stopped, or with what nobody foresaw. */
  readonly ended: Promise<Updated>;
  /** Ends it; resolves once it has, however. */
  readonly stop: () => Promise<void>;
}

/**
 * Begins to make settings true.
 * @param signal stops it too
 */
export function startUpdate(deploy: Deploy, settings: SlotSettings | ImageSettings, options: UpdateOptions, signal: AbortSignal): StartedUpdate {
  const stopping = new AbortController();
  const interrupts: InterruptWatch = { ...options.interrupts, signal: AbortSignal.any([options.interrupts.signal, signal, stopping.signal]) };
  const ended = deploy(settings, { ...options, interrupts });
  ended.catch(() => undefined); // whoever awaits it is told
  return {
    ended,
    stop: async () => {
      stopping.abort(new Interrupted("SIGTERM"));
      await ended.catch(() => undefined); // it was asked to
    },
  };
}

/** Deploys by the engine that has the stack: the embedded one, in this process, or the Pulumi CLI. */
export function engineOf(stack: Stack): Deploy {
  return async (settings, options) => await updateStack(stack, settings, options);
}

async function updateStack({ choice, project, file, engine }: Stack, settings: SlotSettings | ImageSettings, { interrupts, verbose, skipPreview = false, onLine }: UpdateOptions): Promise<Updated> {
  writeSettings(file, project.name, settings);
  let output = "";
  const terminal: Terminal = {
    write: (text) => {
      output += text;
      if (verbose) process.stderr.write(text);
      if (onLine !== undefined) for (const line of text.split("\n")) if (line.trim() !== "") onLine(line);
    },
    isTTY: false,
    columns: 120,
  };
  // Not before it is needed: a roll-back moves the traffic first.
  const change = engine === "pulumi" ? (await import("../engine/commandPulumi.ts")).changeByCli : (await import("../engine/stackUpdate.ts")).changeStack;
  const plan = await change("update", choice.stack, {
    project,
    // None named: the project's own, as `up` takes it.
    policyPacks: [],
    policyPackConfigs: [],
    diff: false,
    debug: false,
    env: choice.env,
    terminal,
    style: makeStyle(false),
    interrupts,
    refresh: false,
    skipPreview,
    confirm: () => Promise.resolve(true),
    ...(choice.kubeconfig !== undefined && { kubeconfig: choice.kubeconfig }),
    ...(choice.context !== undefined && { context: choice.context }),
  });
  const objections = plan.policies.findings.filter(({ level }) => level === "mandatory").map(({ policy, message }) => `${policy}: ${message}`);
  return { result: plan.result, problems: [...plan.errors, ...objections], output, policies: plan.policies };
}
