/**
 * Notices changes of objects as they happen, by the API's watches. All it tells is that it is worth looking again: whoever waits reads
 * the objects himself, so that a watch that is refused, breaks or misses something makes him slower and nothing worse.
 */
import type { IncomingMessage, OutgoingHttpHeaders } from "node:http";
import { createInterface } from "node:readline";
import { setTimeout as delay } from "node:timers/promises";
import { http, https } from "./http.ts";
import type { Connection } from "./kubeconfig.ts";

/** Objects to look out for. */
export interface Watched {
  /** Path of their collection. */
  collection: string;
  fieldSelector?: string;
  labelSelector?: string;
  /** What is known already; without it, everything there counts as a change at first. */
  resourceVersion?: string;
}

/** Between two watches of the same objects, in milliseconds. */
const REST_MS = 1000;

export class Lookout {
  readonly #connection: Connection;
  readonly #stop = new AbortController();
  readonly #signal: AbortSignal;
  readonly #watched = new Set<string>();
  #changed = false;
  #wake: () => void = () => undefined;

  /** @param signal aborted: waiting rejects with its reason */
  constructor(connection: Connection, signal: AbortSignal) {
    this.#connection = connection;
    this.#signal = AbortSignal.any([signal, this.#stop.signal]);
  }

  /** Begins to look out for objects, once however often it is asked. */
  watch(watched: Watched): void {
    const key = JSON.stringify({ ...watched, resourceVersion: "" });
    if (this.#watched.has(key)) return;
    this.#watched.add(key);
    void this.#follow(watched);
  }

  /** Resolves when something has changed since the last call, at the latest after `ms`. Rejects when the operation is aborted. */
  async change(ms: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<undefined>();
    this.#wake = () => resolve(undefined);
    if (this.#changed) this.#wake();
    const waited = new AbortController();
    try {
      await Promise.race([promise, delay(ms, undefined, { signal: AbortSignal.any([this.#signal, waited.signal]) })]);
    } finally {
      waited.abort();
      this.#changed = false;
    }
    this.#signal.throwIfAborted();
  }

  /** Ends all watches. */
  close(): void {
    this.#stop.abort();
  }

  async #follow(watched: Watched): Promise<void> {
    try {
      const refused = await follow(this.#connection, watched, () => this.#notice(), this.#signal).catch(() => false);
      if (refused) return;
      await delay(REST_MS, undefined, { signal: this.#signal });
    } catch {
      return; // closed
    }
    await this.#follow({ ...watched, resourceVersion: undefined });
  }

  #notice(): void {
    this.#changed = true;
    this.#wake();
  }
}

/** Calls `onEvent` for each event until the server ends the watch. Rejects when the connection breaks. Returns true when it was refused. */
async function follow(connection: Connection, { collection, ...query }: Watched, onEvent: () => void, signal: AbortSignal): Promise<boolean> {
  const url = new URL(collection.replace(/^\//, ""), connection.server);
  const parameters: { [name: string]: string | undefined } = { ...query, watch: "true" };
  for (const [name, value] of Object.entries(parameters)) if (value !== undefined) url.searchParams.set(name, value);
  const options = await connection.authorize();
  return new Promise((resolve, reject) => {
    const take = (response: IncomingMessage): void => {
      response.on("error", reject);
      response.on("end", () => resolve(response.statusCode !== 200));
      if (response.statusCode === 200) createInterface({ input: response }).on("line", onEvent).on("error", reject);
      else response.resume();
    };
    const headers: OutgoingHttpHeaders = { ...(options.headers as OutgoingHttpHeaders | undefined), accept: "application/json" };
    const { request } = url.protocol === "http:" ? http : https;
    const outgoing = request(url, { ...options, headers, signal }, take);
    outgoing.on("error", reject);
    outgoing.end();
  });
}
