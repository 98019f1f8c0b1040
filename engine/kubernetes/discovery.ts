/** Which path serves a kind: asked of the server once for each API version. */
import { ApiError, type ApiClient } from "./client.ts";
import { listAt, textAt, at, type JsonMap } from "./objects.ts";
import { UserError } from "../errors.ts";

/** How a kind is served. */
export interface ServedKind {
  plural: string;
  namespaced: boolean;
}

/** The kind is not served (its CRD is not there yet, or no longer). */
export class KindNotServed extends UserError {
  constructor(apiVersion: string, kind: string, server: string) {
    super(`The cluster ${server} does not serve ${kind} in ${apiVersion}.`, "Install its CRD first, and make what uses it depend on that (dependsOn); or correct the apiVersion.");
    this.name = "KindNotServed";
  }
}

export class Discovery {
  readonly #client: ApiClient;
  readonly #versions = new Map<string, Promise<JsonMap[]>>();

  constructor(client: ApiClient) {
    this.#client = client;
  }

  /** @throws KindNotServed when the server has no such kind, asked anew before that is said */
  async find(apiVersion: string, kind: string, signal: AbortSignal): Promise<ServedKind> {
    for (const fresh of [false, true]) {
      if (fresh) this.#versions.delete(apiVersion);
      const found = (await this.#resources(apiVersion, signal)).find((entry) => textAt(entry, "kind") === kind && !textAt(entry, "name").includes("/"));
      if (found !== undefined) return { plural: textAt(found, "name"), namespaced: at(found, "namespaced") === true };
    }
    throw new KindNotServed(apiVersion, kind, this.#client.connection.server.origin);
  }

  /** Path of an object, or of the collection when `name` is empty. A namespaced kind needs its namespace. */
  async path(apiVersion: string, kind: string, namespace: string, name: string, signal: AbortSignal): Promise<string> {
    const { plural, namespaced } = await this.find(apiVersion, kind, signal);
    return objectPath(apiVersion, plural, namespaced ? namespace : "", name);
  }

  #resources(apiVersion: string, signal: AbortSignal): Promise<JsonMap[]> {
    const known = this.#versions.get(apiVersion);
    if (known !== undefined) return known;
    const asked = this.#client
      .request("GET", basePath(apiVersion), { signal })
      .then((list) => listAt(list, "resources"))
      .catch((error: unknown) => {
        this.#versions.delete(apiVersion);
        if (error instanceof ApiError && error.status === 404) return [];
        throw error;
      });
    this.#versions.set(apiVersion, asked);
    return asked;
  }
}

/** Path of an object or collection whose plural is known. */
export function objectPath(apiVersion: string, plural: string, namespace: string, name: string): string {
  const place = namespace === "" ? "" : `/namespaces/${encodeURIComponent(namespace)}`;
  return `${basePath(apiVersion)}${place}/${plural}${name === "" ? "" : `/${encodeURIComponent(name)}`}`;
}

function basePath(apiVersion: string): string {
  return apiVersion.includes("/") ? `/apis/${apiVersion}` : `/api/${apiVersion}`;
}
