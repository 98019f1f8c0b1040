import type { Server } from "node:http";
import type { Socket } from "node:net";

type State = { readonly openedAt: number; readonly maxAgeMs: number; requests: number; active: number };

/** Milliseconds; 0 switches a limit off. */
export type ConnectionLimits = Readonly<{ maxAgeMs: number; maxRequests: number }>;

/**
 * Ends keep-alive connections the polite way: `Connection: close` on their next answer.
 *
 * A Service's selector decides where *new* connections go; one that is open stays on its pod, and so on the old colour, without end.
 * So every connection retires after an age or a number of requests (its client opens another one, which goes where the selector says),
 * and `shed` retires all that are open now, at once, on command.
 */
export class Connections {
  readonly #limits: ConnectionLimits;
  readonly #now: () => number;
  readonly #random: () => number;
  readonly #open = new Map<Socket, State>();
  #shedAt = -Infinity;
  #draining = false;

  /** @param clock now: monotonic milliseconds; random: 0 to 1, spreads the ages by 10 % so that clients do not come back together. */
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
    const maxAgeMs = this.#limits.maxAgeMs === 0 ? Infinity : this.#limits.maxAgeMs * (0.9 + 0.1 * this.#random());
    this.#open.set(socket, { openedAt: this.#now(), maxAgeMs, requests: 0, active: 0 });
  }

  /** Whether the answer that is about to be sent on this connection must be its last. */
  mustClose(socket: Socket): boolean {
    if (this.#draining) return true;
    const state = this.#open.get(socket);
    if (state === undefined) return false;
    const { maxRequests } = this.#limits;
    return state.openedAt <= this.#shedAt || this.#now() - state.openedAt >= state.maxAgeMs || (maxRequests > 0 && state.requests >= maxRequests);
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
    const idle = [...this.#open].filter(([, state]) => state.active === 0 && (this.#draining || state.openedAt <= this.#shedAt));
    for (const [socket] of idle) socket.end();
    return idle.length;
  }
}
