/** Following a release that somebody else makes, by what the cluster knows of it. */
import { setTimeout as delay } from "node:timers/promises";
import { type ExitCode, exitCodes } from "./exitCodes.ts";
import { isUnfinished, type ReleaseRecord } from "./releaseRecord.ts";
import { type StackStatus } from "./stackStatus.ts";

/**
 * Tells each change until no release is under way.
 * @param look gives the status
 * @param onChange told the first status and every one that differs in more than its counts
 * @param pauseMs between two looks
 * @returns the exit status that says how the release ended; `done` where there was none
 */
export async function followRelease(look: () => Promise<StackStatus>, onChange: (status: StackStatus) => void, signal: AbortSignal, pauseMs = 1000): Promise<ExitCode> {
  let before = "";
  for (;;) {
    const status = await look();
    const facts = factsOf(status);
    if (facts !== before) onChange(status);
    before = facts;
    // One that was broken off goes nowhere until somebody comes.
    if (status.release === null || !isUnfinished(status.release) || status.holder === null) return endOf(status.release);
    await delay(pauseMs, undefined, { signal });
  }
}

function factsOf({ live, slots, holder, release }: StackStatus): string {
  return JSON.stringify([live, holder, release?.id, release?.phase, slots.map(({ slot, image, ready, wanted, restarts }) => [slot, image, ready, wanted, restarts])]);
}

function endOf(release: ReleaseRecord | null): ExitCode {
  if (release === null || release.phase === "released") return exitCodes.done;
  if (release.phase === "taken-back") return exitCodes.takenBack;
  return release.phase === "failed" ? exitCodes.notVerified : exitCodes.failed;
}
