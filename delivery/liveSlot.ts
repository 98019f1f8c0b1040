/** The switch: which slot the live Service selects, and moving it. */
import { setTimeout as delay } from "node:timers/promises";
import { updateObject } from "../engine/kubernetes/apply.ts";
import type { ApiClient } from "../engine/kubernetes/client.ts";
import { systemCode } from "../engine/errors.ts";
import { FIELD_MANAGER, type KubernetesObject, mapAt, objectPath, textAt } from "./kubernetes.ts";
import type { Slot } from "./slots.ts";

/** The live Service as the stack's state records it, and the cluster that it is in. */
export interface Switch {
  readonly client: ApiClient;
  readonly liveService: KubernetesObject;
  /** The field manager that applies it: the embedded engine's, or what Pulumi's provider calls itself. */
  readonly manager?: string;
}

const pathOf = ({ metadata }: KubernetesObject): string => objectPath("v1", "services", textAt(metadata, "namespace"), textAt(metadata, "name"));

/** The slot that has the traffic now, whatever the state says; undefined when the selector names none. */
export async function liveSlot({ client, liveService }: Switch, signal: AbortSignal): Promise<Slot | undefined> {
  const version = textAt(await client.request("GET", pathOf(liveService), { signal }), "spec", "selector", "version");
  return version === "blue" || version === "green" ? version : undefined;
}

/**
 * Gives all new connections to a slot, as the same owner of the field as an update, so that the next one finds no conflict. Tried until it
 * is done: nothing is more urgent, and the API server may be on its way back.
 * @param onFailure told why an attempt failed
 */
export async function moveTraffic({ client, liveService, manager = FIELD_MANAGER }: Switch, slot: Slot, signal: AbortSignal, onFailure: (reason: string) => void): Promise<void> {
  const spec = mapAt(liveService, "spec");
  const object = { ...liveService, spec: { ...spec, selector: { ...mapAt(spec, "selector"), version: slot } } };
  for (let pause = 250; ; pause = Math.min(2 * pause, 2000)) {
    try {
      if (manager === FIELD_MANAGER) await updateObject(client, pathOf(liveService), object, signal);
      else await client.request("PATCH", pathOf(liveService), { query: { fieldManager: manager, force: "true" }, contentType: "application/apply-patch+yaml", body: object, signal });
      return;
    } catch (error) {
      signal.throwIfAborted();
      onFailure(error instanceof Error ? error.message : (systemCode(error) ?? String(error)));
      await delay(pause, undefined, { signal });
    }
  }
}

/** Resolves with the time, on this process's clock, at which the slot was first seen with the traffic; rejects with the signal's reason. */
export async function trafficOn(live: Switch, slot: Slot, signal: AbortSignal): Promise<number> {
  for (;;) {
    // A look that fails is repeated: the API server may be away for a moment.
    if ((await liveSlot(live, signal).catch(() => undefined)) === slot) return performance.now();
    await delay(200, undefined, { signal });
  }
}
