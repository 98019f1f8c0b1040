/** A project with evidence about an image, as `delivery evidence` and `delivery approve` find it. */
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { delivery } from "./cli.ts";
import { folder } from "./releaseEntries.ts";

export const digest = `sha256:${"d".repeat(64)}`;
export const image = `ghcr.io/terragonlabs/rlhf-audit-trail@${digest}`;
const sha256 = (text: string): string => `sha256:${createHash("sha256").update(text).digest("hex")}`;
const day = (offset: number): string => new Date(Date.now() + offset * 86_400_000).toISOString().slice(0, 10);

/** The project's own law: the ids of all obligations, so that a file can answer them. */
const { obligations } = JSON.parse(readFileSync(join(import.meta.dirname, "../../policies/law.json"), "utf8")) as { obligations: readonly { readonly id: string; readonly file: string }[] };

/** An evidence file, in JSON, which is YAML. */
export function evidenceFile(kind: string, change: object = {}): string {
  const items = obligations.filter(({ file }) => file === kind).map(({ id }) => ({ obligation: id, statement: `The obligation ${id} is met as proof.md shows.`, evidence: { reference: "proof.md", digest: sha256("proof") } }));
  return JSON.stringify({
    kind,
    system: { id: "app", riskClass: "high", role: "provider" },
    release: { digests: [digest] },
    owner: "Officer",
    author: "lawyer@example.org",
    approver: "officer@example.org",
    reviewed: day(-3),
    expires: day(30),
    items,
    ...change,
  });
}

/** The policy pack's report of the release, as far as it is read. */
export function policyReport(change: object = {}): object {
  return {
    tool: { name: "rlhf-audit-trail-policies", version: "0.1.0", digest: sha256("pack") },
    run: { kind: "preview", stack: "production" },
    generated: new Date().toISOString(),
    verdict: "passed",
    images: [{ image, resources: [] }],
    findings: [],
    evidence: ["data-governance.yml", "eu-ai-act.yml", "security-posture.yml"].map((file) => ({ file, state: "current" })),
    ...change,
  };
}

/** A folder with all that a good release has: three evidence files, the report, SBOM and vulnerabilities, keys, and a commit of Ada's. */
export async function project(): Promise<string> {
  const cwd = folder();
  const put = (path: string, text: string): void => writeFileSync(join(cwd, path), text);
  mkdirSync(join(cwd, "compliance"));
  for (const kind of ["data-governance", "eu-ai-act", "security-posture"]) put(`compliance/${kind}.yml`, evidenceFile(kind));
  put("compliance/proof.md", "proof");
  put("report.json", JSON.stringify(policyReport()));
  put("sbom.json", JSON.stringify({ bomFormat: "CycloneDX", specVersion: "1.6", components: [{ name: "node", version: "24" }] }));
  put("trivy.json", JSON.stringify({ SchemaVersion: 2, CreatedAt: new Date().toISOString(), Metadata: { RepoDigests: [image] }, Results: [] }));
  put("Pulumi.production.yaml", "config: {}\n");
  const git = (...args: string[]): void => void execFileSync("git", ["-c", "user.name=Ada Lovelace", "-c", "user.email=ada@example.org", "-c", "commit.gpgsign=false", ...args], { cwd, stdio: "ignore" });
  git("init", "--quiet");
  git("add", "Pulumi.production.yaml");
  git("commit", "--quiet", "--message", "Release it");
  for (const [owner, purpose] of [["ci-1", "evidence"], ["p-grace", "approval"]] as const) {
    const made = await delivery(cwd, "keygen", owner, "--purpose", purpose, "--out", owner);
    if (made.status !== 0) throw new Error(made.err);
  }
  return cwd;
}

/** Makes the evidence of the project. */
export const evidence = async (cwd: string, ...more: readonly string[]) =>
  await delivery(cwd, "evidence", "--image", image, "--stack", "production", "--report", "report.json", "--sbom", "sbom.json", "--vulnerabilities", "trivy.json", "--sign-with", "ci-1.key", "--out", "evidence.json", ...more);

/** Approves the image. */
export const approve = async (cwd: string, ...more: readonly string[]) =>
  await delivery(cwd, "approve", "--image", image, "--environment", "production", "--evidence", "evidence.json", "--sign-with", "p-grace.key", "--out", "approval.json", ...more);
