/** A stand-in for S3-compatible storage, on loopback. */
import { createHash } from "node:crypto";
import { mkdirSync, writeFileSync } from "node:fs";
import { createServer, type IncomingMessage, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { dirname, join } from "node:path";

const tagOf = (content: Buffer): string => `"${createHash("md5").update(content).digest("hex")}"`;

export class Storage {
  /** Content by path: `/BUCKET/KEY`. */
  readonly objects = new Map<string, Buffer>();
  /** `METHOD path` of all requests. */
  readonly asked: string[] = [];
  /** Refuses every request after so many; undefined: none. */
  failAfter: number | undefined;
  readonly #server: Server;

  private constructor() {
    this.#server = createServer((request, response) => {
      const parts: Buffer[] = [];
      request.on("data", (part: Buffer) => parts.push(part));
      request.on("end", () => {
        const { status, body, tag } = this.#reply(request, Buffer.concat(parts));
        response.writeHead(status, tag === undefined ? {} : { etag: tag }).end(body);
      });
    });
  }

  static async start(): Promise<Storage> {
    const storage = new Storage();
    await new Promise<void>((resolve) => storage.#server.listen(0, "127.0.0.1", resolve));
    return storage;
  }

  get endpoint(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** Puts everything below a prefix into a folder, as whoever wants to verify it would. */
  fetchTo(folder: string, prefix: string): void {
    mkdirSync(join(folder, "entries"), { recursive: true });
    for (const [path, content] of this.objects) {
      const file = join(folder, path.slice(prefix.length));
      mkdirSync(dirname(file), { recursive: true });
      writeFileSync(file, content);
    }
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #reply(request: IncomingMessage, body: Buffer): Reply {
    const path = request.url ?? "";
    this.asked.push(`${request.method ?? ""} ${path}`);
    const { authorization = "", "x-amz-content-sha256": hash, "if-match": match, "if-none-match": none } = request.headers;
    if (!/^AWS4-HMAC-SHA256 Credential=someone\/\d{8}\/[a-z0-9-]+\/s3\/aws4_request, SignedHeaders=[a-z0-9;-]*x-amz-content-sha256[a-z0-9;-]*, Signature=[0-9a-f]{64}$/.test(authorization)) return refusal(403, "SignatureDoesNotMatch");
    if (hash !== createHash("sha256").update(body).digest("hex")) return refusal(400, "XAmzContentSHA256Mismatch");
    if (this.failAfter !== undefined && this.asked.length > this.failAfter) return refusal(400, "Broken");
    if (!path.startsWith("/audit/")) return refusal(404, "NoSuchBucket");
    const held = this.objects.get(path);
    if (request.method === "GET") return held === undefined ? refusal(404, "NoSuchKey") : { status: 200, body: held, tag: tagOf(held) };
    if ((none === "*" && held !== undefined) || (match !== undefined && (held === undefined || tagOf(held) !== match))) return refusal(412, "PreconditionFailed");
    this.objects.set(path, body);
    return { status: 200, body: Buffer.alloc(0), tag: tagOf(body) };
  }
}

interface Reply {
  readonly status: number;
  readonly body: Buffer;
  readonly tag?: string;
}

const refusal = (status: number, code: string): Reply => ({ status, body: Buffer.from(`<?xml version="1.0"?><Error><Code>${code}</Code></Error>`) });
