/** What an engine has recorded of a stack: the embedded one in its file, Pulumi's own in its backend. */
import { existsSync } from "node:fs";
import { loadConfiguration, readStackFile } from "../engine/configuration.ts";
import type { ResourceState } from "../engine/model.ts";
import type { Project } from "../engine/project.ts";
import { loadState } from "../engine/state.ts";
import { defaultStatePath } from "../engine/stateFile.ts";

/** Who makes a stack true. */
export type EngineName = "embedded" | "pulumi";

export interface Recorded {
  readonly engine: EngineName;
  readonly resources: readonly ResourceState[];
  /** The stack's configuration, by key with namespace. */
  readonly values: Readonly<Record<string, string>>;
  /** Where it is, for people. */
  readonly place: string;
}

export interface RecordedChoice {
  readonly project: Project;
  readonly stack: string;
  /** undefined: the embedded engine where it has a state of the stack or no CLI is there, else the CLI. */
  readonly engine: EngineName | undefined;
  readonly env: NodeJS.ProcessEnv;
  readonly signal: AbortSignal;
}

/**
 * Reads the record.
 * @throws UserError when it can't be read, or the CLI is asked for and is not there
 */
export async function readRecorded(choice: RecordedChoice): Promise<Recorded> {
  const { project, stack, engine } = choice;
  const place = defaultStatePath(project.root, project.name, stack);
  if (engine === "pulumi") return await byCli(choice);
  if (engine === "embedded" || existsSync(place)) return await byFile(choice, place);
  const { NoCliStack } = await import("../engine/automation.ts");
  try {
    return await byCli(choice);
  } catch (error) {
    // A CLI that knows the stack and can't read it is told of: beside it, the stack would seem to be new.
    if (!(error instanceof NoCliStack)) throw error;
    return await byFile(choice, place);
  }
}

async function byFile({ project, stack, env }: RecordedChoice, place: string): Promise<Recorded> {
  const { values } = await loadConfiguration(project, stack, env);
  const { resources } = await loadState(place, env, readStackFile(project, stack).salt);
  return { engine: "embedded", resources, values, place };
}

async function byCli({ project, stack, signal }: RecordedChoice): Promise<Recorded> {
  const { CliStack } = await import("../engine/automation.ts");
  const terminal = { write: () => undefined, isTTY: false, columns: 80 };
  const opened = await CliStack.open(project, stack, { packs: [], environment: {}, diff: false, debug: false, refresh: false, terminal, signal });
  const [resources, values] = await Promise.all([opened.resources(), opened.configuration()]);
  return { engine: "pulumi", resources, values, place: "the Pulumi CLI's backend" };
}
