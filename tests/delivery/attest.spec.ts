import assert from "node:assert/strict";
import { existsSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseTrust } from "../../attestation/keys.ts";
import { verifyApproval, verifyEvidence } from "../../attestation/verify.ts";
import { Evidence } from "../../services/gates/evidence-store.ts";
import { signedEvidence, vouchedDocument } from "../../services/gates/signed-evidence.ts";
import { approve, digest, evidence, evidenceFile, image, policyReport, project } from "./attestationWorld.ts";
import { delivery } from "./cli.ts";
import { ledgerOf } from "./releaseEntries.ts";

interface ConfigMap {
  readonly metadata: { readonly name: string; readonly namespace?: string };
  readonly data: Readonly<Record<string, string>>;
  readonly binaryData?: Readonly<Record<string, string>>;
}
const read = (cwd: string, name: string): ConfigMap => JSON.parse(readFileSync(join(cwd, name), "utf8")) as ConfigMap;
const demand = (cwd: string) => ({ digest, environment: "production", trust: parseTrust(readFileSync(join(cwd, ".delivery/trust.json"), "utf8")), now: new Date() });

describe("delivery evidence", () => {
  it("signs what the pack judged and what lies beside, in a form that gates accept, without anybody's name", async () => {
    const cwd = await project();
    const made = await evidence(cwd, "--namespace", "shop");
    assert.equal(made.status, 0, made.err);
    const map = read(cwd, "evidence.json");
    assert.deepEqual([map.metadata.name, map.metadata.namespace], [`release-evidence-${"d".repeat(64)}`, "shop"]);
    assert.deepEqual(Object.keys(map.data), ["evidence.dsse.json", "sbom.json", "vulnerabilities.json"]);
    const { predicate, signers } = verifyEvidence(map.data["evidence.dsse.json"] ?? "", demand(cwd));
    assert.deepEqual(signers.map(({ owner }) => owner), ["ci-1"]);
    assert.deepEqual(predicate.evidence.map(({ kind, file }) => [kind, file]), [["eu-ai-act", "eu-ai-act.yml"], ["data-governance", "data-governance.yml"], ["security-posture", "security-posture.yml"]]);
    assert.deepEqual(predicate.documents.map(({ name }) => name), ["sbom.json", "vulnerabilities.json"]);
    assert.match(predicate.author, /^p-[0-9a-f]{32}$/);
    const signed = Buffer.from((JSON.parse(map.data["evidence.dsse.json"] ?? "") as { payload: string }).payload, "base64").toString();
    assert.doesNotMatch(signed, /\bada\b|lovelace|lawyer|@example\.org/i);
    assert.match(readFileSync(join(cwd, ".delivery/people.json"), "utf8"), /Ada Lovelace <ada@example\.org>/);
    // The same people have the same pseudonyms in the next one.
    assert.equal((await evidence(cwd)).status, 0);
    assert.equal(verifyEvidence(read(cwd, "evidence.json").data["evidence.dsse.json"] ?? "", demand(cwd)).predicate.author, predicate.author);
  });

  it("refuses, with what to do and without writing anything, what the gates would refuse", async () => {
    const cwd = await project();
    const report = (change: object): void => writeFileSync(join(cwd, "report.json"), JSON.stringify(policyReport(change)));
    const old = new Date(Date.now() - 48 * 3_600_000).toISOString();
    const reports: [object, RegExp][] = [
      [{ verdict: "violated", findings: [{ rule: "image-digest", level: "mandatory", status: "violated" }] }, /mandatory policies object: image-digest/],
      [{ verdict: "incomplete" }, /was not judged as a whole/],
      [{ run: { kind: "preview", stack: "staging" } }, /is of stack staging, not of stack production/],
      [{ run: { kind: "scan" } }, /is of a scan of files/],
      [{ images: [{ image: image.replace(/d{64}/, "e".repeat(64)) }] }, /does not judge sha256:d+, but ghcr\.io.*@sha256:e+/],
      [{ generated: old }, /was made on .*, and may be 24 hours old/],
      [{ tool: { name: "p", version: "1" } }, /does not say which policy pack judged/],
      [{ evidence: [] }, /did not judge .*eu-ai-act\.yml/],
    ];
    for (const [change, expected] of reports) {
      report(change);
      const told = await evidence(cwd);
      assert.deepEqual([told.status, expected.test(told.err)], [6, true], told.err);
    }
    report({});
    const files: [string, RegExp][] = [
      [evidenceFile("eu-ai-act", { expires: "2026-01-01" }), /expired on 2026-01-01/],
      [evidenceFile("eu-ai-act", { approver: "lawyer@example.org" }), /approved by its own author/],
      [evidenceFile("eu-ai-act", { release: { digests: [`sha256:${"e".repeat(64)}`] } }), /belongs to another release/],
      [evidenceFile("eu-ai-act", { items: [] }), /says nothing about aia-/],
      ["kind: [", /broken YAML/],
    ];
    for (const [text, expected] of files) {
      writeFileSync(join(cwd, "compliance/eu-ai-act.yml"), text);
      const told = await evidence(cwd);
      assert.deepEqual([told.status, expected.test(told.err)], [6, true], told.err);
    }
    writeFileSync(join(cwd, "compliance/eu-ai-act.yml"), evidenceFile("eu-ai-act"));
    writeFileSync(join(cwd, "compliance/proof.md"), "another proof");
    assert.match((await evidence(cwd)).err, /names proof\.md with another digest than it has/);
    assert.ok(!existsSync(join(cwd, "evidence.json")));
  });

  it("takes only keys that count for evidence, and tells wrong input by another exit status", async () => {
    const cwd = await project();
    const approver = await evidence(cwd, "--sign-with", "p-grace.key");
    assert.equal(approver.status, 7);
    assert.match(approver.err, /gives p-grace's key the purposes approval, and not evidence/);
    await delivery(cwd, "keygen", "p-stranger", "--purpose", "evidence", "--out", "stranger", "--trust", "other.json");
    assert.match((await evidence(cwd, "--sign-with", "stranger.key")).err, /does not know key [0-9a-f]{64}/);
    for (const wrong of [["--sbom", "none.json"], ["--report", "sbom.json"], ["--compliance", "none"], ["--image", "app:latest"], ["--commit", "nonsense"], ["--trust", "none.json"], ["--days", "0"]]) {
      const told = await evidence(cwd, ...wrong);
      assert.equal(told.status, 7, `${wrong.join(" ")}: ${told.err}`);
    }
    assert.ok(!existsSync(join(cwd, "evidence.json")));
    const secret = readFileSync(join(cwd, "ci-1.key"), "utf8").split("\n")[1] ?? "-";
    assert.ok(![approver.err, approver.out].join("").includes(secret));
  });

  it("packs what is large, and refuses what no ConfigMap holds", async () => {
    const cwd = await project();
    const components = Array.from({ length: 4000 }, (_, at) => ({ name: `package-${at}`, version: "1.0.0", type: "library" }));
    writeFileSync(join(cwd, "sbom.json"), JSON.stringify({ bomFormat: "CycloneDX", specVersion: "1.6", components }));
    assert.equal((await evidence(cwd)).status, 0);
    const { data, binaryData = {} } = read(cwd, "evidence.json");
    assert.deepEqual(Object.keys(binaryData), ["sbom.json.gz"]);
    // A gate finds it all the same, and that it is the one that was vouched for.
    const seen = new Evidence(digest, { data, binaryData });
    const bundle = signedEvidence(seen, demand(cwd));
    for (const name of ["sbom.json", "vulnerabilities.json"]) assert.ok("text" in vouchedDocument(seen, bundle, name, name), name);
    writeFileSync(join(cwd, "sbom.json"), JSON.stringify({ noise: Array.from({ length: 300_000 }, (_, at) => ((at * 2_654_435_761) >>> 0).toString(16)) }));
    const told = await evidence(cwd);
    assert.deepEqual([told.status, /take \d+ bytes, packed, and a ConfigMap holds 1048576/.test(told.err)], [6, true], told.err);
  });
});

describe("delivery approve", () => {
  it("signs another person's yes to what the evidence is about, until it expires", async () => {
    const cwd = await project();
    await evidence(cwd);
    const made = await approve(cwd, "--hours", "2", "--why", "seen in staging", "--json");
    assert.equal(made.status, 0, made.err);
    const told = JSON.parse(made.out) as { approver: string; author: string; file: string };
    assert.deepEqual([told.approver, told.file], ["p-grace", "approval.json"]);
    const map = read(cwd, "approval.json");
    assert.deepEqual(Object.keys(map.data), ["approval-production.dsse.json"]);
    const { predicate } = verifyApproval(map.data["approval-production.dsse.json"] ?? "", { ...demand(cwd), author: told.author });
    assert.deepEqual([predicate.approver, predicate.reason], ["p-grace", "seen in staging"]);
    assert.equal(Date.parse(predicate.expires) - Date.parse(predicate.created), 2 * 3_600_000);
  });

  it("is refused to the author, to keys for something else, and where the evidence does not count", async () => {
    const cwd = await project();
    await evidence(cwd, "--author", "p-grace");
    const own = await approve(cwd);
    assert.deepEqual([own.status, /must not be the author/.test(own.err)], [6, true], own.err);
    await evidence(cwd);
    const wrongKey = await approve(cwd, "--sign-with", "ci-1.key");
    assert.deepEqual([wrongKey.status, /purposes evidence, and not approval/.test(wrongKey.err)], [7, true], wrongKey.err);
    await delivery(cwd, "keygen", "p-late", "--purpose", "approval", "--out", "late", "--until", "2020-01-01T00:00:00Z");
    const late = await approve(cwd, "--sign-with", "late.key");
    assert.deepEqual([late.status, /none of its 1 signatures is by one of the 1 keys/.test(late.err)], [7, true], late.err);
    const elsewhere = await approve(cwd, "--environment", "staging");
    assert.deepEqual([elsewhere.status, /it is for production, not for staging/.test(elsewhere.err)], [6, true], elsewhere.err);
    const another = await approve(cwd, "--image", image.replace(/d{64}/, "e".repeat(64)));
    assert.deepEqual([another.status, /it is not about sha256:e+/.test(another.err)], [6, true], another.err);
    const text = readFileSync(join(cwd, "evidence.json"), "utf8");
    writeFileSync(join(cwd, "evidence.json"), text.replace(/payload\\":\\"(.{40})./, (_, kept: string) => `payload\\":\\"${kept}A`));
    assert.equal((await approve(cwd)).status, 7);
    writeFileSync(join(cwd, "evidence.json"), "{}");
    assert.match((await approve(cwd)).err, /is no ConfigMap with evidence\.dsse\.json/);
    assert.ok(!existsSync(join(cwd, "approval.json")));
  });

  it("stands in the ledger where one is named, with the digest of what was signed; where it can't be recorded nothing is written", async () => {
    const cwd = await project();
    const { dir, keyFile } = ledgerOf([]);
    const record = ["--ledger", dir, "--signing-key", `${dir}.key`];
    assert.equal((await evidence(cwd, ...record)).status, 0);
    const made = await approve(cwd, ...record);
    assert.match(made.out, /ledger {3}entry 1/, made.err);
    const verified = await delivery(cwd, "ledger", "verify", dir, "--key", keyFile);
    assert.match(verified.out, /2 entries/, verified.err);
    const [first, second] = readFileSync(join(dir, "entries/000000000000.jsonl"), "utf8").trim().split("\n").map((line) => JSON.parse(line) as { kind: string; what: { image: string }; who: { git: string } });
    assert.deepEqual([first?.kind, first?.what.image, second?.kind, second?.what.image], ["evidence-signed", digest, "approval", digest]);
    const refused = await approve(cwd, "--ledger", dir, "--signing-key", `${keyFile}.none`, "--out", "third.json");
    assert.equal(refused.status, 34, refused.err);
    assert.ok(!existsSync(join(cwd, "third.json")));
  });
});

describe("delivery keygen", () => {
  it("keeps the secret for its owner, never overwrites a key, and adds to the trust file what parses", async () => {
    const cwd = await project();
    assert.equal(statSync(join(cwd, "ci-1.key")).mode & 0o077, 0);
    assert.deepEqual(demand(cwd).trust.map(({ owner, purposes }) => [owner, ...purposes]), [["ci-1", "evidence"], ["p-grace", "approval"]]);
    assert.equal((await delivery(cwd, "keygen", "ci-1", "--purpose", "evidence", "--out", "ci-1")).status, 7);
    assert.equal((await delivery(cwd, "keygen", "Ada <ada@example.org>", "--purpose", "evidence", "--out", "ada")).status, 7);
    assert.ok(!existsSync(join(cwd, "ada.key")));
    const limited = await delivery(cwd, "keygen", "ci-2", "--purpose", "evidence", "--out", "ci-2", "--until", "2020-01-01T00:00:00Z");
    assert.equal(limited.status, 0, limited.err);
    assert.match((await evidence(cwd, "--sign-with", "ci-2.key")).err, /none of its 1 signatures is by one of the 1 keys trusted for it/);
  });
});
