/** Requests to an API server: one clear sentence for each way in which they fail, bounded retries where a retry is harmless. */
import type { IncomingMessage, OutgoingHttpHeaders } from "node:http";
import type { RequestOptions } from "node:https";
import { setTimeout as delay } from "node:timers/promises";
import { systemCode, UserError } from "../errors.ts";
import { ownCertificateProblem, serverCertificateProblem } from "./certificates.ts";
import { http, https } from "./http.ts";
import type { Connection } from "./kubeconfig.ts";
import { type Json, type JsonMap } from "./objects.ts";

export type Method = "GET" | "POST" | "PUT" | "PATCH" | "DELETE";

export interface RequestParts {
  query?: { [name: string]: string | undefined };
  body?: Json;
  /** Default `application/json`. */
  contentType?: string;
  signal: AbortSignal;
}

/** The server's refusal, as its Status object tells it. */
export class ApiError extends Error {
  readonly status: number;
  /** `NotFound`, `AlreadyExists`, `Conflict`, `Invalid`, …; empty when the answer was no Status. */
  readonly reason: string;
  readonly causes: { reason: string; message: string; field: string }[];
  constructor(message: string, status: number, reason: string, causes: ApiError["causes"]) {
    super(message);
    this.name = "ApiError";
    this.status = status;
    this.reason = reason;
    this.causes = causes;
  }
}

/** Limits, in milliseconds and attempts; tests shorten them. */
export interface Patience {
  /** For one answer. */
  requestMs: number;
  /** Attempts of a request that may be repeated, to a server that has answered before: it comes back. */
  attempts: number;
  /** Pause before the second attempt; doubled each time, up to 5 s. */
  pauseMs: number;
}
/** Half a minute of attempts. */
const STANDARD: Patience = { requestMs: 30_000, attempts: 10, pauseMs: 250 };
/** Attempts to reach a server that never answered yet: more likely it is the wrong one, or ended. */
const FIRST_ATTEMPTS = 4;
const LONGEST_PAUSE_MS = 5000;

/** The request never reached a server, so that even a creation may be sent again. */
const UNSENT = new Set(["ECONNREFUSED", "EHOSTUNREACH", "ENETUNREACH", "ENOTFOUND", "EAI_AGAIN"]);
const BROKEN = new Set(["ECONNRESET", "EPIPE", "ETIMEDOUT", "ECONNABORTED"]);

export class ApiClient {
  readonly connection: Connection;
  readonly #patience: Patience;
  #answered = false;

  constructor(connection: Connection, patience: Patience = STANDARD) {
    this.connection = connection;
    this.#patience = patience;
  }

  /** Sends a request and gives the answer's JSON. Rejects with `ApiError`, `UserError`, or the signal's reason. */
  async request(method: Method, path: string, parts: RequestParts): Promise<JsonMap> {
    const text = await this.text(method, path, parts);
    try {
      return JSON.parse(text) as JsonMap;
    } catch (cause) {
      throw new UserError(`${this.#where(method, path)} was answered with something that is not JSON: ${text.slice(0, 80)}`, undefined, { cause });
    }
  }

