/** What looking at an object once tells about its readiness. */
import { listAt, numberAt, textAt, type JsonMap, type KubernetesObject } from "./objects.ts";

export type Verdict =
  | { state: "ready" }
  /** `reason`: one line for whoever waits. */
  | { state: "waiting"; reason: string }
  /** It will not get ready by itself any more. */
  | { state: "failed"; reason: string };

export const READY: Verdict = { state: "ready" };
export const waiting = (reason: string): Verdict => ({ state: "waiting", reason });
export const failed = (reason: string): Verdict => ({ state: "failed", reason });

/** Objects beside the one that is awaited, asked for only by the conditions that need them. */
export interface Surroundings {
  /** Objects of a kind in the awaited object's namespace; `labels` is a label selector. */
  list(apiVersion: string, plural: string, labels?: string): Promise<JsonMap[]>;
  /** A cluster-wide object; undefined when it is not there. */
  get(apiVersion: string, plural: string, name: string): Promise<JsonMap | undefined>;
}

/** Judges an object as just read. `update`: it existed before this operation. */
export type Condition = (object: KubernetesObject, around: Surroundings, update: boolean) => Verdict | Promise<Verdict>;

/** The entry of `status.conditions` of a type. */
export function conditionOf(object: JsonMap, type: string): JsonMap | undefined {
  return listAt(object, "status", "conditions").find((entry) => textAt(entry, "type") === type);
}

/** `reason: message` of a condition, as far as it has them. */
export function wordsOf(condition: JsonMap | undefined): string {
  return [textAt(condition, "reason"), textAt(condition, "message")].filter((text) => text !== "").join(": ");
}

/** True when the controller has not yet seen the object as it is now. */
export function unseen(object: JsonMap): boolean {
  return numberAt(object, "status", "observedGeneration") < numberAt(object, "metadata", "generation");
}
