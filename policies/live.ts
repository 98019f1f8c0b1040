/** Reads every declared object of a live namespace: kinds by discovery, page by page. */
import type { InputItem } from "./documents.ts";
import { inOrder, LiveObjects, type LiveKind } from "./live-objects.ts";
import { fromManifest } from "./resource.ts";
import { isObj, list, object, text, texts, type Obj } from "./value.ts";

/** Asks an API server for a path, as in `/api/v1`. Rejects with {@link LiveError}. */
export type Ask = (path: string) => Promise<unknown>;

/** An answer that could not be had; the message says why, for a person. */
export class LiveError extends Error {
  /** HTTP status; 0 when the server did not answer at all. */
  readonly status: number;
  constructor(message: string, status: number) {
    super(message);
    this.status = status;
  }
}

/** Groups of measurements, which nobody declares; where what measures is not ready they don't answer. */
const MEASUREMENTS = /(?:^|\.)metrics\.k8s\.io\//;
/** Objects a page. */
const PAGE = 500;

/** Everything declared in a namespace, and the namespace itself. What may not be read is told as a problem, and the rest goes on. */
export async function* readNamespace(ask: Ask, namespace: string): AsyncGenerator<InputItem> {
  const problem = (message: string): InputItem => ({ problem: { file: `namespace ${namespace}`, message } });
  try {
    const own = fromManifest({ apiVersion: "v1", kind: "Namespace", ...object(await ask(`/api/v1/namespaces/${encodeURIComponent(namespace)}`)) });
    if (own) yield { resource: own };
  } catch (error) {
    if (!(error instanceof LiveError)) throw error;
    yield problem(error.status === 404 ? "there is no such namespace" : `it can't be read: ${error.message}`);
    if (error.status !== 403) return;
  }
  const { kinds, problems } = await discover(ask);
  for (const message of problems) yield problem(message);
  const objects = new LiveObjects();
  for (const kind of inOrder(kinds)) {
    try {
      for await (const item of pages(ask, kind, namespace)) {
        const resource = objects.declared(item, kind);
        if (resource) yield { resource };
      }
    } catch (error) {
      if (!(error instanceof LiveError)) throw error;
      yield problem(`${kind.kind} (${kind.apiVersion}) can't be listed: ${error.message}`);
    }
  }
}

async function* pages(ask: Ask, { apiVersion, plural }: LiveKind, namespace: string): AsyncGenerator<Obj> {
  const base = `${apiVersion.includes("/") ? "/apis" : "/api"}/${apiVersion}/namespaces/${encodeURIComponent(namespace)}/${plural}?limit=${PAGE}`;
  for (let next = ""; ; ) {
    const answer = await ask(next === "" ? base : `${base}&continue=${encodeURIComponent(next)}`);
    for (const item of list(answer, "items")) if (isObj(item)) yield item;
    next = text(answer, "metadata", "continue") ?? "";
    if (next === "") return;
  }
}

/** The kinds of namespaces, each in the version that its group prefers. */
async function discover(ask: Ask): Promise<{ kinds: LiveKind[]; problems: string[] }> {
  const kinds = new Map<string, LiveKind>();
  const problems: string[] = [];
  const groups = list(await answered(ask, "/apis", problems), "groups");
  const preferred = groups.map((group) => text(group, "preferredVersion", "groupVersion"));
  const others = groups.flatMap((group) => list(group, "versions").map((version) => text(version, "groupVersion")));
  for (const apiVersion of new Set(["v1", ...preferred, ...others])) {
    if (apiVersion === undefined || MEASUREMENTS.test(apiVersion)) continue;
    const resources = list(await answered(ask, `${apiVersion === "v1" ? "/api" : "/apis"}/${apiVersion}`, problems), "resources");
    for (const resource of resources) {
      const [plural = "", kind = ""] = [text(resource, "name"), text(resource, "kind")];
      const key = `${apiVersion.replace(/\/.*/, "/")}${kind}`;
      if (plural.includes("/") || object(resource).namespaced !== true || !texts(resource, "verbs").includes("list") || kinds.has(key)) continue;
      kinds.set(key, { apiVersion, kind, plural });
    }
  }
  return { kinds: [...kinds.values()], problems };
}

async function answered(ask: Ask, path: string, problems: string[]): Promise<unknown> {
  try {
    return await ask(path);
  } catch (error) {
    if (!(error instanceof LiveError)) throw error;
    problems.push(`the kinds at ${path} can't be found out: ${error.message}`);
    return undefined;
  }
}
