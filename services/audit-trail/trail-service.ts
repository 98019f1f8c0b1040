import { AppendQueue, QueueFullError } from "./append-queue.ts";
import type { EventCache } from "./cache.ts";
import { isPassing, type Pool } from "./database.ts";
import { Problem } from "./problem.ts";
import type { PrivacyEngine } from "./pseudonyms.ts";
import { appendEvents, findEvent, readHead, readProof, readSize, type Head, type Outcome, type StoredEvent, type Submission } from "./trail.ts";
import { verifyTrail, type Verification } from "./verify.ts";

/** What the HTTP handlers need of the trail. Throws Problem 503 when the database is away or busy. */
export type TrailService = Readonly<{
  submit: (submission: Submission) => Promise<Outcome>;
  find: (id: string) => Promise<StoredEvent | undefined>;
  /** Events recorded so far. */
  size: () => Promise<number>;
  /** Proof that leaf `index` is in the tree of the first `size` events. */
  proof: (index: number, size: number) => Promise<{ root: Buffer; leaf: Buffer; path: Buffer[] }>;
  head: () => Promise<Head>;
  /** One at a time in each pod, as it reads everything. */
  verify: (from: number, limit: number) => Promise<Verification>;
}>;

async function orUnavailable<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof QueueFullError) throw new Problem(503, "Too busy", `${error.message}. Send the request again with the same Idempotency-Key.`);
    if (isPassing(error))
      throw Object.assign(new Problem(503, "The database cannot be used", "Nothing is known to be recorded. Send the request again with the same Idempotency-Key."), { cause: error });
    throw error;
  }
}

/** The trail in PostgreSQL, events cached in Redis. */
export function createTrailService(parts: Readonly<{ pool: Pool; cache: EventCache; privacy: PrivacyEngine }>): TrailService {
  const { pool, cache, privacy } = parts;
  const queue = new AppendQueue((batch) => appendEvents(pool, privacy, batch));
  let verifying = false;
  return {
    submit: (submission) => orUnavailable(() => queue.submit(submission)),
    find: (id) =>
      orUnavailable(async () => {
        const cached = await cache.get(id);
        if (cached?.id === id) return cached;
        const event = await findEvent(pool, id);
        if (event !== undefined) await cache.put(event);
        return event;
      }),
    size: () => orUnavailable(() => readSize(pool)),
    proof: (index, size) => orUnavailable(() => readProof(pool, index, size)),
    head: () => orUnavailable(() => readHead(pool)),
    verify: (from, limit) =>
      orUnavailable(async () => {
        if (verifying) throw new Problem(503, "A verification is running", "This pod verifies one stretch at a time. Try again when it has ended.");
        verifying = true;
        try {
          return await verifyTrail(pool, from, limit);
        } finally {
          verifying = false;
        }
      }),
  };
}
