/** The plan as a JSON document, for `--json FILE`. Its schema is `docs/plan.schema.json`. */
import {
  type Diagnostic,
  type Finding,
  type Operation,
  type OperationResult,
  type PackRun,
  type ProjectStack,
  type PropertyChange,
  type Remediation,
  type Step,
} from "./model.ts";
import { type ExitCode, ExitCode as Exit } from "./errors.ts";
import { type Plain, masker, plainMap, plainValue } from "./plain.ts";
import { isDefaultProvider } from "./urn.ts";

/** The whole document: one plan for each stack, in the order they were made. */
export interface PlanDocument {
  version: 1;
  plans: Plan[];
}
/** What one stack would become, or became. */
export interface Plan {
  kind: "preview" | "update" | "destroy";
  organization: string;
  project: string;
  stack: string;
  /** `clean`: nothing objects; `violation`: a mandatory policy does; `error`: the plan is incomplete. */
  result: "clean" | "violation" | "error";
  durationMs: number;
  /** Number of resources by what happens to them; a replacement counts once. */
  summary: { [operation in "create" | "update" | "replace" | "delete" | "read" | "same"]: number };
  steps: PlannedStep[];
  outputs: { [name: string]: Plain };
  policies: { packs: PackRun[]; findings: Finding[]; remediations: PlannedRemediation[] };
  diagnostics: Diagnostic[];
  errors: string[];
}
export interface PlannedChange {
  path: string;
  kind: PropertyChange["kind"];
  replaces: boolean;
  before?: Plain;
  after?: Plain;
}
export interface PlannedRemediation {
  pack: string;
  policy: string;
  urn: string;
  changes: PlannedChange[];
}
export interface PlannedStep {
  operation: Operation;
  urn: string;
  type: string;
  name: string;
  custom: boolean;
  parent?: string;
  id?: string;
  provider?: string;
  protect: boolean;
  dependencies: string[];
  /** Inputs after the step; before it, for a delete. Secrets read "[secret]", unknown values "[unknown]". */
  inputs: { [property: string]: Plain };
  changes: PlannedChange[];
  replaceReasons: string[];
  note?: string;
}

/** Makes the plan of one operation. */
export function makePlan(kind: Plan["kind"], target: ProjectStack, result: OperationResult): Plan {
  const { organization, project, stack } = target;
  const mask = masker(target.configuration.secretTexts ?? []);
  return {
    kind,
    organization,
    project,
    stack,
    result: outcome(result),
    durationMs: Math.round(result.durationMs),
    summary: summarize(result.steps),
    steps: result.steps.map(plannedStep),
    outputs: plainMap(result.outputs),
    policies: {
      packs: result.packs,
      findings: result.findings.map((finding) => ({ ...finding, message: mask(finding.message) })),
      remediations: result.remediations.map(plannedRemediation),
    },
    diagnostics: result.diagnostics.map((diagnostic) => ({ ...diagnostic, message: mask(diagnostic.message) })),
    errors: result.errors.map(mask),
  };
}

/** How an operation ended. An error goes before a violation: what was not planned was not judged. */
export function outcome(result: Pick<OperationResult, "errors" | "findings">): Plan["result"] {
  if (result.errors.length > 0) return "error";
  return result.findings.some(({ level }) => level === "mandatory") ? "violation" : "clean";
}

/** The exit status of several plans: the worst, where an error is worse than a violation. */
export function exitCodeOf(results: readonly Plan["result"][]): ExitCode {
  if (results.includes("error")) return Exit.error;
  return results.includes("violation") ? Exit.violation : Exit.clean;
}

/** Counts resources by what happens to them; default providers are nobody's and do not count. */
export function summarize(all: readonly Pick<Step, "operation" | "urn">[]): Plan["summary"] {
  const steps = all.filter(({ urn }) => !isDefaultProvider(urn));
  const summary = { create: 0, update: 0, replace: 0, delete: 0, read: 0, same: 0 };
  const replaced = new Set(steps.filter(({ operation }) => isReplacement(operation)).map(({ urn }) => urn));
  summary.replace = replaced.size;
  for (const { operation } of steps)
    if (operation in summary && operation !== "replace") summary[operation as keyof typeof summary]++;
  return summary;
}

/** True for the steps that together make a replacement. */
export function isReplacement(operation: Operation): boolean {
  return operation === "replace" || operation === "create-replacement" || operation === "delete-replaced";
}

function plannedStep(step: Step): PlannedStep {
  const { operation, urn, type, name, custom, parent, id, provider, protect, dependencies, replaceReasons, note } =
    step;
  return {
    operation,
    urn,
    type,
    name,
    custom,
    parent,
    id,
    provider,
    protect,
    dependencies,
    inputs: plainMap((step.after ?? step.before)?.inputs ?? {}),
    changes: step.changes.map(plannedChange),
    replaceReasons,
    note,
  };
}

function plannedRemediation({ pack, policy, urn, changes }: Remediation): PlannedRemediation {
  return { pack, policy, urn, changes: changes.map(plannedChange) };
}

function plannedChange({ path, kind, replaces, before, after }: PropertyChange): PlannedChange {
  return {
    path,
    kind,
    replaces,
    before: before === undefined ? undefined : plainValue(before),
    after: after === undefined ? undefined : plainValue(after),
  };
}