  /** As `request`, for answers that are plain text (logs). */
  async text(method: Method, path: string, parts: RequestParts): Promise<string> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.#once(method, path, parts);
      } catch (error) {
        parts.signal.throwIfAborted();
        const attempts = this.#answered ? this.#patience.attempts : Math.min(FIRST_ATTEMPTS, this.#patience.attempts);
        if (attempt >= attempts || !mayRepeat(method, error)) throw await this.#explain(method, path, error, attempt);
        await delay(Math.min(this.#patience.pauseMs * 2 ** (attempt - 1), LONGEST_PAUSE_MS), undefined, { signal: parts.signal });
      }
    }
  }

  /**
   * Gets a path once, with the answer as it is, refusals and failures too: for what is behind the server, whose state is the question.
   * @param limitMs for the answer
   * Rejects as `request` does when there is no answer.
   */
  async look(path: string, { signal, limitMs }: { signal: AbortSignal; limitMs: number }): Promise<{ status: number; text: string }> {
    try {
      return await this.#send("GET", path, { signal }, limitMs);
    } catch (error) {
      signal.throwIfAborted();
      throw await this.#explain("GET", path, error, 1);
    }
  }

  async #once(method: Method, path: string, parts: RequestParts): Promise<string> {
    const { status, text, retryAfter } = await this.#send(method, path, parts, this.#patience.requestMs);
    if (status >= 400) throw toApiError(status, text, retryAfter);
    return text;
  }

  async #send(method: Method, path: string, { query = {}, body, contentType = "application/json", signal }: RequestParts, limitMs: number): Promise<Answer> {
    const url = new URL(path.replace(/^\//, ""), this.connection.server);
    for (const [name, value] of Object.entries(query)) if (value !== undefined) url.searchParams.set(name, value);
    const options = await this.connection.authorize();
    const payload = body === undefined ? undefined : JSON.stringify(body);
    signal.throwIfAborted();
    // Whether a change that was cut off took place could not be told: once sent, it is waited for.
    const deadline = AbortSignal.timeout(limitMs);
    const headers: OutgoingHttpHeaders = {
      ...(options.headers as OutgoingHttpHeaders | undefined),
      accept: "application/json",
      "user-agent": "rlhf-audit-trail-delivery",
      ...(payload === undefined ? {} : { "content-type": contentType, "content-length": Buffer.byteLength(payload) }),
    };
    try {
      const answer = await send(url, { ...options, method, headers, signal: method === "GET" ? AbortSignal.any([signal, deadline]) : deadline }, payload);
      this.#answered ||= answer.status < 500;
      return answer;
    } catch (error) {
      if (deadline.aborted) throw new NoAnswer(limitMs);
      throw error;
    }
  }

  #where(method: Method, path: string): string {
    return `${method} ${path} at ${this.connection.server.origin}`;
  }

  /** A person's words for a failure; refusals by the server stay as they are. */
  async #explain(method: Method, path: string, error: unknown, attempts: number): Promise<unknown> {
    const tries = attempts > 1 ? ` (${attempts} attempts)` : "";
    const server = `The API server ${this.connection.server.origin}`;
    const check = `Check that it runs and is the right one: ${this.connection.origin}.`;
    if (error instanceof ApiError) {
      if (error.status === 401) {
        const own = ownCertificateProblem(await this.connection.authorize());
        const why = own === undefined ? "" : `: ${own}`;
        return new UserError(`${server} does not know who we are: ${error.message}${why}.`, `Renew the credentials of ${this.connection.origin}.`, { cause: error });
      }
      if (error.status >= 500) {
        return new UserError(`${server} failed with status ${error.status} on ${method} ${path}${tries}: ${error.message}`, "Look at the API server's own log; run again when it is well.", { cause: error });
      }
      return error;
    }
    if (error instanceof NoAnswer) {
      return new UserError(`${server} accepted ${method} ${path} and gave no answer within ${error.ms / 1000} s${tries}.`, check, { cause: error });
    }
    if (error instanceof UserError || !(error instanceof Error)) return error;
    const code = systemCode(error) ?? "";
    if (/CERT|SELF_SIGNED|ERR_TLS|UNABLE_TO|ERR_SSL/.test(code) || REFUSES_OURS.test(error.message)) {
      const { problem, fix } = await certificateProblem(code, error.message, this.connection);
      return new UserError(`The connection to ${this.connection.server.origin} is refused for a certificate: ${problem}.`, fix, { cause: error });
    }
    if (code === "ENOTFOUND" || code === "EAI_AGAIN") return new UserError(`${server} cannot be reached: the name ${this.connection.server.hostname} is unknown${tries}.`, check, { cause: error });
    if (code === "ECONNREFUSED") return new UserError(`${server} cannot be reached: nothing listens there${tries}.`, check, { cause: error });
    if (UNSENT.has(code)) return new UserError(`${server} cannot be reached: there is no route (${code})${tries}.`, check, { cause: error });
    // Some servers hang up on a certificate without a word.
    const own = ownCertificateProblem(await this.connection.authorize());
    const perhaps = own === undefined ? "" : ` Perhaps for this reason: ${own}.`;
    return new UserError(`The connection to ${this.connection.server.origin} broke during ${method} ${path}: ${error.message}${tries}.${perhaps}`, check, { cause: error });
  }
}

