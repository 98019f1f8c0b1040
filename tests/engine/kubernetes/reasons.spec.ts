import assert from "node:assert/strict";
import type { ApiClient } from "../../../engine/kubernetes/client.ts";
import type { JsonMap, KubernetesObject } from "../../../engine/kubernetes/objects.ts";
import { fullReasons } from "../../../engine/kubernetes/reasons.ts";

const warning = (message: string, lastTimestamp: string, uid = "u"): JsonMap => ({ involvedObject: { uid, kind: "Canary", name: "shop" }, type: "Warning", reason: "Synced", message, lastTimestamp });

/** Answers the list of events, and nothing else. */
const clientOf = (...items: JsonMap[]): ApiClient =>
  ({ request: async (_method: string, path: string) => await Promise.resolve(path.endsWith("/events") ? { items } : assert.fail(path)) }) as unknown as ApiClient;

const canary = (managedFields: JsonMap[]): KubernetesObject => ({ apiVersion: "flagger.app/v1beta1", kind: "Canary", metadata: { name: "shop", namespace: "shop", uid: "u", managedFields } });
const told = async (object: KubernetesObject, ...events: JsonMap[]): Promise<string[]> =>
  (await fullReasons(clientOf(...events), object, new AbortController().signal)).map((reason) => reason.replace(/^.*Synced: /, ""));

describe("why an object is not ready", () => {
  const changed = { manager: "us", operation: "Apply", time: "2026-01-01T10:00:00Z" };

  it("leaves out what was said before the object was last changed", async () => {
    assert.deepEqual(await told(canary([changed]), warning("of this release", "2026-01-01T10:00:00Z"), warning("of the one before", "2026-01-01T09:59:59Z")), ["of this release"]);
  });

  it("does not take a changed status for a changed object", async () => {
    const status = { manager: "flagger", operation: "Update", subresource: "status", time: "2026-01-01T10:05:00Z" };
    assert.deepEqual(await told(canary([changed, status]), warning("of this release", "2026-01-01T10:01:00Z")), ["of this release"]);
  });

  it("tells the newest last, each once, and nothing of other objects", async () => {
    const events = [warning("second", "2026-01-01T10:02:00Z"), warning("first", "2026-01-01T10:01:00Z"), warning("second", "2026-01-01T10:02:00Z"), warning("elsewhere", "2026-01-01T10:03:00Z", "v")];
    assert.deepEqual(await told(canary([changed]), ...events), ["first", "second"]);
  });

  it("tells all where nobody knows when the object was changed", async () => {
    assert.deepEqual(await told(canary([]), warning("old", "2020-01-01T00:00:00Z")), ["old"]);
  });
});
