/** One builder at a time: parts are shared by all clusters, and two that began together would each compile them all. */
import { setTimeout as sleep } from "node:timers/promises";
import { acquireLock, describeHolder, type Lock, LockedError } from "../engine/lock.ts";
import { UserError } from "../engine/errors.ts";
import { ClusterError } from "./failure.ts";
import type { Tell } from "./host.ts";

/**
 * Does work that no other process does meanwhile; waits for whoever does it now, and says so once. A builder that was killed is not waited for.
 * @param path the lock file; its folder is made when missing
 * @throws ClusterError when the lock can't be written
 */
export async function whileBuilding<T>(path: string, tell: Tell, work: () => Promise<T>): Promise<T> {
  const lock = await locked(path, tell);
  try {
    return await work();
  } finally {
    lock.release();
  }
}

async function locked(path: string, tell: Tell): Promise<Lock> {
  for (let told = false; ; ) {
    try {
      return acquireLock(path, "a build of the cluster's parts");
    } catch (error) {
      if (!(error instanceof LockedError)) throw error instanceof UserError ? new ClusterError(error.message, error.fix) : error;
      if (!told) tell(`waiting for ${describeHolder(error.holder)}: what it builds is not built again`);
      told = true;
      await sleep(200);
    }
  }
}
