/** A small API server in this process: objects in a map, server-side apply by whole top-level fields, answers that tests can override. */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { ApiClient, type Patience } from "../../../engine/kubernetes/client.ts";
import { Discovery } from "../../../engine/kubernetes/discovery.ts";
import type { Clusters } from "../../../engine/kubernetes/clusters.ts";
import { at, mapAt, textAt, type Json, type JsonMap } from "../../../engine/kubernetes/objects.ts";

export interface Asked {
  method: string;
  path: string;
  query: { [name: string]: string };
  body: JsonMap;
}
export interface Answer {
  status: number;
  body: Json;
}

const KINDS: { readonly [apiVersion: string]: readonly [plural: string, kind: string, namespaced: boolean][] } = {
  v1: [["configmaps", "ConfigMap", true], ["pods", "Pod", true], ["services", "Service", true], ["namespaces", "Namespace", false], ["events", "Event", true]],
  "apps/v1": [["deployments", "Deployment", true], ["replicasets", "ReplicaSet", true]],
  "batch/v1": [["jobs", "Job", true]],
};
const PATIENCE: Patience = { requestMs: 20_000, attempts: 3, pauseMs: 1 };

export class FakeApiServer {
  readonly objects = new Map<string, JsonMap>();
  readonly asked: Asked[] = [];
  /** Looks at each request first: an answer goes out as it is, "hang" leaves the client waiting, "cut" drops the connection. */
  intercept: (asked: Asked) => Answer | "hang" | "cut" | undefined = () => undefined;
  /** Called with each object as it is read: what controllers would have made of it by then. */
  control: (object: JsonMap, reads: number) => void = () => undefined;
  readonly #server = createServer((request, response) => void this.#serve(request, response));
  readonly #reads = new Map<string, number>();
  readonly #watches = new Map<ServerResponse, string>();
  #uids = 0;

