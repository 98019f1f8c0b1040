/** What every step of a release works with. */
import type { Draft } from "../ledger/schema.ts";
import type { BakeRules } from "./bakeRules.ts";
import { openSource, type Source } from "./bakeSource.ts";
import type { ExitCode } from "./exitCodes.ts";
import { mapAt, textAt } from "./kubernetes.ts";
import type { Lease } from "./lease.ts";
import type { Switch } from "./liveSlot.ts";
import type { Tell } from "./releaseEvents.ts";
import type { ReleaseRecord } from "./releaseRecord.ts";
import type { BegunFreeze } from "./freeze.ts";
import type { Release } from "./releases.ts";
import type { Running, Stack } from "./stack.ts";
import type { Deploy, UpdateOptions } from "./stackUpdate.ts";

/** Draft of a ledger entry, without what every entry of a release has. */
export type Note = { [K in Draft["kind"]]: Omit<Extract<Draft, { kind: K }>, "stack" | "release" | "who"> }[Draft["kind"]];

/** What the ledger knew when the command began. */
export interface History {
  /** Of all stacks, oldest first. */
  readonly releases: readonly Release[];
  /** The freeze of this stack that a command has begun. */
  readonly freeze: BegunFreeze | undefined;
}

/** Of a blue-green stack, unless its type says otherwise. */
export interface ReleaseContext<What = Running> {
  readonly stack: Stack;
  readonly running: What;
  readonly lease: Lease;
  readonly deploy: Deploy;
  readonly update: UpdateOptions;
  readonly tell: Tell;
  readonly history: History;
  /** Records an entry of the release; returns when it is on the disk. */
  readonly note: (release: string, note: Note) => void;
}

/** How it ended. */
export interface Ended {
  readonly exitCode: ExitCode;
  readonly record: ReleaseRecord;
}

/** Aborted when the command is to stop: somebody asked for it, or the lease was lost. */
export const stopSignal = ({ lease, update }: Pick<ReleaseContext, "lease" | "update">): AbortSignal => AbortSignal.any([lease.lost, update.interrupts.signal]);

export const switchOf = ({ stack, running }: ReleaseContext): Switch => ({ client: stack.cluster.client, liveService: running.liveService, manager: running.manager });

export function sourceOf(context: ReleaseContext): Source {
  const { stack, running } = context;
  return openSource({
    client: stack.cluster.client,
    namespace: running.namespace,
    app: textAt(mapAt(running.liveService, "spec", "selector"), "app"),
    prometheus: running.prometheus,
    signal: stopSignal(context),
  });
}

/** The rules in force. */
export const rulesOf = ({ running }: ReleaseContext): BakeRules => running.bake;

export const secondsSince = (begun: number): string => ((performance.now() - begun) / 1000).toFixed(1);
/** The first line that says something; a resource by its name, as its URN takes a line by itself. */
export function firstLine(text: string): string {
  const lines = text.split("\n").map((line) => line.trim()).filter((line) => line !== "");
  // The Pulumi CLI's provider lists what it has found; that the object was made is no reason.
  const listed = /^\d+ errors? occurred:$/.test(lines[0] ?? "") ? lines.slice(1).map((line) => line.replace(/^\* /, "")).filter((line) => !line.includes("failed to fully initialize or become live")) : [];
  return (listed.length > 0 ? listed.join("; ") : (lines[0] ?? text)).replace(/urn:pulumi:\S*::([^\s:]+)/g, "$1");
}
