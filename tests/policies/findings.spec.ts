/** What every rule says of its examples, word for word: paths and messages are what people and tools rely on. UPDATE_FINDINGS=1 writes it anew, for review. */
import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { judgedExamples } from "../../policies/example-findings.ts";
import { readEvidence } from "../../policies/evidence-files.ts";
import { RULES } from "../../policies/rules/index.ts";

const FILE = join(import.meta.dirname, "findings.txt");

function written(): string {
  const evidence = readEvidence("compliance");
  const context = { now: new Date("2026-11-23T12:00:00Z"), ...(evidence && { evidence }) };
  const rules = RULES.toSorted((a, b) => a.id.localeCompare(b.id)).map((rule) => {
    const lines = judgedExamples(rule, context).filter(({ example }) => !example.includes("hidden")).flatMap(({ example, findings }) => findings.map((finding) => `  ${example}: ${finding}`));
    return [`${rule.id} (${rule.scope === "resource" ? rule.kinds.join(", ") : "stack"})`, ...lines].join("\n");
  });
  return `${rules.join("\n\n")}\n`;
}

describe("findings", () => {
  it("of every example are the ones on record", () => {
    const found = written();
    if (process.env.UPDATE_FINDINGS === "1") writeFileSync(FILE, found);
    assert.deepEqual(found.split("\n"), readFileSync(FILE, "utf8").split("\n"));
  });
});
