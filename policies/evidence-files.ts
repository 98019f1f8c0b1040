/** Reads the evidence directory. */
import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join, relative, resolve } from "node:path";
import { JSON_SCHEMA, load, YAMLException } from "js-yaml";
import { evidenceSchema, type EvidenceFile } from "./evidence.ts";

/**
 * Every `.yml` and `.yaml` file directly in a directory, parsed; broken ones say what is wrong.
 * @returns undefined when the directory isn't there
 */
export function readEvidence(directory: string): EvidenceFile[] | undefined {
  if (!existsSync(directory)) return undefined;
  const names = readdirSync(directory).filter((name) => /\.ya?ml$/.test(name)).sort();
  return names.map((name) => readOne(directory, name));
}

function readOne(directory: string, file: string): EvidenceFile {
  let content: unknown;
  try {
    content = load(readFileSync(join(directory, file), "utf8"), { filename: file, schema: JSON_SCHEMA });
  } catch (error) {
    if (!(error instanceof YAMLException)) throw error;
    return { file, problems: [`broken YAML: ${error.reason}, line ${error.mark.line + 1}`], references: {} };
  }
  const parsed = evidenceSchema.safeParse(content);
  if (!parsed.success) return { file, problems: parsed.error.issues.map((issue) => `${issue.path.map(String).join(".")}: ${issue.message}`), references: {} };
  const local = parsed.data.items.map((item) => item.evidence.reference).filter((reference) => !/^[a-z][a-z0-9+.-]*:/i.test(reference));
  return { file, evidence: parsed.data, problems: [], references: Object.fromEntries(local.map((reference) => [reference, digestOf(directory, reference)])) };
}

function digestOf(directory: string, reference: string): string {
  const path = resolve(directory, reference);
  // A reference may not leave the evidence directory: what it proves must travel with it.
  if (relative(directory, path).startsWith("..") || !existsSync(path)) return "missing";
  return `sha256:${createHash("sha256").update(readFileSync(path)).digest("hex")}`;
}
