/** Reads what is to be scanned: YAML and JSON files, directories, standard input, exported Pulumi states. */
import { closeSync, openSync, readdirSync, readSync, statSync } from "node:fs";
import { join } from "node:path";
import { StringDecoder } from "node:string_decoder";
import { JSON_SCHEMA, load, YAMLException } from "js-yaml";
import { fromManifest, fromPulumi, type Resource } from "./resource.ts";
import { copyPlain, isObj, type Obj } from "./value.ts";

/** Something that could not be read, with its place. */
export interface InputProblem {
  readonly file: string;
  readonly line?: number;
  readonly message: string;
}

/** A resource that was read, or a problem met on the way. */
export type InputItem = { readonly resource: Resource } | { readonly problem: InputProblem };

/** Longest single document, in characters: what is beyond is refused, so that memory stays bounded. */
const LONGEST_DOCUMENT = 32 * 1024 * 1024;
/** Most values a document may unfold to through aliases. */
const MOST_NODES = 1_000_000;
const CHUNK = 1 << 20;

/** Everything under the given paths (`-` is standard input), one resource at a time, in order of names. */
export function* readInputs(paths: readonly string[]): Generator<InputItem> {
  for (const path of paths) yield* readPath(path, true);
}

function* readPath(path: string, named: boolean): Generator<InputItem> {
  if (path === "-") {
    yield* readFrom(0, "stdin");
    return;
  }
  try {
    if (statSync(path).isDirectory()) {
      for (const entry of readdirSync(path).sort()) {
        if (entry !== "node_modules" && entry !== ".git") yield* readPath(join(path, entry), false);
      }
    } else if (named || /\.(ya?ml|json)$/i.test(path)) {
      const descriptor = openSync(path, "r");
      try {
        yield* readFrom(descriptor, path);
      } finally {
        closeSync(descriptor);
      }
    }
  } catch (error) {
    if (!(error instanceof Error) || !("code" in error)) throw error;
    yield { problem: { file: path, message: reason(String(error.code)) } };
  }
}

function reason(code: string): string {
  const words: Readonly<Record<string, string>> = { ENOENT: "no such file or directory", EACCES: "access denied", ELOOP: "too many links" };
  return words[code] ?? `can't be read (${code})`;
}

/** Documents of one file, read in pieces: a file of any size needs the memory of its longest document. */
function* readFrom(descriptor: number, file: string): Generator<InputItem> {
  const decoder = new StringDecoder("utf8");
  const buffer = Buffer.alloc(CHUNK);
  let pending = "";
  let line = 1;
  let json: boolean | undefined;
  for (;;) {
    const bytes = readSync(descriptor, buffer, 0, CHUNK, null);
    pending += bytes === 0 ? decoder.end() : decoder.write(buffer.subarray(0, bytes));
    json ??= /^\s*[{[]/.test(pending);
    if (bytes === 0) {
      yield* readDocument(pending, file, line);
      return;
    }
    if (!json) {
      const parts = pending.split(/^---(?=\s|$)/m);
      // The last part may go on in the next piece; a mark cut in two is put together with it.
      pending = parts.pop() ?? "";
      for (const part of parts) {
        yield* readDocument(part, file, line);
        line += countLines(part);
      }
      if (parts.length > 0) pending = `---${pending}`;
    }
    if (pending.length > LONGEST_DOCUMENT) {
      yield { problem: { file, line, message: `a document longer than ${LONGEST_DOCUMENT / 1024 / 1024} MiB is not read` } };
      return;
    }
  }
}

function countLines(text: string): number {
  let lines = 0;
  for (let at = text.indexOf("\n"); at >= 0; at = text.indexOf("\n", at + 1)) lines += 1;
  return lines;
}

/** The resources of one document; `line` is where it begins in its file. */
function* readDocument(text: string, file: string, line: number): Generator<InputItem> {
  const bare = text.replace(/^---/, "   ");
  let value: unknown;
  try {
    value = load(bare, { schema: JSON_SCHEMA });
  } catch (error) {
    if (!(error instanceof YAMLException)) throw error;
    yield { problem: { file, line: line + error.mark.line, message: `broken YAML or JSON: ${error.reason}` } };
    return;
  }
  if (value === undefined || value === null) return;
  if (bare.includes("*") && unfolds(value)) {
    yield { problem: { file, line, message: `its aliases unfold to more than ${MOST_NODES} values` } };
    return;
  }
  const first = line + Math.max(0, countLines(bare.slice(0, bare.search(/[^\s]/))));
  yield* resourcesOf(value, file, first);
}

function* resourcesOf(value: unknown, file: string, line: number): Generator<InputItem> {
  if (Array.isArray(value)) {
    for (const item of value) yield* resourcesOf(item, file, line);
    return;
  }
  if (!isObj(value)) {
    yield { problem: { file, line, message: "a document must be an object with apiVersion and kind" } };
    return;
  }
  const state = stateResources(value);
  if (state) {
    for (const resource of state) yield { resource };
    return;
  }
  if (Array.isArray(value.items) && typeof value.kind === "string" && value.kind.endsWith("List")) {
    yield* resourcesOf(value.items, file, line);
    return;
  }
  const resource = fromManifest(value, { file, line });
  yield resource ? { resource } : { problem: { file, line, message: "no apiVersion and kind, so no Kubernetes object" } };
}

/** The Kubernetes resources of an exported Pulumi state; undefined when the object is none. */
function stateResources(value: Obj): Resource[] | undefined {
  const deployment = isObj(value.deployment) ? value.deployment : value;
  if (!Array.isArray(deployment.resources) || value.kind !== undefined) return undefined;
  return deployment.resources.filter(isObj).flatMap((entry) => {
    const { type, urn, inputs } = entry;
    if (typeof type !== "string" || typeof urn !== "string" || !isObj(inputs) || !type.startsWith("kubernetes:")) return [];
    return [fromPulumi(type, copyPlain(inputs), urn)];
  });
}

/** Whether a value, its shared parts counted each time, has too many nodes. */
function unfolds(value: unknown): boolean {
  const sizes = new Map<object, number>();
  const size = (node: unknown): number => {
    if (typeof node !== "object" || node === null) return 1;
    const seen = sizes.get(node);
    if (seen !== undefined) return seen;
    let total = 1;
    sizes.set(node, Number.POSITIVE_INFINITY); // an alias to itself never ends
    for (const child of Object.values(node)) total += size(child);
    sizes.set(node, total);
    return total;
  };
  return size(value) > MOST_NODES;
}
