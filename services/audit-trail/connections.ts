import type { Server } from "node:http";
import type { Socket } from "node:net";

type State = { readonly openedAt: number; readonly retireAt: number; readonly closeAt: number; requests: number; active: number };

/**
 * Shares of the greatest age: answers from the first on, spread so that clients do not come back together, are a connection's last; an idle one
 * is closed from the last on. Far apart: a client or a pod that gets no processor for a second is not closed under its hands.
 */
const retireFrom = 0.6;
const retireSpread = 0.1;
const closeFrom = 0.95;
/** With less time between the two, a connection that only pauses between requests would be closed under its client's hands. */
const minGraceMs = 250;

/** Milliseconds; 0 switches a limit off. `maxAgeMs`: no connection answers a request that came later than this. */
export type ConnectionLimits = Readonly<{ maxAgeMs: number; maxRequests: number }>;

/**
 * Ends keep-alive connections the polite way: `Connection: close` on their next answer.
 *
 * A Service's selector decides where *new* connections go; one that is open stays on its pod, and so on the old colour, without end.
 * So every connection retires before it reaches an age, or after a number of requests: its client opens another one, which goes where
 * the selector says. One on which nothing is asked is closed, or its next answer would come from the old colour minutes later.
 * `shed` retires all that are open now, at once, on command.
 */
export class Connections {
  readonly #limits: ConnectionLimits;
  readonly #now: () => number;
  readonly #random: () => number;
  readonly #open = new Map<Socket, State>();
  #shedAt = -Infinity;
  #draining = false;

  /** @param clock now: monotonic milliseconds; random: 0 to 1, spreads the ages. */
  constructor(limits: ConnectionLimits, clock: Readonly<{ now: () => number; random: () => number }> = { now: () => performance.now(), random: Math.random }) {
    this.#limits = limits;
    this.#now = clock.now;
    this.#random = clock.random;
  }

  /** Open connections. */
  get count(): number {
    return this.#open.size;
  }

  /** Follows the connections of a server from their first byte to their end. */
  follow(server: Server): void {
    server.on("connection", (socket) => {
      this.opened(socket);
      socket.once("close", () => this.#open.delete(socket));
    });
    server.prependListener("request", (request, response) => {
      const state = this.#open.get(request.socket);
      if (state === undefined) return;
      state.requests += 1;
      state.active += 1;
      response.once("close", () => {
        state.active -= 1;
      });
    });
  }

  /** Takes note of a new connection. */
  opened(socket: Socket): void {
    const maxAgeMs = this.#limits.maxAgeMs === 0 ? Infinity : this.#limits.maxAgeMs;
    const openedAt = this.#now();
    const retireAt = openedAt + maxAgeMs * (retireFrom + retireSpread * this.#random());
    const closeAt = openedAt + Math.max(maxAgeMs * closeFrom, maxAgeMs * (retireFrom + retireSpread) + minGraceMs);
    this.#open.set(socket, { openedAt, retireAt, closeAt, requests: 0, active: 0 });
  }

  /** Whether the answer that is about to be sent on this connection must be its last. */
  mustClose(socket: Socket): boolean {
    if (this.#draining) return true;
    const state = this.#open.get(socket);
    if (state === undefined) return false;
    const { maxRequests } = this.#limits;
    return state.openedAt <= this.#shedAt || this.#now() >= state.retireAt || (maxRequests > 0 && state.requests >= maxRequests);
  }

  /** Whole seconds for which a connection may stay idle, to tell its client, which then ends it first; undefined without a limit of age, or below a second. */
  idleSeconds(socket: Socket): number | undefined {
    const seconds = Math.floor(((this.#open.get(socket)?.closeAt ?? Infinity) - this.#now()) / 1000);
    return Number.isFinite(seconds) && seconds >= 1 ? seconds : undefined;
  }

  /** Retires every connection that is open now; later ones are not touched. Returns how many there were. */
  shed(): number {
    this.#shedAt = this.#now();
    return this.#open.size;
  }

  /** From now on every answer is its connection's last. */
  drain(): void {
    this.#draining = true;
  }

  /** Closes the shed connections on which no request is being answered, after their clients had time to send one. Returns how many. */
  closeIdle(): number {
    return this.#closeIdle((state) => this.#draining || state.openedAt <= this.#shedAt);
  }

  /** Closes those that are about to reach their greatest age and on which no request is being answered; to be called at least twenty times an age. Returns how many. */
  closeAged(): number {
    return this.#closeIdle((state) => this.#now() >= state.closeAt);
  }

  /** Ends them once what has come already is read: after a pause of this process a request may wait that nobody has seen. */
  #closeIdle(over: (state: State) => boolean): number {
    const idle = [...this.#open].filter(([, state]) => state.active === 0 && over(state));
    for (const [socket, state] of idle) {
      const { requests } = state;
      setImmediate(() => setImmediate(() => {
        if (state.requests === requests) socket.end();
      }));
    }
    return idle.length;
  }
}
