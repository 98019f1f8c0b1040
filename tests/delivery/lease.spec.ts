import assert from "node:assert/strict";
import { acquireLease, type Lease, readLease } from "../../delivery/lease.ts";
import { exitCodes } from "../../delivery/exitCodes.ts";
import type { ReleaseRecord } from "../../delivery/releaseRecord.ts";
import { ApiError, type ApiClient, type RequestParts } from "../../engine/kubernetes/client.ts";
import type { JsonMap } from "../../engine/kubernetes/objects.ts";

const never = new AbortController().signal;
const record: ReleaseRecord = { strategy: "blue-green", id: "r-1", stack: "local", image: "ghcr.io/a/b@sha256:1", from: "blue", to: "green", before: { active: "blue", images: {} }, phase: "baking", startedAt: "2026-11-24T00:00:00.000Z" };

/** As much of an API server as a Lease needs: one object, whose version every write must name. */
class Leases {
  object: JsonMap | undefined;
  #version = 0;

  readonly client = {
    request: (method: string, _path: string, { body }: RequestParts): Promise<JsonMap> => {
      if (method === "GET") return this.object === undefined ? Promise.reject(new ApiError("not found", 404, "NotFound", [])) : Promise.resolve(structuredClone(this.object));
      const given = body as JsonMap;
      const version = (given["metadata"] as JsonMap)["resourceVersion"];
      if (method === "POST" ? this.object !== undefined : version !== String(this.#version)) return Promise.reject(new ApiError("conflict", 409, "Conflict", []));
      this.#version++;
      this.object = { ...given, metadata: { ...(given["metadata"] as JsonMap), resourceVersion: String(this.#version) } };
      return Promise.resolve(structuredClone(this.object));
    },
  } as unknown as ApiClient;

  take(onWait: (holder: string) => void = () => undefined): Promise<Lease> {
    return acquireLease(this.client, "local", never, onWait);
  }

  /** Somebody else's lease, which is silent from now on. */
  leave(holder: string, seconds: number): void {
    this.#version++;
    this.object = { metadata: { resourceVersion: String(this.#version) }, spec: { holderIdentity: holder, leaseDurationSeconds: seconds, renewTime: "2026-11-24T00:00:00.000000Z" } };
  }
}

describe("delivery: the lease of a release", () => {
  const held: Lease[] = [];
  afterEach(async () => {
    for (const lease of held.splice(0)) await lease.release();
  });
  const keep = (lease: Lease): Lease => {
    held.push(lease);
    return lease;
  };

  it("is taken when nobody has it, carries the record to the next, and is free at once when it is let go", async () => {
    const leases = new Leases();
    const first = await leases.take();
    assert.equal(first.found, undefined);
    await first.write(record);
    assert.deepEqual((await readLease(leases.client, "local", never))?.record, record);
    await first.release();
    assert.equal((await readLease(leases.client, "local", never))?.holder, undefined);
    const waited: string[] = [];
    const second = keep(await leases.take((holder) => waited.push(holder)));
    assert.deepEqual([second.found, waited], [record, []]);
  });

  it("names its holder to a second one while that renews it", async () => {
    const leases = new Leases();
    leases.leave("ada@build-7 (1)", 15);
    const waited: string[] = [];
    const second = leases.take((holder) => {
      waited.push(holder);
      (leases.object?.["spec"] as JsonMap)["renewTime"] = "2026-11-24T00:00:03.000000Z";
    });
    await assert.rejects(second, (error: Error & { exitCode?: number }) => error.exitCode === exitCodes.held && error.message.startsWith("ada@build-7 (1) is releasing this stack"));
    assert.deepEqual(waited, ["ada@build-7 (1)"]);
  });

  it("is taken over from one that is silent for its time, by this clock and not by the one that wrote it", async () => {
    const leases = new Leases();
    leases.leave("ada@build-7 (1)", 1);
    (leases.object?.["spec"] as JsonMap)["renewTime"] = "2036-01-01T00:00:00.000000Z";
    const lease = keep(await leases.take());
    assert.equal(lease.lost.aborted, false);
    assert.notEqual((leases.object?.["spec"] as JsonMap)["holderIdentity"], "ada@build-7 (1)");
  });

  it("is lost when somebody else writes it: nothing more may be done", async () => {
    const leases = new Leases();
    const lease = await leases.take();
    leases.leave("bob@build-8 (2)", 15);
    await assert.rejects(lease.write(record), { status: 409 });
    assert.equal(await new Promise((resolve) => lease.lost.addEventListener("abort", () => resolve("lost"))), "lost");
    assert.match(String(lease.lost.reason), /could not be kept/);
    await lease.release();
    assert.equal((leases.object?.["spec"] as JsonMap)["holderIdentity"], "bob@build-8 (2)", "what is another's is left alone");
  });
});
