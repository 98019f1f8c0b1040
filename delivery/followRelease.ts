/** Following a release that somebody else makes, by what the cluster knows of it. */
import { setTimeout as delay } from "node:timers/promises";
import { type ExitCode, exitCodes } from "./exitCodes.ts";
import { isUnfinished, type ReleaseRecord } from "./releaseRecord.ts";
import type { CanaryStatus } from "./canaryStatus.ts";
import type { StackStatus } from "./stackStatus.ts";

/** The status of a stack of either kind. */
type Status = StackStatus | CanaryStatus;

/**
 * Tells each change until no release is under way.
 * @param look gives the status
 * @param onChange told the first status and every one that differs in more than its counts
 * @param pauseMs between two looks
 * @returns the exit status that says how the release ended; `done` where there was none
 */
export async function followRelease<Seen extends Status>(look: () => Promise<Seen>, onChange: (status: Seen) => void, signal: AbortSignal, pauseMs = 1000): Promise<ExitCode> {
  let before = "";
  for (;;) {
    const status = await look();
    const facts = JSON.stringify(factsOf(status));
    if (facts !== before) onChange(status);
    before = facts;
    // One that was broken off goes nowhere until somebody comes.
    if (status.release === null || !isUnfinished(status.release) || status.holder === null) return endOf(status.release);
    await delay(pauseMs, undefined, { signal });
  }
}

function factsOf(status: Status): unknown[] {
  const { holder, release } = status;
  const common = [holder, release?.id, release?.phase];
  if ("slots" in status) return [...common, status.live, status.slots.map(({ slot, image, ready, wanted, restarts }) => [slot, image, ready, wanted, restarts])];
  const { image, phase, failedChecks, gates } = status;
  return [...common, image, phase, failedChecks, gates.unread, gates.words.map(({ gate, hook, outcome, reason }) => [gate, hook, outcome, reason])];
}

function endOf(release: ReleaseRecord | null): ExitCode {
  if (release === null || release.phase === "released") return exitCodes.done;
  if (release.phase === "taken-back") return exitCodes.takenBack;
  return release.phase === "failed" ? exitCodes.notVerified : exitCodes.failed;
}
