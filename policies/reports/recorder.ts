/** Collects what the policies say while a pack serves Pulumi, and writes the reports that are asked for. */
import { containersOf, podOf } from "../kubernetes/pods.ts";
import type { Verdict } from "../evaluate.ts";
import type { Resource } from "../resource.ts";
import type { Rule } from "../rule.ts";
import { known, text } from "../value.ts";
import { reportFinding, type Report, type ReportFinding, type ReportImage } from "./report.ts";
import { writeReport, type ReportTarget } from "./targets.ts";

/** How long nothing may be asked before what is known so far is written, in milliseconds: a run that ends early leaves a report too. */
const QUIET_MS = 250;

/** Which resources run which images. */
export class ImageUses {
  readonly #users = new Map<string, Set<string>>();

  add(resource: Resource): void {
    for (const image of known(() => imagesOf(resource)) ?? []) {
      const users = this.#users.get(image);
      if (users) users.add(resource.id);
      else this.#users.set(image, new Set([resource.id]));
    }
  }

  /** In order of names. */
  list(): ReportImage[] {
    return [...this.#users].map(([image, users]) => ({ image, resources: [...users].sort() })).toSorted((a, b) => (a.image < b.image ? -1 : 1));
  }
}

/** Verdicts by rule and resource; the latest counts, where one is judged again. */
export class Recorder {
  readonly images = new ImageUses();
  readonly #resources = new Set<string>();
  readonly #findings = new Map<string, readonly ReportFinding[]>();

  /** A resource that is judged. */
  resource(resource: Resource): void {
    this.#resources.add(resource.id);
    this.images.add(resource);
  }

  /** What one rule says of a resource, or of the whole stack where none is given. */
  verdicts(rule: Rule, resource: Resource | undefined, verdicts: readonly Verdict[]): void {
    const key = `${rule.id} ${resource?.id ?? ""}`;
    if (verdicts.length > 0) this.#findings.set(key, verdicts.map(reportFinding));
    else this.#findings.delete(key);
  }

  /** Number of resources judged. */
  get resources(): number {
    return this.#resources.size;
  }

  get findings(): ReportFinding[] {
    return [...this.#findings.values()].flat();
  }
}

function imagesOf(resource: Resource): string[] {
  const pod = podOf(resource);
  return pod ? containersOf(pod).map(({ spec }) => text(spec, "image")).filter((image) => image !== undefined) : [];
}

/** Writes the same reports again and again, as more becomes known. */
export class ReportWriter {
  readonly #targets: readonly ReportTarget[];
  readonly #make: (complete: boolean) => Report;
  #timer: NodeJS.Timeout | undefined;
  #pending = false;

  /** @param make the report as things stand; `complete` when the stack has been judged as a whole */
  constructor(targets: readonly ReportTarget[], make: (complete: boolean) => Report) {
    this.#targets = targets;
    this.#make = make;
  }

  /** Something was judged: writes once there is quiet. */
  readonly soon = (): void => {
    this.#pending = true;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.last(), QUIET_MS).unref();
  };

  /** The whole stack was judged. @throws {ReportError} */
  readonly now = (): void => {
    clearTimeout(this.#timer);
    this.#pending = false;
    this.#write(true);
  };

  /** Writes what is not written yet, when nobody is there to be told of an error but the terminal. */
  readonly last = (): void => {
    if (!this.#pending) return;
    this.#pending = false;
    try {
      this.#write(false);
    } catch (error) {
      process.stderr.write(`error: the policy report ${error instanceof Error ? error.message : String(error)}\n`);
      process.exitCode = 1;
    }
  };

  #write(complete: boolean): void {
    const report = this.#make(complete);
    for (const target of this.#targets) writeReport(target, report);
  }
}
