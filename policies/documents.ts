/** Resources of one YAML or JSON document: a manifest, a List of them, or an exported Pulumi state. */
import { JSON_SCHEMA, load, YAMLException } from "js-yaml";
import { stateResources } from "./pulumi-state.ts";
import { fromManifest, type Resource } from "./resource.ts";
import { isObj } from "./value.ts";

/** Something that could not be read, with its place; lines count from 1. */
export interface InputProblem {
  readonly file: string;
  readonly line?: number;
  readonly message: string;
}

/** A resource that was read, or a problem met on the way. */
export type InputItem = { readonly resource: Resource } | { readonly problem: InputProblem };

/** Most values a document may unfold to through aliases. */
const MOST_NODES = 1_000_000;
/** Deepest nesting that is read; the YAML parser's own limit, held to in JSON too. */
const DEEPEST = 100;

/** The resources of one document. @param line where it begins in its file */
export function* readDocument(text: string, file: string, line: number): Generator<InputItem> {
  const start = text.search(/[^\s-]/);
  // Before the first mark stand a file's directives; comments and end marks say nothing either.
  if (start < 0 || /^(?:-{3})?(?:\s*(?:[%#].*|\.{3})?(?:\n|$))*$/.test(text.slice(0, 4096)) && text.length <= 4096) return;
  const bare = text.replace(/^---/, "   ");
  const problem = (at: number, message: string): InputItem => ({ problem: { file, line: at, message } });
  const json = text[start] === "{" || text[start] === "[";
  let value: unknown;
  try {
    value = parse(bare, json);
  } catch (error) {
    if (!(error instanceof YAMLException)) throw error;
    yield problem(line + error.mark.line, `broken YAML or JSON: ${error.reason}`);
    return;
  }
  if (value === undefined || value === null) return;
  // Without aliases a document has the nodes that were written, and the YAML parser has seen to their depth.
  const aliases = bare.includes("*");
  const excess = json || aliases ? excessOf(value, aliases) : undefined;
  if (excess !== undefined) {
    yield problem(line, excess);
    return;
  }
  yield* resourcesOf(value, file, line + countLines(text, start));
}

/** JSON's own parser is many times as fast; what it refuses may still be YAML, whose parser also says where it is wrong. */
function parse(text: string, looksLikeJson: boolean): unknown {
  if (looksLikeJson) {
    try {
      return JSON.parse(text);
    } catch {
      return load(text, { schema: JSON_SCHEMA });
    }
  }
  return load(text, { schema: JSON_SCHEMA });
}

/** Newlines in a text, up to a position. */
export function countLines(text: string, end = text.length): number {
  let lines = 0;
  for (let at = text.indexOf("\n"); at >= 0 && at < end; at = text.indexOf("\n", at + 1)) lines += 1;
  return lines;
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

/** What is too much about a value, its shared parts counted each time; undefined when nothing is. */
function excessOf(value: unknown, aliases: boolean): string | undefined {
  const tooDeep = `it is nested more than ${DEEPEST} levels deep`;
  try {
    const { nodes, levels } = extent(value, new Map());
    if (aliases && nodes > MOST_NODES) return `its aliases unfold to more than ${MOST_NODES} values, or contain themselves`;
    return levels > DEEPEST ? tooDeep : undefined;
  } catch (error) {
    if (error instanceof RangeError) return tooDeep; // deeper than the stack
    throw error;
  }
}

interface Extent {
  readonly nodes: number;
  readonly levels: number;
}
const LEAF: Extent = { nodes: 1, levels: 0 };
const ENDLESS: Extent = { nodes: Number.POSITIVE_INFINITY, levels: 0 };

function extent(node: unknown, known: Map<object, Extent>): Extent {
  if (typeof node !== "object" || node === null) return LEAF;
  const seen = known.get(node);
  if (seen) return seen;
  known.set(node, ENDLESS); // an alias to itself never ends
  let nodes = 1;
  let levels = 0;
  for (const child of Object.values(node)) {
    const below = extent(child, known);
    nodes += below.nodes;
    levels = Math.max(levels, below.levels);
  }
  const whole = { nodes, levels: levels + 1 };
  known.set(node, whole);
  return whole;
}
