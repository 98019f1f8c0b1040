import { readFile } from "node:fs/promises";
import { z } from "zod";
import { JsonReader, ReadFailure, type Answer } from "./reader.ts";
import { Halt } from "./verdict.ts";
import { WatchedFile } from "./watched-file.ts";

/** How the API server is reached. */
export interface ClusterAccess {
  /** Address of the API server. */
  readonly api: string;
  /** Files with the ServiceAccount's token, which is rotated, and with the API server's certificate authority. */
  readonly tokenFile: string;
  readonly caFile: string | undefined;
}

const configMapSchema = z.object({ data: z.record(z.string(), z.string()).default({}), binaryData: z.record(z.string(), z.string()).default({}) });
export type ConfigMap = z.output<typeof configMapSchema>;

/** The three kinds of object that a gate may `get`, and their places in the API. */
const places = {
  canary: { path: "/apis/flagger.app/v1beta1", plural: "canaries", called: "Canary" },
  deployment: { path: "/apis/apps/v1", plural: "deployments", called: "Deployment" },
  configMap: { path: "/api/v1", plural: "configmaps", called: "ConfigMap" },
} as const;
type Kind = keyof typeof places;

/** The part of one namespace that the gate may see; it only ever gets single objects by name. */
export class Cluster {
  readonly namespace: string;
  readonly #api: string;
  readonly #token: WatchedFile<string>;
  readonly #reader: JsonReader;

  private constructor(namespace: string, access: ClusterAccess, ca: string | undefined) {
    this.namespace = namespace;
    this.#api = access.api;
    this.#token = new WatchedFile(access.tokenFile, (text) => text.trim());
    this.#reader = new JsonReader(ca);
  }

  /** @throws when the certificate authority's file cannot be read. */
  static async open(namespace: string, access: ClusterAccess): Promise<Cluster> {
    return new Cluster(namespace, access, access.caFile === undefined ? undefined : await readFile(access.caFile, "utf8"));
  }

  /** The object, or undefined where there is none. @throws Halt `not-yet` when the API server does not say. */
  async get(kind: Kind, name: string, signal: AbortSignal): Promise<unknown> {
    const { plural, called } = places[kind];
    const { status, body } = await this.#read(kind, name, signal);
    if (status === 200 && typeof body === "object") return body;
    if (status === 404) return undefined;
    const what = `the API server answered ${status} for ${called} ${name} in namespace ${this.namespace}`;
    if (status === 401 || status === 403) throw new Halt("not-yet", `${what}: the gate's ServiceAccount needs get on ${plural} there`);
    throw new Halt("not-yet", `${what}, which cannot be used`);
  }

  /** The ConfigMap's data, or undefined where there is none. @throws Halt as `get` does. */
  async configMap(name: string, signal: AbortSignal): Promise<ConfigMap | undefined> {
    const body = await this.get("configMap", name, signal);
    if (body === undefined) return undefined;
    const parsed = configMapSchema.safeParse(body);
    if (!parsed.success) throw new Halt("not-yet", `the API server answered something else than ConfigMap ${name}`);
    return parsed.data;
  }

  /** Whether the API server can be asked, with this ServiceAccount: getting what is not there must answer 404 and nothing else. */
  async reachable(signal: AbortSignal): Promise<boolean> {
    try {
      const { status } = await this.#read("configMap", "gate-readiness", signal);
      return status === 404 || status === 200;
    } catch (error) {
      if (error instanceof Halt) return false;
      throw error;
    }
  }

  close(): void {
    this.#reader.close();
  }

  async #read(kind: Kind, name: string, signal: AbortSignal): Promise<Answer> {
    const { path, plural } = places[kind];
    let token: string;
    try {
      token = await this.#token.get();
    } catch (error) {
      throw new Halt("not-yet", "this gate cannot read its ServiceAccount's token", { cause: error });
    }
    try {
      const address = new URL(`${path}/namespaces/${this.namespace}/${plural}/${encodeURIComponent(name)}`, this.#api);
      return await this.#reader.get(address, { Authorization: `Bearer ${token}` }, signal);
    } catch (error) {
      if (error instanceof ReadFailure) throw new Halt("not-yet", `the API server ${error.message}`, { cause: error });
      throw error;
    }
  }
}
