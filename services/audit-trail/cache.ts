import { createClient } from "@redis/client";
import { z } from "zod";
import { leafHash } from "../../ledger/merkle.ts";
import type { Logger } from "./log.ts";
import type { StoredEvent } from "./trail.ts";

const hex = z.string().regex(/^[0-9a-f]{64}$/).transform((text) => Buffer.from(text, "hex"));
const cachedEvent = z.strictObject({
  seq: z.number().int().min(0),
  id: z.string(),
  record: z.base64().transform((text) => Buffer.from(text, "base64")),
  leafHash: hex,
  previousLink: hex,
  link: hex,
});

/** Events never change, so they are kept in Redis for an hour after they were read. Redis away means slower, never wrong and never an error. */
export type EventCache = Readonly<{
  get: (id: string) => Promise<StoredEvent | undefined>;
  put: (event: StoredEvent) => Promise<void>;
  /** Resolves when Redis is connected for the first time, or the cache is closed. */
  connected: Promise<void>;
  /** Throws unless Redis answers PONG. */
  ping: () => Promise<void>;
  close: () => void;
}>;

const keyOf = (id: string): string => `rlhf-audit-trail:event:1:${id}`;

/** The text that is kept for an event. */
export function cacheText(event: StoredEvent): string {
  return JSON.stringify({
    seq: event.seq,
    id: event.id,
    record: event.record.toString("base64"),
    leafHash: event.leafHash.toString("hex"),
    previousLink: event.previousLink.toString("hex"),
    link: event.link.toString("hex"),
  });
}

/** Reads a cached text; undefined when it is not a whole event, or its record does not have its leaf hash. */
export function fromCacheText(text: string): StoredEvent | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
  const parsed = cachedEvent.safeParse(value);
  return parsed.success && leafHash(parsed.data.record).equals(parsed.data.leafHash) ? parsed.data : undefined;
}

/** Connects in the background and for ever again; commands fail at once while there is no connection, and after 1 s without an answer. */
export function connectCache(options: Readonly<{ url: string; name: string; log: Logger }>): EventCache {
  const { log } = options;
  const client = createClient({
    url: options.url,
    disableOfflineQueue: true,
    commandOptions: { timeout: 1_000 },
    socket: { connectTimeout: 2_000, reconnectStrategy: (retries: number) => Math.min(100 * 2 ** retries, 2_000) },
  });
  const connected = Promise.withResolvers<undefined>();
  let up = true;
  client.on("error", (error: unknown) => {
    // One line per outage, not one per attempt.
    if (up) log.warn({ err: error }, "Redis cannot be reached; connecting again in the background");
    up = false;
  });
  client.on("ready", () => {
    up = true;
    connected.resolve(undefined);
    log.info("Connected to Redis");
  });
  // Its failures are reported by the "error" event above; this promise only settles when the client is closed or connected.
  client.connect().catch((error: unknown) => log.debug({ err: error }, "The first connection to Redis was given up"));

  return {
    async get(id) {
      try {
        const text = await client.get(keyOf(id));
        return text === null ? undefined : fromCacheText(text);
      } catch (error) {
        log.debug({ err: error }, "The cache could not be read");
        return undefined;
      }
    },
    async put(event) {
      try {
        await client.set(keyOf(event.id), cacheText(event), { expiration: { type: "EX", value: 3600 } });
      } catch (error) {
        log.debug({ err: error }, "The cache could not be written");
      }
    },
    async ping() {
      const answer = await client.ping();
      if (answer !== "PONG") throw new Error("Redis did not answer PONG");
    },
    connected: connected.promise,
    close: () => {
      connected.resolve(undefined);
      client.destroy();
    },
  };
}
