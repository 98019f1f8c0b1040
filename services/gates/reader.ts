import { Agent as HttpAgent, request as httpRequest, type IncomingHttpHeaders, type IncomingMessage } from "node:http";
import { Agent as HttpsAgent, request as httpsRequest } from "node:https";

/** What an address answered. */
export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  /** The parsed body, or undefined where it is no JSON. */
  readonly body: unknown;
  /** The body as it came. */
  readonly bytes: Buffer;
}

/** Nothing usable came back. The message is a clause for people, without address or credentials. */
export class ReadFailure extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "ReadFailure";
  }
}

/** Largest answer, in bytes: a ConfigMap holds 1 MiB, and its JSON escapes some. */
const largestAnswer = 4 * 1024 * 1024;

type Headers = Readonly<Record<string, string>>;

/**
 * Reads JSON over HTTP, by GET on connections that are kept. Node's fetch is no choice: it takes no certificate authority of its own.
 */
export class JsonReader {
  readonly #http = new HttpAgent({ keepAlive: true, maxSockets: 64, timeout: 60_000 });
  readonly #https: HttpsAgent;

  /** @param ca certificate authority of https addresses, PEM. @default Node's own list */
  constructor(ca?: string) {
    this.#https = new HttpsAgent({ keepAlive: true, maxSockets: 64, timeout: 60_000, ca });
  }

  /** @throws ReadFailure when no answer of JSON's size comes before the signal. */
  async get(address: URL, headers: Headers, signal: AbortSignal): Promise<Answer> {
    try {
      return await this.#once(address, headers, undefined, signal);
    } catch (error) {
      // A kept connection may have been closed from the other side while the request was on its way.
      if (error instanceof StaleConnection) return this.#once(address, headers, undefined, signal);
      throw error;
    }
  }

  /** Posts on a connection of its own, so that who answers is whoever answers there now. @throws ReadFailure as `get` does. */
  async post(address: URL, headers: Headers, body: string, signal: AbortSignal): Promise<Answer> {
    return await this.#once(address, headers, body, signal);
  }

  close(): void {
    this.#http.destroy();
    this.#https.destroy();
  }

  async #once(address: URL, headers: Headers, body: string | undefined, signal: AbortSignal): Promise<Answer> {
    const { promise, resolve, reject } = Promise.withResolvers<Answer>();
    const [request, kept] = address.protocol === "https:" ? [httpsRequest, this.#https] : [httpRequest, this.#http];
    const [method, agent] = body === undefined ? (["GET", kept] as const) : (["POST", false] as const);
    const sent = request(address, { method, agent, signal, headers: { Accept: "application/json", ...headers } });
    const fail = (error: Error): void => {
      const code = "code" in error ? String(error.code) : error.name;
      if (signal.aborted) reject(new ReadFailure("did not answer in time", { cause: error }));
      else if (sent.reusedSocket && code === "ECONNRESET") reject(new StaleConnection(`cannot be reached (${code})`, { cause: error }));
      else reject(new ReadFailure(`cannot be reached (${code})`, { cause: error }));
    };
    sent.once("error", fail);
    sent.once("response", (response) => {
      readAll(response).then(
        (bytes) => {
          if (bytes === undefined) {
            reject(new ReadFailure(`answered more than ${largestAnswer} bytes`));
            sent.destroy();
          } else resolve({ status: response.statusCode ?? 0, headers: response.headers, body: parsed(bytes), bytes });
        },
        (error: unknown) => fail(error instanceof Error ? error : new Error(String(error))),
      );
    });
    sent.end(body);
    return promise;
  }
}

class StaleConnection extends ReadFailure {}

async function readAll(response: IncomingMessage): Promise<Buffer | undefined> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > largestAnswer) return undefined;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

function parsed(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString("utf8"));
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}
