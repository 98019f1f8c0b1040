/** The compliance gate, with the clock held still. */
import assert from "node:assert/strict";
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { EVIDENCE_KINDS, evidenceProblems, type EvidenceKind } from "../../policies/evidence.ts";
import { readEvidence } from "../../policies/evidence-files.ts";
import { EXAMPLE_DIGEST } from "../../policies/example-release.ts";

const OWN = `sha256:${"a".repeat(64)}`;
const FILE: Record<EvidenceKind, string> = { "eu-ai-act": "eu-ai-act-checklist.yml", "data-governance": "data-governance.yml", "security-posture": "security-posture.yml" };

describe("evidence", () => {
  let directory: string;
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), "evidence-"));
    cpSync("compliance", directory, { recursive: true });
  });
  afterEach(() => rmSync(directory, { recursive: true }));

  const problems = (kind: EvidenceKind, { now = "2026-11-23", digest = EXAMPLE_DIGEST, leadDays = 730 } = {}) =>
    evidenceProblems(readEvidence(directory) ?? [], { kind, digests: [digest], now: new Date(now), leadDays, exampleDigests: [EXAMPLE_DIGEST] });
  const edit = (kind: EvidenceKind, change: (text: string) => string) => {
    const path = join(directory, FILE[kind]);
    writeFileSync(path, change(readFileSync(path, "utf8")));
  };
  /** Makes the example into evidence of a real release. */
  const real = (kind: EvidenceKind) => edit(kind, (text) => text.replace(/^example:.*\n/m, "").replace(EXAMPLE_DIGEST, OWN));

  for (const kind of EVIDENCE_KINDS) {
    it(`${kind}: the example counts for the example release on any day`, () => {
      for (const now of ["2025-01-01", "2026-11-23", "2099-01-01"]) assert.deepEqual(problems(kind, { now }), []);
    });
    it(`${kind}: absent`, () => {
      rmSync(join(directory, FILE[kind]));
      assert.match(problems(kind)[0]!, /no evidence file of kind/);
    });
    it(`${kind}: the example doesn't count for another release`, () => {
      edit(kind, (text) => text.replace(EXAMPLE_DIGEST, OWN));
      assert.match(problems(kind, { digest: OWN }).join(), /example release only/);
    });
    it(`${kind}: of a real release counts until the day it expires`, () => {
      real(kind);
      assert.deepEqual(problems(kind, { digest: OWN, now: "2027-05-02" }), []);
      assert.match(problems(kind, { digest: OWN, now: "2027-05-03" }).join(), /expired on 2027-05-02/);
      assert.match(problems(kind, { digest: OWN, now: "2026-11-01" }).join(), /still to come/);
    });
    it(`${kind}: for another digest`, () => {
      assert.match(problems(kind, { digest: OWN }).join(), /belongs to another release/);
    });
    it(`${kind}: approved by its author`, () => {
      edit(kind, (text) => text.replace("approver: approver@example.org", "approver: Author@example.org "));
      assert.match(problems(kind).join(), /approved by its own author/);
    });
    it(`${kind}: letting the example expire`, () => {
      edit(kind, (text) => text.replace("expires: 2027-05-02", "expires: 2026-11-22"));
      assert.match(problems(kind).join(), /expired/);
    });
  }

  it("an obligation left out, a reference changed, a reference gone", () => {
    edit("data-governance", (text) => text.replace(/ {2}# GDPR 33[\s\S]*?(?= {2}# GDPR 35)/, ""));
    writeFileSync(join(directory, "evidence/dpia.md"), "other");
    rmSync(join(directory, "evidence/processors.md"));
    const found = problems("data-governance").join("\n");
    assert.match(found, /nothing about gdpr-33 \(GDPR 33/);
    assert.match(found, /evidence\/dpia\.md with another digest/);
    assert.match(found, /evidence\/processors\.md, which is not there/);
  });

  it("asks for an obligation only near or after the date from which it applies", () => {
    real("eu-ai-act");
    edit("eu-ai-act", (text) => text.replace(/ {2}# AI Act 12:[\s\S]*?(?= {2}# AI Act 13)/, ""));
    assert.deepEqual(problems("eu-ai-act", { digest: OWN, leadDays: 0 }), []);
    assert.match(problems("eu-ai-act", { digest: OWN }).join(), /nothing about aia-12/);
  });

  it("says what is wrong with a file that can't be used", () => {
    writeFileSync(join(directory, FILE["security-posture"]), "kind: security-posture\nowner: [\n");
    assert.match(problems("security-posture").join(), /security-posture\.yml can't be used: broken YAML/);
    writeFileSync(join(directory, FILE["security-posture"]), "kind: security-posture\n");
    assert.match(problems("security-posture").join(), /approver: /);
  });

  it("a reference may not leave the directory", () => {
    edit("security-posture", (text) => text.replace("evidence/restore-test.md", "../../../../etc/hostname"));
    assert.match(problems("security-posture").join(), /which is not there/);
  });
});
