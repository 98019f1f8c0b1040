/** When a Flagger Canary has judged what was just written: the phase alone tells of the release before. */
import { isDeepStrictEqual } from "node:util";
import { at, listAt, mapAt, numberAt, textAt, type Json, type JsonMap, type KubernetesObject } from "./objects.ts";
import { withoutQueries } from "./reasons.ts";
import { conditionOf, failed, READY, waiting, wordsOf, type Condition, type Surroundings } from "./verdict.ts";

/** Phases in which a revision is looked at. */
const JUDGING = new Set(["Waiting", "Progressing", "WaitingPromotion", "Promoting", "Finalising"]);
/** Phases with nothing under way and nothing wrong. */
const SETTLED = new Set(["Initialized", "Succeeded"]);
/** Said of a release that Flagger judged and refused. */
export const TOOK_BACK = "Flagger took the release back";
/** Flagger looks at a target once an interval, and at its Canaries every 10 s. Twice that, for a busy one. */
const LOOKS = 2;
const LOOP_SECONDS = 10;

/**
 * A condition for one wait. It keeps what Flagger had said when the wait began, so that the verdict on a former revision is not taken for
 * this one's: a release has begun when Flagger's phase has moved since. Where target and primary run the same there is nothing to judge.
 */
export function releaseVerdict(now: () => number = () => performance.now()): Condition {
  let before: { applied: string; at: number } | undefined;
  let begun = false;
  // When the analysis that was seen began, by the cluster's clock.
  let since = "";
  return async (object, around) => {
    const phase = textAt(object, "status", "phase");
    const applied = textAt(object, "status", "lastAppliedSpec");
    // Flagger may name the new revision a moment before the phase moves: a changed name alone is no verdict, only news to wait for.
    if (before?.applied !== applied) before = { applied, at: now() };
    begun ||= JUDGING.has(phase) || applied === "";
    if (JUDGING.has(phase)) since = begin(object);
    if (phase !== "Failed" && !SETTLED.has(phase)) {
      const stuck = JUDGING.has(phase) ? "" : await primaryStuck(object, around);
      if (stuck !== "") return failed(stuck);
      return waiting(await progress(object, phase, around));
    }
    if (begun) return phase === "Failed" ? failed(`${takenBack(object)}${await lastHalt(object, around, since)}`) : READY;
    const pending = await hasOtherRevision(object, around);
    if (!pending && (phase !== "Failed" || hasLookedAtPromoted(object))) return READY;
    const interval = secondsOf(textAt(object, "spec", "analysis", "interval")) || 60;
    if (now() - before.at < LOOKS * (interval + LOOP_SECONDS) * 1000) return waiting("Flagger has not looked at this revision yet");
    return pending && phase === "Failed" ? failed(`${takenBack(object)}, and has not changed since`) : READY;
  };
}

/** Why the first revision will not get ready; Flagger itself would wait on. */
async function primaryStuck(object: KubernetesObject, around: Surroundings): Promise<string> {
  const name = `${textAt(object, "spec", "targetRef", "name")}-primary`;
  const primary = (await around.list("apps/v1", "deployments")).find((found) => textAt(found, "metadata", "name") === name);
  const progressing = primary === undefined ? undefined : conditionOf(primary, "Progressing");
  return textAt(progressing, "status") === "False" ? `Deployment ${name} can't get ready: ${wordsOf(progressing)}` : "";
}

/** What Flagger looked at last is what it has promoted: after a release that it took back, it has seen that the old version is wanted again. */
function hasLookedAtPromoted(object: JsonMap): boolean {
  const promoted = textAt(object, "status", "lastPromotedSpec");
  return promoted !== "" && promoted === textAt(object, "status", "lastAppliedSpec");
}

function takenBack(object: JsonMap): string {
  const words = wordsOf(conditionOf(object, "Promoted"));
  return `${TOOK_BACK}${words === "" ? "" : ` (${words})`}`;
}

/** What kept a release from going on, at last, as a further sentence; empty where its analysis was not seen or the cluster has dropped the event. */
async function lastHalt(object: KubernetesObject, around: Surroundings, since: string): Promise<string> {
  if (since === "") return "";
  const halt = /^Halt \S+ advancement (.+)/s;
  const words = (await eventsOf(object, around, since)).flatMap((event) => halt.exec(textAt(event, "message"))?.[1] ?? []).at(-1);
  return words === undefined ? "" : `: ${withoutQueries(words.trim()).slice(0, 300)}`;
}

