/** Reading YAML as Pulumi's CLI reads it, with errors that name file, line and column. */
import { readFileSync } from "node:fs";
import { type Document, LineCounter, isScalar, parseDocument, visit } from "yaml";
import { UserError, systemCode } from "./errors.ts";

/** A value out of a YAML file; integers are bigints so that none loses digits. */
export type YamlValue = null | boolean | number | bigint | string | YamlValue[] | { [key: string]: YamlValue };

// Go's YAML reader, which Pulumi uses, takes these for octal numbers, dates and grouped digits; YAML 1.2 readers do not.
const ambiguous: readonly { pattern: RegExp; what: string }[] = [
  { pattern: /^[-+]?0[0-9_]+$/, what: "a number with a leading zero" },
  { pattern: /^[-+]?[0-9][0-9_]*_[0-9_]*$/, what: "a number with underscores" },
  { pattern: /^\d{4}-\d\d?-\d\d?([Tt \t].*)?$/, what: "a date" },
];

/**
 * Reads and parses one YAML file.
 * @returns plain data (`null` for an empty file)
 * @throws UserError when the file cannot be read, is not YAML, or holds an unquoted value that readers disagree about
 */
export function readYamlFile(path: string): YamlValue {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (cause) {
    throw new UserError(`${path} cannot be read: ${systemCode(cause) ?? String(cause)}`, undefined, { cause });
  }
  return parseYaml(text, path);
}

/** As `readYamlFile`, for text already read; `name` stands for the file in messages. */
export function parseYaml(text: string, name: string): YamlValue {
  const lines = new LineCounter();
  const document = parseDocument(text.replace(/^\uFEFF/, ""), {
    lineCounter: lines,
    prettyErrors: false,
    intAsBigInt: true,
  });
  const [problem] = document.errors;
  if (problem !== undefined) {
    const { line, col } = lines.linePos(problem.pos[0]);
    throw new UserError(
      `${name}:${line}:${col} is not valid YAML: ${problem.message.replace(/\.?$/, ".")}`,
      "Mend the line and run again.",
    );
  }
  refuseAmbiguous(document, lines, name);
  return document.toJS() as YamlValue;
}

function refuseAmbiguous(document: Document.Parsed, lines: LineCounter, name: string): void {
  visit(document, {
    Scalar(key, node) {
      if (key === "key" || !isScalar(node) || node.type !== "PLAIN" || node.source === undefined) return;
      const hit = ambiguous.find(({ pattern }) => pattern.test(node.source ?? ""));
      if (hit === undefined) return;
      const { line, col } = lines.linePos(node.range?.[0] ?? 0);
      throw new UserError(
        `${name}:${line}:${col} holds ${hit.what} without quotes, which YAML readers take for different values.`,
        "Put quotes around it.",
      );
    },
  });
}

/** True for a mapping. */
export function isMapping(value: YamlValue | undefined): value is { [key: string]: YamlValue } {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
