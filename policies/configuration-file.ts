/** Reads a configuration file of the pack, and says on which line it is wrong. */
import { readFileSync } from "node:fs";
import type { Rule } from "./rule.ts";
import { parseSettings, SettingsError, type Settings } from "./settings.ts";

/** A configuration file that can't be used; the message has one line for each problem, each with file and line. */
export class ConfigurationError extends Error {}

/** Settings as a file has them, and its text. @throws {ConfigurationError} */
export async function readConfiguration(rules: readonly Rule[], file: string): Promise<{ settings: Settings; text: string }> {
  const text = readText(file);
  let content: unknown;
  try {
    content = JSON.parse(text);
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    // The parser names the line of what it can't read, not of what it misses at the end.
    const line = Number(/line (\d+)/.exec(message)?.[1] ?? text.trimEnd().split("\n").length);
    throw new ConfigurationError(`${file}:${line}: no JSON: ${message}`);
  }
  try {
    return { settings: parseSettings(rules, content, file), text };
  } catch (error) {
    if (!(error instanceof SettingsError)) throw error;
    const lineOf = await lines(text);
    throw new ConfigurationError(error.problems.map(({ path, message }) => `${file}:${lineOf(path)}: ${[...path, message].join(": ")}`).join("\n"));
  }
}

function readText(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    const code = error instanceof Error && "code" in error ? error.code : undefined;
    if (typeof code !== "string") throw error;
    throw new ConfigurationError(`${file}: ${code === "ENOENT" ? "no such file" : `can't be read (${code})`}`);
  }
}

/** What finds the line of a path of keys, or of as much of it as is there. */
async function lines(text: string): Promise<(path: readonly string[]) => number> {
  // JSON is YAML, and this parser knows where each key stands; loaded only for this, because it takes its time.
  const { isMap, isPair, isSeq, LineCounter, parseDocument } = await import("yaml");
  const counter = new LineCounter();
  const root = parseDocument(text, { lineCounter: counter }).contents;
  return (path) => {
    let node: unknown = root;
    let at = 0;
    for (const key of path) {
      const child: unknown = isMap(node) ? node.items.find((item) => isPair(item) && String(item.key) === key) : isSeq(node) ? node.items[Number(key)] : undefined;
      if (child === undefined) break;
      const place = isPair(child) ? child.key : child;
      at = (place as { range?: [number, number, number] }).range?.[0] ?? at;
      node = isPair(child) ? child.value : child;
    }
    return counter.linePos(at).line;
  };
}