/** Events about an object since a time, the newest last. */
async function eventsOf(object: KubernetesObject, around: Surroundings, since: string): Promise<JsonMap[]> {
  const uid = textAt(object, "metadata", "uid");
  const time = (event: JsonMap): string => textAt(event, "lastTimestamp") || textAt(event, "eventTime");
  return (await around.list("v1", "events"))
    .filter((event) => textAt(event, "involvedObject", "uid") === uid && time(event) >= since)
    .toSorted((left, right) => time(left).localeCompare(time(right)));
}

/** Whether the target's pods would differ from those that carry the traffic. */
async function hasOtherRevision(object: KubernetesObject, around: Surroundings): Promise<boolean> {
  const target = textAt(object, "spec", "targetRef", "name");
  const deployments = await around.list("apps/v1", "deployments");
  const [wanted, running] = [target, `${target}-primary`].map((name) => deployments.find((found) => textAt(found, "metadata", "name") === name));
  if (wanted === undefined || running === undefined) return false;
  return !isDeepStrictEqual(revision(wanted), revision(running));
}

/** A pod template without what Flagger changes in its copy: names that end in `-primary`, and its own annotation. */
function revision(deployment: JsonMap): Json {
  const template = mapAt(deployment, "spec", "template");
  const annotations = Object.entries(mapAt(template, "metadata", "annotations")).filter(([key]) => key !== "flagger-id");
  return plainNames({ spec: mapAt(template, "spec"), annotations: Object.fromEntries(annotations) });
}

function plainNames(value: Json): Json {
  if (typeof value === "string") return value.replace(/-primary$/, "");
  if (Array.isArray(value)) return value.map(plainNames);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, plainNames(item)]));
}

/** Phase, share of the traffic by the route itself (the status tells 0 while a promotion waits), failed checks, the gates' yes, and Flagger's last complaint. */
async function progress(object: KubernetesObject, phase: string, around: Surroundings): Promise<string> {
  const parts = [phase === "" ? "Flagger has not looked at it yet" : `phase ${phase}`];
  if (JUDGING.has(phase)) {
    const weight = await shareOf(object, around);
    if (weight !== undefined) parts.push(`weight ${weight}`);
    const failures = numberAt(object, "status", "failedChecks");
    if (failures > 0) parts.push(`${failures} of ${numberAt(object, "spec", "analysis", "threshold")} failed checks`);
    parts.push(...(await told(object, around)));
  }
  return parts.join(", ");
}

async function shareOf(object: KubernetesObject, around: Surroundings): Promise<number | undefined> {
  const target = textAt(object, "spec", "targetRef", "name");
  const name = textAt(object, "spec", "service", "name") || target;
  if (textAt(object, "spec", "provider").startsWith("gatewayapi:")) {
    const version = textAt(object, "spec", "provider").slice("gatewayapi:".length);
    const routes = await around.list(`gateway.networking.k8s.io/${version}`, "httproutes");
    const route = routes.find((found) => textAt(found, "metadata", "name") === name);
    const backends = listAt(route, "spec", "rules").flatMap((rule) => listAt(rule, "backendRefs"));
    // Under sticky sessions whoever has the cookie has a rule of their own, which comes first; the share is the last one's.
    const canary = backends.findLast((backend) => textAt(backend, "name") === `${name}-canary`);
    if (canary !== undefined) return numberAt(canary, "weight");
  }
  const told = at(object, "status", "canaryWeight");
  return typeof told === "number" && told > 0 ? told : undefined;
}

/** Which hooks have said yes in this analysis, and Flagger's last complaint, as its events tell them. */
async function told(object: KubernetesObject, around: Surroundings): Promise<string[]> {
  const events = await eventsOf(object, around, begin(object));
  const passed = new Set(events.flatMap((event) => /^(?:Pre-rollout|Confirm-[a-z-]+) check (\S+) passed/.exec(textAt(event, "message"))?.[1] ?? []));
  const complaint = withoutQueries(textAt(events.findLast((event) => textAt(event, "type") === "Warning"), "message").trim()).slice(0, 200);
  return [...(passed.size === 0 ? [] : [`yes from ${[...passed].join(", ")}`]), ...(complaint === "" ? [] : [complaint])];
}

/** When the analysis began: what was complained of before does not belong to it. */
function begin(object: JsonMap): string {
  return textAt(conditionOf(object, "Promoted"), "lastTransitionTime");
}

/** `30s` or `2m`, as Flagger has them; 0 for anything else. */
function secondsOf(text: string): number {
  const [, count = "0", unit] = /^([0-9]+)(s|m)$/.exec(text) ?? [];
  return Number(count) * (unit === "m" ? 60 : 1);
}