  async start(): Promise<void> {
    await new Promise<void>((resolve) => this.#server.listen(0, "127.0.0.1", resolve));
    this.objects.set("/api/v1/namespaces/kube-system", { apiVersion: "v1", kind: "Namespace", metadata: { name: "kube-system", uid: "cluster-a" } });
  }
  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }
  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/`;
  }
  client(patience: Partial<Patience> = {}): ApiClient {
    const connection = { server: new URL(this.url), context: "test", origin: "test.kubeconfig, context test", namespace: "default", authorize: () => Promise.resolve({}), close: () => undefined };
    return new ApiClient(connection, { ...PATIENCE, ...patience });
  }
  /** As the provider gets it: one cluster, whatever the configuration. */
  clusters(): Clusters {
    const client = this.client();
    const cluster = { client, discovery: new Discovery(client), uid: "cluster-a" };
    return { of: () => Promise.resolve(cluster), close: () => Promise.resolve() } as unknown as Clusters;
  }
  /** Tells whoever watches an object's collection that it has changed. Returns how many do. */
  touch(path: string): number {
    const told = [...this.#watches].filter(([response, collection]) => path.startsWith(`${collection}/`) && !response.destroyed);
    for (const [response] of told) response.write(`${JSON.stringify({ type: "MODIFIED", object: this.objects.get(path) ?? {} })}\n`);
    return told.length;
  }
  /** Requests of a method, by path. */
  paths(method: string): string[] {
    return this.asked.filter((asked) => asked.method === method).map(({ path }) => path);
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? "/", "http://x");
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const text = Buffer.concat(chunks).toString();
    const asked: Asked = { method: request.method ?? "", path: url.pathname, query: Object.fromEntries(url.searchParams), body: (text === "" ? {} : JSON.parse(text)) as JsonMap };
    this.asked.push(asked);
    const said = this.intercept(asked) ?? this.#answer(asked);
    if (said === "hang") return;
    if (said === "cut") {
      request.socket.destroy();
      return;
    }
    if (asked.query["watch"] === "true" && said.status === 200) {
      response.writeHead(200, { "content-type": "application/json" }).flushHeaders();
      this.#watches.set(response, asked.path);
      return;
    }
    response.writeHead(said.status, { "content-type": "application/json" });
    response.end(JSON.stringify(said.body));
  }

  #answer({ method, path, query, body }: Asked): Answer {
    const discovery = /^\/(?:api|apis)\/([a-z.]*\/?v\d+)$/.exec(path)?.[1];
    if (discovery !== undefined) {
      const kinds = KINDS[discovery];
      if (kinds === undefined) return refusal(404, "NotFound", "the server could not find the requested resource");
      return { status: 200, body: { resources: kinds.map(([name, kind, namespaced]) => ({ name, kind, namespaced })) } };
    }
    const held = this.objects.get(path);
    switch (method) {
      case "GET":
        if (held !== undefined) return { status: 200, body: this.#read(path, held) };
        if (/s$/.test(path) && !this.#isObject(path)) return { status: 200, body: { items: query["watch"] === "true" ? [] : this.#list(path, query) } };
        return refusal(404, "NotFound", `${path} not found`);
      case "POST": {
        const key = `${path}/${textAt(body, "metadata", "name")}`;
        if (this.objects.has(key)) return refusal(409, "AlreadyExists", `"${key}" already exists`);
        return { status: 201, body: this.#write(key, body, query["fieldManager"] ?? "", "Update") };
      }
      case "PATCH":
        return this.#patch(path, held, query, body);
      case "DELETE": {
        if (held === undefined) return refusal(404, "NotFound", `${path} not found`);
        const uid = textAt(body, "preconditions", "uid");
        if (uid !== "" && uid !== textAt(held, "metadata", "uid")) return refusal(409, "Conflict", "Precondition failed: UID in precondition does not match");
        this.objects.delete(path);
        return { status: 200, body: held };
      }
      default:
        return refusal(405, "MethodNotAllowed", method);
    }
  }

  #patch(path: string, held: JsonMap | undefined, query: Asked["query"], body: JsonMap): Answer {
    if (held !== undefined && Array.isArray(body)) {
      for (const entry of (held["metadata"] as JsonMap)["managedFields"] as JsonMap[]) if (entry["manager"] === "rlhf-audit-trail-delivery") entry["operation"] = "Apply";
      return { status: 200, body: held };
    }
    const other = textAt(held, "data", "owner");
    if (other !== "" && query["force"] !== "true") {
      const message = "Apply failed with 1 conflict";
      return { status: 409, body: { kind: "Status", reason: "Conflict", message, details: { causes: [{ reason: "FieldManagerConflict", message: `conflict with "${other}" using v1`, field: ".data.owner" }] } } };
    }
    return { status: held === undefined ? 201 : 200, body: this.#write(path, body, query["fieldManager"] ?? "", "Apply", textAt(held, "metadata", "uid")) };
  }

  #write(key: string, body: JsonMap, manager: string, operation: string, uid = `uid-${++this.#uids}`): JsonMap {
    const generation = Number(at(this.objects.get(key), "metadata", "generation") ?? 0) + 1;
    const metadata: JsonMap = { ...mapAt(body, "metadata"), uid, generation, creationTimestamp: new Date().toISOString(), managedFields: [{ manager, operation }] };
    const object: JsonMap = { ...body, metadata };
    this.objects.set(key, object);
    return object;
  }

  #read(path: string, object: JsonMap): JsonMap {
    const reads = (this.#reads.get(path) ?? 0) + 1;
    this.#reads.set(path, reads);
    this.control(object, reads);
    return object;
  }

  #isObject(path: string): boolean {
    return path.split("/").length % 2 === (path.startsWith("/apis") ? 0 : 1) && !/\/(pods|events|replicasets|endpointslices|deployments|jobs|configmaps)$/.test(path);
  }

  #list(path: string, { labelSelector = "" }: Asked["query"]): JsonMap[] {
    const wanted = labelSelector.split(",").filter((pair) => pair !== "").map((pair) => pair.split("="));
    return [...this.objects.entries()]
      .filter(([key]) => key.startsWith(`${path}/`))
      .map(([, object]) => object)
      .filter((object) => wanted.every(([key = "", value]) => textAt(object, "metadata", "labels", key) === value));
  }
}

function refusal(status: number, reason: string, message: string): Answer {
  return { status, body: { kind: "Status", status: "Failure", reason, message } };
}
