/** Releases, as the ledger's entries tell them. */
import type { Entry } from "../ledger/schema.ts";

/**
 * How a release stands: `released`: it has or had all traffic and passed its watch; `taken-back`: it lost the traffic, or its chance of it, to
 * the version before; `failed`: it ended before it got there; `open`: it goes on, or was interrupted.
 */
export type Outcome = "released" | "taken-back" | "failed" | "open";

/** One release. Times are RFC 3339. */
export interface Release {
  /** 1 for the stack's first: what `rollback --to` takes. */
  readonly number: number;
  readonly id: string;
  readonly stack: string;
  readonly image: string;
  readonly reason: "planned" | "incident";
  readonly started: string;
  /** When the commit was made. */
  readonly committed: string | undefined;
  /** When it first got users' traffic. */
  readonly live: string | undefined;
  /** When it passed its watch. */
  readonly promoted: string | undefined;
  /** When users first got bad answers, if that is known. */
  readonly hurtSince: string | undefined;
  /** When it was taken back. */
  readonly restored: string | undefined;
  readonly outcome: Outcome;
  /** What it does to the database's schema, as it declared. */
  readonly schema: "none" | "expand" | "migrate" | "contract";
  /** Why it ended as it did, or else why it was started. */
  readonly why: string | undefined;
  /** Pseudonyms of who started it. */
  readonly who: readonly string[];
  /** Its entries, by number. */
  readonly entries: readonly number[];
}

type Open = { -readonly [K in keyof Release]: Release[K] };

/** Reads releases out of entries, given one by one in the ledger's order. Entries of a release whose start is not there are passed over. */
export class ReleaseReader {
  readonly #releases = new Map<string, Open>();
  readonly #counts = new Map<string, number>();

  add(entry: Entry): void {
    if (entry.kind === "release-started") this.#start(entry);
    else if (entry.release !== undefined) {
      const release = this.#releases.get(`${entry.stack}/${entry.release}`);
      if (release !== undefined) follow(release, entry);
    }
  }

  /** The releases so far, oldest first. */
  releases(): readonly Release[] {
    return [...this.#releases.values()];
  }

  #start(entry: Extract<Entry, { kind: "release-started" }>): void {
    const number = (this.#counts.get(entry.stack) ?? 0) + 1;
    this.#counts.set(entry.stack, number);
    this.#releases.set(`${entry.stack}/${entry.release}`, {
      number,
      id: entry.release,
      stack: entry.stack,
      image: entry.what.image,
      reason: entry.data.reason,
      started: entry.when,
      committed: entry.data.committed,
      live: undefined,
      promoted: undefined,
      hurtSince: undefined,
      restored: undefined,
      outcome: "open",
      schema: entry.data.schema ?? "none",
      why: entry.why,
      who: [entry.who.git, entry.who.ci].filter((id) => id !== undefined),
      entries: [entry.seq],
    });
  }
}

function follow(release: Open, entry: Exclude<Entry, { kind: "release-started" }>): void {
  release.entries = [...release.entries, entry.seq];
  switch (entry.kind) {
    case "switched":
      release.live ??= entry.when;
      break;
    case "bake-decision":
      if (entry.data.decision === "roll-back") release.why = entry.data.because;
      break;
    case "promoted":
      release.live ??= entry.when;
      release.promoted = entry.when;
      release.outcome = "released";
      break;
    case "rolled-back":
      release.restored = entry.when;
      release.hurtSince = entry.data.hurtSince;
      release.outcome = "taken-back";
      release.why = entry.why ?? release.why;
      break;
    case "failed":
      // What was taken back says more than that the command then ended with an error.
      if (release.outcome === "open") release.outcome = "failed";
      release.why = entry.data.because;
      break;
    case "deployed":
    case "verified":
    case "gate-verdict":
    case "approval":
    case "evidence-signed":
    case "bake-sample":
    case "override":
    case "freeze":
    case "resumed":
      break;
  }
}
