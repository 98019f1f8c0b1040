/** The way to a live cluster, by a kubeconfig as kubectl reads it. */
import { request as httpRequest, type IncomingMessage } from "node:http";
import { request as httpsRequest, type RequestOptions } from "node:https";
import { LiveError, type Ask } from "./live.ts";
import { text } from "./value.ts";

/** For one answer, in milliseconds. */
const PATIENCE = 30_000;
/** Longest answer, in bytes: a page of 500 objects, each no larger than Kubernetes stores. */
const LONGEST = 512 * 1024 * 1024;

/**
 * Opens a kubeconfig. Nothing is sent yet.
 * @param file default: `KUBECONFIG`, else `~/.kube/config`
 * @throws {LiveError} when it can't be read or names no server
 */
export async function connect(file: string | undefined): Promise<Ask> {
  // Loaded here only: it takes more time than a scan.
  const { KubeConfig } = await import("@kubernetes/client-node");
  const config = new KubeConfig();
  const origin = file ?? process.env.KUBECONFIG ?? "~/.kube/config";
  try {
    if (file === undefined) config.loadFromDefault();
    else config.loadFromFile(file);
  } catch (error) {
    throw new LiveError(`the kubeconfig ${origin} can't be read: ${words(error)}`, 0);
  }
  const server = config.getCurrentCluster()?.server;
  if (server === undefined || !URL.canParse(server)) throw new LiveError(`the kubeconfig ${origin} names no server for its current context`, 0);
  const base = server.replace(/\/+$/, "");
  return async (path) => {
    const options: RequestOptions = { headers: { accept: "application/json" }, signal: AbortSignal.timeout(PATIENCE) };
    let answer: { status: number; body: string };
    try {
      await config.applyToHTTPSOptions(options);
      answer = await get(new URL(base + path), options);
    } catch (error) {
      throw new LiveError(`${base} does not answer: ${error instanceof Error && error.name === "TimeoutError" ? `nothing came within ${PATIENCE / 1000} s` : words(error)}`, 0);
    }
    if (answer.status !== 200) throw new LiveError(`${answer.status} ${refusal(answer.body)}`.trim(), answer.status);
    return json(answer.body, base);
  };
}

function get(url: URL, options: RequestOptions): Promise<{ status: number; body: string }> {
  return new Promise((done, fail) => {
    const request = (url.protocol === "http:" ? httpRequest : httpsRequest)(url, url.protocol === "http:" ? { ...options, agent: undefined } : options, (response: IncomingMessage) => {
      const chunks: Buffer[] = [];
      let length = 0;
      response.on("data", (chunk: Buffer) => {
        length += chunk.length;
        if (length > LONGEST) response.destroy(new Error(`its answer is longer than ${LONGEST / 1024 / 1024} MiB`));
        else chunks.push(chunk);
      });
      response.on("end", () => done({ status: response.statusCode ?? 0, body: Buffer.concat(chunks).toString("utf8") }));
      response.on("error", fail);
    });
    request.on("error", fail);
    request.end();
  });
}

function json(body: string, base: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    throw new LiveError(`${base} answers with something that is no JSON, so is no API server`, 0);
  }
}

/** What a Status object says. */
function refusal(body: string): string {
  try {
    return text(JSON.parse(body), "message") ?? "";
  } catch {
    return ""; // a proxy's page; the status says enough
  }
}

function words(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.message || ("code" in error ? String(error.code) : error.name);
}
