/** When Deployments, StatefulSets, DaemonSets, ReplicaSets and Pods count as made. */
import { at, listAt, numberAt, textAt, type JsonMap } from "./objects.ts";
import { conditionOf, failed, READY, unseen, waiting, wordsOf, type Condition, type Verdict } from "./verdict.ts";

const NOT_SEEN = waiting("its controller has not seen the change yet");

/** A spec without `replicas` means one. */
function wanted(object: JsonMap): number {
  const replicas = at(object, "spec", "replicas");
  return typeof replicas === "number" ? replicas : 1;
}

/**
 * All pods are of the new template, available, and no old ones are left over. Fails when the controller itself has given up (its progress
 * deadline has passed), as `kubectl rollout status` does.
 */
export const deployment: Condition = (object) => {
  if (unseen(object)) return NOT_SEEN;
  const progressing = conditionOf(object, "Progressing");
  if (textAt(progressing, "reason") === "ProgressDeadlineExceeded") return failed(wordsOf(progressing));
  const failure = conditionOf(object, "ReplicaFailure");
  const blocked = textAt(failure, "status") === "True" ? `; ${wordsOf(failure)}` : "";
  const replicas = wanted(object);
  const updated = numberAt(object, "status", "updatedReplicas");
  if (updated < replicas) return waiting(`${updated} of ${replicas} pods are of the new version${blocked}`);
  const available = numberAt(object, "status", "availableReplicas");
  if (available < updated) return waiting(`${available} of ${replicas} pods are available${blocked}`);
  const old = numberAt(object, "status", "replicas") - updated;
  if (old > 0) return waiting(`${old} pod${old === 1 ? "" : "s"} of the old version not replaced yet`);
  // With no pods asked for, the controller says nothing about progress.
  if (replicas > 0 && textAt(conditionOf(object, "Available"), "status") === "False") return waiting(wordsOf(conditionOf(object, "Available")));
  return READY;
};

/** All pods ready; with rolling updates also all of the new revision. */
export const statefulSet: Condition = (object) => {
  if (unseen(object)) return NOT_SEEN;
  const replicas = wanted(object);
  const ready = numberAt(object, "status", "readyReplicas");
  if (ready < replicas || numberAt(object, "status", "replicas") !== replicas) return waiting(`${ready} of ${replicas} pods are ready`);
  if (textAt(object, "spec", "updateStrategy", "type") === "OnDelete") return READY;
  const from = numberAt(object, "spec", "updateStrategy", "rollingUpdate", "partition");
  const updated = numberAt(object, "status", "updatedReplicas");
  if (from > 0) return updated >= replicas - from ? READY : waiting(`${updated} of ${replicas - from} pods above the partition are of the new version`);
  if (textAt(object, "status", "currentRevision") !== textAt(object, "status", "updateRevision")) return waiting(`${updated} of ${replicas} pods are of the new version`);
  return READY;
};

/** All scheduled pods updated and available. */
export const daemonSet: Condition = (object) => {
  if (unseen(object)) return NOT_SEEN;
  const desired = numberAt(object, "status", "desiredNumberScheduled");
  const updated = numberAt(object, "status", "updatedNumberScheduled");
  const available = numberAt(object, "status", "numberAvailable");
  if (updated < desired) return waiting(`${updated} of ${desired} pods are of the new version`);
  if (available < desired) return waiting(`${available} of ${desired} pods are available`);
  return READY;
};

export const replicaSet: Condition = (object) => {
  if (unseen(object)) return NOT_SEEN;
  const available = numberAt(object, "status", "availableReplicas");
  return available >= wanted(object) ? READY : waiting(`${available} of ${wanted(object)} pods are available`);
};

/** Ready, or ended well. A pod that nobody starts again fails with its containers. */
export const pod: Condition = (object) => {
  const phase = textAt(object, "status", "phase");
  if (phase === "Succeeded") return READY;
  if (phase === "Failed") return failed(podProblems(object).join("; ") || textAt(object, "status", "message") || "the pod has failed");
  const ready = conditionOf(object, "Ready");
  if (textAt(ready, "status") === "True") return READY;
  const scheduled = conditionOf(object, "PodScheduled");
  if (textAt(scheduled, "status") === "False") return waiting(`not scheduled: ${wordsOf(scheduled)}`);
  return waiting(podProblems(object).join("; ") || wordsOf(ready) || "not ready yet");
};

/** Said of a container whose probes do not pass. */
export const RUNS_UNREADY = "runs and is not ready";

/** What is wrong with a pod's containers, one line each, as `kubectl describe` would tell it. */
export function podProblems(object: JsonMap): string[] {
  const problems: string[] = [];
  for (const status of [...listAt(object, "status", "initContainerStatuses"), ...listAt(object, "status", "containerStatuses")]) {
    if (at(status, "ready") === true) continue;
    const name = textAt(status, "name");
    const reason = textAt(status, "state", "waiting", "reason");
    const ended = at(status, "state", "terminated") ?? at(status, "lastState", "terminated");
    if (reason !== "" && reason !== "ContainerCreating" && reason !== "PodInitializing") {
      problems.push(`container ${name} waits: ${[reason, shortened(textAt(status, "state", "waiting", "message"))].filter((text) => text !== "").join(": ")}`);
    }
    if (ended !== undefined && (numberAt(ended, "exitCode") !== 0 || textAt(ended, "reason") !== "Completed")) problems.push(endOf(name, ended as JsonMap, numberAt(status, "restartCount")));
    else if (at(status, "state", "running") !== undefined) problems.push(`container ${name} ${RUNS_UNREADY}`);
  }
  return problems;
}

/** How the containers of a pod ended before they were started again, those that are ready by now among them. */
export function lastEnds(pod: JsonMap): string[] {
  return listAt(pod, "status", "containerStatuses").flatMap((status) => {
    const ended = at(status, "lastState", "terminated");
    return ended === undefined ? [] : endOf(textAt(status, "name"), ended as JsonMap, numberAt(status, "restartCount"));
  });
}

function endOf(name: string, ended: JsonMap, restarts: number): string {
  const why = [textAt(ended, "reason"), textAt(ended, "message").trim()].filter((text) => text !== "").join(": ");
  const again = restarts > 0 ? `, started again ${restarts} time${restarts === 1 ? "" : "s"}` : "";
  return `container ${name} ended with exit code ${numberAt(ended, "exitCode")}${why === "" ? "" : ` (${why})`}${again}`;
}

/** The runtime wraps its one fact in several layers of its own. */
function shortened(message: string): string {
  return message.replaceAll(/rpc error: code = \w+ desc = /g, "").replace(/^Error response from daemon: /, "");
}

/** A Job: complete, or failed for good. */
export const job: Condition = (object): Verdict => {
  for (const type of ["Failed", "FailureTarget"]) {
    const condition = conditionOf(object, type);
    if (textAt(condition, "status") === "True") return failed(wordsOf(condition) || "the Job has failed");
  }
  if (textAt(conditionOf(object, "Complete"), "status") === "True") return READY;
  const count = (key: string): number => numberAt(object, "status", key);
  if (textAt(conditionOf(object, "Suspended"), "status") === "True") return READY;
  return waiting(`${count("active")} active, ${count("succeeded")} succeeded, ${count("failed")} failed`);
};