class NoAnswer extends Error {
  readonly ms: number;
  constructor(ms: number) {
    super(`no answer within ${ms} ms`);
    this.ms = ms;
  }
}

/** Creations and whole replacements are not sent again once they may have been carried out; all others do the same a second time. */
function mayRepeat(method: Method, error: unknown): boolean {
  const harmless = method !== "POST" && method !== "PUT";
  if (error instanceof ApiError) return error.status === 429 || (harmless && error.status >= 500);
  if (error instanceof NoAnswer) return false; // waiting once more for one that hangs only takes longer
  return isUnsent(error) || (harmless && isBroken(error));
}

function isUnsent(error: unknown): boolean {
  return UNSENT.has(systemCode(error) ?? "") || /before secure TLS connection was established/.test(String(error));
}

function isBroken(error: unknown): boolean {
  return BROKEN.has(systemCode(error) ?? "") || /socket hang up/.test(String(error));
}

/** The server, or the way to it, failed: it may be different in a while. */
export function isOutage(error: unknown): boolean {
  const cause = error instanceof UserError ? error.cause : error;
  return cause instanceof NoAnswer || isUnsent(cause) || isBroken(cause) || (cause instanceof ApiError && cause.status >= 500);
}

/** A server's alert about our certificate, as OpenSSL tells of it (with the code EPROTO). */
const REFUSES_OURS = /alert .*certificate/;

async function certificateProblem(code: string, message: string, connection: Connection): Promise<{ problem: string; fix: string }> {
  const { server, origin } = connection;
  const renew = `Renew the kubeconfig: ${origin}.`;
  if (REFUSES_OURS.test(message)) return { problem: ownCertificateProblem(await connection.authorize()) ?? `the server refuses ours (${message.trim()})`, fix: renew };
  if (code === "CERT_HAS_EXPIRED" || code === "CERT_NOT_YET_VALID") {
    const found = await serverCertificateProblem(server, await connection.authorize());
    const problem = found ?? `the server's is out of its time (${message})`;
    return { problem, fix: `Have the server's certificates renewed (kubeadm certs renew all, say), or look at this machine's clock. The kubeconfig is ${origin}.` };
  }
  if (code === "ERR_TLS_CERT_ALTNAME_INVALID") return { problem: `the server's was made for another name (${message})`, fix: renew };
  if (/SELF_SIGNED|UNABLE_TO/.test(code)) return { problem: "the server's is not signed by the authority that the kubeconfig names", fix: renew };
  return { problem: message, fix: renew };
}

interface Answer {
  status: number;
  text: string;
  retryAfter: string | undefined;
}

function send(url: URL, options: RequestOptions, payload: string | undefined): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const take = (response: IncomingMessage): void => {
      const chunks: Buffer[] = [];
      response.on("data", (chunk: Buffer) => chunks.push(chunk));
      response.on("error", reject);
      response.on("end", () =>
        resolve({ status: response.statusCode ?? 0, text: Buffer.concat(chunks).toString("utf8"), retryAfter: response.headers["retry-after"] }),
      );
    };
    const outgoing = url.protocol === "http:" ? http.request(url, options, take) : https.request(url, options, take);
    outgoing.on("error", reject);
    outgoing.end(payload);
  });
}

interface StatusObject {
  message?: string;
  reason?: string;
  details?: { causes?: { reason?: string; message?: string; field?: string }[] };
}

function toApiError(status: number, text: string, retryAfter: string | undefined): ApiError {
  let said: StatusObject = {};
  try {
    said = JSON.parse(text) as StatusObject;
  } catch {
    said = { message: text.trim().split("\n")[0]?.slice(0, 200) ?? "" }; // a proxy's or a handler's plain text
  }
  const causes = (said.details?.causes ?? []).map(({ reason = "", message = "", field = "" }) => ({ reason, message, field }));
  const wait = retryAfter === undefined ? "" : ` (asks to come back after ${retryAfter} s)`;
  return new ApiError(`${said.message ?? `status ${status}`}${wait}`, status, said.reason ?? "", causes);
}
