/** The Pulumi CLI's events as a result of this engine. */
import type { EngineEvent as CliEvent, PropertyDiff, StepEventMetadata } from "@pulumi/pulumi/automation/events.js";
import { describeError, UserError } from "./errors.ts";
import {
  type Diagnostic,
  type Finding,
  type Operation,
  type OperationResult,
  type PropertyChange,
  type PropertyMap,
  type Severity,
  type Step,
} from "./model.ts";
import { outcome } from "./plan.ts";
import { parseUrn } from "./urn.ts";

/** The CLI's error as one line, with what it says indented below (who holds a lock), and without the command's whole output. */
export function ownWords(error: unknown): string {
  const text = describeError(error instanceof Error ? new UserError(error.message) : error);
  const said = /error: (.*(?:\n[ \t]+(?!err\?:)\S.*)*)/.exec(text)?.[1] ?? text.split("\n")[0] ?? text;
  return said.replace(/\s*\n\s+/g, " ");
}

const operations: { readonly [op: string]: Operation } = {
  "read-replacement": "read",
  import: "read",
  "import-replacement": "read",
  discard: "delete",
  "discard-replaced": "delete-replaced",
  "remove-pending-replace": "delete-replaced",
};

/** Collects the events of one command. */
export class EventCollector {
  readonly #steps: Step[] = [];
  readonly #findings: Finding[] = [];
  readonly #diagnostics: Diagnostic[] = [];
  readonly #errors: string[] = [];
  #outputs: PropertyMap = {};

  take(event: CliEvent): void {
    const { resourcePreEvent, resOutputsEvent, policyEvent, diagnosticEvent } = event;
    if (resourcePreEvent !== undefined) this.#steps.push(stepOf(resourcePreEvent.metadata));
    if (resOutputsEvent !== undefined) this.#ended(resOutputsEvent.metadata);
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
    // Told by newer CLIs than the Automation API's types know.
    const { severity, exceptions = [] } = policyEvent as { severity?: Severity; exceptions?: readonly unknown[] };
    this.#findings.push({
      pack: policyEvent.policyPackName,
      packVersion: policyEvent.policyPackVersion,
      policy: policyEvent.policyName,
      // What is excepted doesn't stop the CLI, whatever its level.
      level: policyEvent.enforcementLevel === "mandatory" && exceptions.length === 0 ? "mandatory" : "advisory",
      ...(severity !== undefined && { severity }),
      urn: policyEvent.resourceUrn,
      message: plainText(policyEvent.message),
    });
  }

  /** A step has ended: what an update made is known only now. */
  #ended({ op, urn, type, new: made }: StepEventMetadata): void {
    const now = present(made);
    if (now === undefined) return;
    const outputs = propertiesOf(now.outputs);
    if (type === "pulumi:pulumi:Stack") this.#outputs = outputs;
    const step = this.#steps.find((each) => each.urn === urn && each.operation === operationOf(op));
    if (step === undefined) return;
    if (now.id !== "") step.id = now.id;
    if (step.after !== undefined) step.after.outputs = outputs;
  }

  /** The command failed. When a mandatory policy objected and nothing else went wrong, that is the reason. */
  failed(error: unknown): void {
    const problems = this.#diagnostics.filter(
      ({ severity, message }) => severity === "error" && !/^(preview|update) failed$/.test(message.trim()),
    );
    if (problems.length > 0) this.#errors.push(...problems.map(({ message }) => message.trim()));
    else if (outcome({ errors: [], findings: this.#findings }) === "clean")
      this.#errors.push(`The Pulumi CLI failed: ${ownWords(error)}`);
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

function operationOf(op: string): Operation {
  return operations[op] ?? (op as Operation);
}

/** The CLI writes null for what is not there, of which the Automation API's types do not know. */
function present<T>(value: T | null | undefined): T | undefined {
  return value ?? undefined;
}

function propertiesOf(value: Record<string, unknown> | null): PropertyMap {
  return (value ?? {}) as PropertyMap;
}

function stepOf({ op, urn, type, provider, ...told }: StepEventMetadata): Step {
  const [old, now, detailedDiff, diffs] = [present(told.old), present(told.new), present(told.detailedDiff), present(told.diffs)];
  const state = now ?? old;
  return {
    operation: operationOf(op),
    urn,
    type,
    name: parseUrn(urn).name,
    custom: state?.custom ?? false,
    parent: state?.parent === "" ? undefined : state?.parent,
    id: state?.id === "" ? undefined : state?.id,
    provider: provider === "" ? undefined : provider,
    protect: state?.protect ?? false,
    dependencies: [],
    before: old === undefined ? undefined : { inputs: propertiesOf(old.inputs), outputs: propertiesOf(old.outputs) },
    after: now === undefined ? undefined : { inputs: propertiesOf(now.inputs), outputs: propertiesOf(now.outputs) },
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
