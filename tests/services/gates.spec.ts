import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import type { Hono } from "hono";
import { createApp, questionPaths } from "../../services/gates/app.ts";
import { Cluster } from "../../services/gates/cluster.ts";
import { readConfig, type Config, type Role } from "../../services/gates/config.ts";
import { createDecide } from "../../services/gates/decide.ts";
import { createJudge } from "../../services/gates/judge.ts";
import { createLog } from "../../services/gates/log.ts";
import { createMetrics } from "../../services/gates/metrics.ts";
import { ProofKeys } from "../../services/gates/proof.ts";
import { Readiness } from "../../services/gates/readiness.ts";
import { JsonReader } from "../../services/gates/reader.ts";
import { createRecorder } from "../../services/gates/record.ts";
import { Tokens } from "../../services/gates/token.ts";
import { malformedBodies } from "./gates-bodies.ts";
import { ago, approval, digest, evidenceBundle, gateEnvironment, gateFiles, goodEvidence, packed, payload, pipeline, places, putRelease, Stub, token, trivy } from "./gates-world.ts";
import { keyBundle, provenance } from "./gates-sigstore.ts";

let stub: Stub;
let made: ReturnType<typeof gateFiles>;
let closing: (() => void)[];

beforeEach(async () => {
  stub = await Stub.start();
  made = gateFiles();
  closing = [];
  putRelease(stub);
});
afterEach(async () => {
  for (const close of closing) close();
  await stub.stop();
  made.remove();
});

interface Gate {
  readonly app: Hono<never>;
  readonly config: Config;
  readonly lines: string[];
  /** Asks as Flagger does; what is answered, as its status and text. */
  readonly ask: (change?: Record<string, unknown>) => Promise<string>;
}

async function gate(role: Role, change: Record<string, string> = {}): Promise<Gate> {
  const config = readConfig({ ...gateEnvironment(role, stub.address, made.files), ...change });
  const lines: string[] = [];
  const log = createLog({ ...config, LOG_LEVEL: "debug" }, { write: (line) => void lines.push(line) });
  const cluster = await Cluster.open(config.NAMESPACE, { api: config.KUBERNETES_API, tokenFile: config.KUBERNETES_TOKEN_FILE, caFile: undefined });
  const reader = new JsonReader();
  closing.push(() => cluster.close(), () => reader.close());
  const metrics = createMetrics({ role, version: "1" }, { process: false });
  const judge = createJudge(config, { cluster, reader });
  const recorder = createRecorder(log, config.RECORD_FILE);
  const tokens = new Tokens(made.files.token);
  const keys = new ProofKeys(config.PROOF_KEY_FILE);
  const readiness = new Readiness({ judge, cluster, tokens, keys });
  const decide = createDecide({ config, cluster, judge, keys, reader, recorder, metrics, log });
  const app = createApp({ role, environment: config.ENVIRONMENT, decide, keys, accepts: (given) => tokens.accepts(given), readiness, recorder, metrics, log });
  const ask = async (body: Record<string, unknown> = {}): Promise<string> => said(await app.request(`${questionPaths[role]}?token=${token}`, post(payload(body))));
  return { app: app as unknown as Hono<never>, config, lines, ask };
}

const post = (body: unknown, headers: Record<string, string> = {}): RequestInit => ({
  method: "POST",
  headers: { "Content-Type": "application/json", ...headers },
  body: typeof body === "string" ? body : JSON.stringify(body),
});
const without = (data: Record<string, string>, name: string): Record<string, string> => Object.fromEntries(Object.entries(data).filter(([key]) => key !== name));
const said = async (response: Response): Promise<string> => `${response.status} ${(await response.text()).trim()}`;
const records = (): Record<string, unknown>[] => readFileSync(made.files.record, "utf8").trim().split("\n").map((line) => JSON.parse(line) as Record<string, unknown>);

describe("gates: compliance", () => {
  it("passes a release whose signed evidence is complete and current, and asks the API for three objects only", async () => {
    const { ask } = await gate("compliance");
    assert.match(await ask(), new RegExp(`^200 Passed: the evidence is signed, complete and current: ${digest} until `));
    assert.deepEqual(stub.asked.map(({ path }) => path), [places.canary, places.deployment, places.evidence]);
    assert.deepEqual([...new Set(stub.asked.map(({ authorization }) => authorization))], ["Bearer service-account"]);
  });

  it("says no to evidence that is missing, foreign, incomplete, expired, or judged by another pack", async () => {
    const { ask } = await gate("compliance");
    const answers: [Record<string, string>, RegExp][] = [
      [{}, /^403 No: there is no evidence bundle about sha256:d+ \(evidence\.dsse\.json in ConfigMap release-evidence-d+\)\.$/],
      [goodEvidence({}, { environment: "staging" }), /^403 No: .* it is for staging, not for production/],
      [goodEvidence({}, { expires: ago(0.5), created: ago(2) }), /^403 No: .* it expired on/],
      [goodEvidence({}, { evidence: [{ kind: "eu-ai-act", file: "f", digest, author: "a", approver: "b", reviewed: "2026-01-01", expires: ago(-48).slice(0, 10) }] }), /^403 No: .*no answer for data-governance, security-posture/],
      [{ "evidence.dsse.json": "{}" }, /^403 No: .*not a DSSE envelope/],
    ];
    for (const [data, expected] of answers) {
      putRelease(stub, data);
      assert.match(await ask(), expected);
    }
    stub.replies.delete(places.evidence);
    assert.match(await ask(), /^403 No: nothing is known about sha256:d+/);
    putRelease(stub);
    const other = await gate("compliance", { POLICY_PACK_DIGESTS: digest });
    assert.match(await other.ask(), /^403 No: .*judged by policy pack rlhf-audit-trail 0\.1\.0 .* does not count here/);
  });

  it("judges what the Deployment runs now, whatever the payload says: each image, by digest", async () => {
    const { ask } = await gate("compliance");
    putRelease(stub, goodEvidence(), "registry.example.org/app:latest");
    assert.match(await ask(), /^403 No: not every image of Deployment app is named by its digest.*app \(registry\.example\.org\/app:latest\)/);
    putRelease(stub, goodEvidence(), `registry.example.org/app@sha256:${"e".repeat(64)}`);
    assert.match(await ask({ metadata: { image: digest }, checksum: digest.slice(0, 64) }), /^403 No: nothing is known about sha256:e+/);
    stub.set(places.deployment, { spec: { template: { spec: { initContainers: [{ name: "init", image: `i@sha256:${"1".repeat(64)}` }], containers: [{ name: "app", image: `a@${digest}` }] } } } });
    assert.match(await ask(), /^403 No: nothing is known about sha256:1+/);
  });

  it("judges its own namespace only, Canaries that exist, Deployments, and never the rollback hook", async () => {
    const { ask } = await gate("compliance");
    assert.match(await ask({ namespace: "kube-system" }), /^403 No: this gate judges releases in namespace shop, not in kube-system/);
    assert.match(await ask({ metadata: { hook: "rollback" } }), /^403 No: .*rollback hook/);
    assert.equal(stub.asked.length, 0);
    assert.match(await ask({ name: "other" }), /^403 No: there is no Canary other in namespace shop/);
    stub.set(places.canary, { spec: { targetRef: { apiVersion: "apps/v1", kind: "DaemonSet", name: "app" } } });
    assert.match(await ask(), /^403 No: the target of Canary app is a DaemonSet/);
  });
});

describe("gates: approval", () => {
  it("passes with a yes of somebody else than the author, and waits without one", async () => {
    const { ask } = await gate("approval");
    assert.match(await ask(), /^200 Passed: approved for production: sha256:d+ by p-approver until /);
    putRelease(stub, without(goodEvidence(), "approval-production.dsse.json"));
    assert.match(await ask(), /^409 Not yet: nobody has approved sha256:d+ for production: waiting for approval-production\.dsse\.json/);
  });

  it("says no to a yes that expired, is for elsewhere, or names another author than the signed evidence", async () => {
    const { ask } = await gate("approval");
    const answers: [string, RegExp][] = [
      [approval({ created: ago(2), expires: ago(1) }), /it expired on/],
      [approval({ environment: "staging" }), /it is for staging, not for production/],
      [approval({ author: "p-else" }), /names p-else as the author of the release, whose evidence says p-author/],
      [approval({ approver: "p-boss" }), /names p-boss as the approver, but was signed by p-approver/],
      [evidenceBundle({}), /none of its 1 signatures/],
    ];
    for (const [yes, expected] of answers) {
      putRelease(stub, { ...goodEvidence(), "approval-production.dsse.json": yes });
      const answer = await ask();
      assert.match(answer, /^403 No: the approval of/);
      assert.match(answer, expected);
    }
  });
});

describe("gates: security", () => {
  const found = { VulnerabilityID: "CVE-2026-1", PkgName: "libx", PkgIdentifier: { PURL: "pkg:deb/debian/libx@1" }, FixedVersion: "2", Severity: "HIGH" };
  const vex = (change: object = {}, product: object = { "@id": `pkg:oci/app@${digest.replace(":", "%3A")}`, subcomponents: [{ "@id": "pkg:deb/debian/libx@1" }] }) =>
    JSON.stringify({
      "@context": "https://openvex.dev/ns/v0.2.0",
      timestamp: ago(24),
      statements: [{ vulnerability: { name: "CVE-2026-1" }, products: [product], status: "not_affected", justification: "vulnerable_code_not_in_execute_path", ...change }],
    });
  const answer = async (documents: Record<string, string>, environment: Record<string, string> = {}): Promise<string> => {
    putRelease(stub, goodEvidence(documents));
    return (await gate("security", environment)).ask();
  };

  it("passes with provenance, an SBOM and a fresh report, packed or not", async () => {
    assert.match(await answer({}), /^200 Passed: provenance, SBOM and vulnerability report are in order: .*1 components in CycloneDX 1\.6; Trivy report/);
    stub.set(places.evidence, packed(goodEvidence(), "sbom.json"));
    assert.match(await (await gate("security")).ask(), /^200/);
    stub.set(places.evidence, { data: goodEvidence(), binaryData: { "vex.json.gz": "AAAA" } });
    assert.match(await (await gate("security")).ask(), /^403 No: vex\.json\.gz in .* is not gzip/);
  });

  it("says all that is wrong in one answer", async () => {
    const data = goodEvidence({ "sbom.json": "{}", "vulnerabilities.json": trivy([], { CreatedAt: ago(100) }) });
    putRelease(stub, { ...data, "provenance.sigstore.json": keyBundle(provenance(digest, { builder: "https://laptop.example.org" }), pipeline.privateKey) });
    const text = await (await gate("security")).ask();
    for (const part of [/^403 No: /, /not a trusted builder/, /SBOM .* neither CycloneDX nor SPDX/, /report .* is 100 h old; 72 h are the limit/]) assert.match(text, part);
  });

  it("takes no document that the signed bundle does not vouch for, since anyone may write ConfigMaps", async () => {
    putRelease(stub, { ...goodEvidence({ "vulnerabilities.json": trivy([found]) }), "vulnerabilities.json": trivy() });
    assert.match(await (await gate("security")).ask(), /^403 No: the vulnerability report .* is another than the one that the signed evidence bundle names/);
    putRelease(stub, { ...goodEvidence({ "vulnerabilities.json": trivy([found]) }), "vex.json": vex() });
    assert.match(await (await gate("security")).ask(), /the VEX document .* is not named in the signed evidence bundle.*CVE-2026-1 \(high\)/);
    for (const name of ["sbom.json", "vulnerabilities.json", "provenance.sigstore.json"]) {
      putRelease(stub, without(goodEvidence(), name));
      assert.match(await (await gate("security")).ask(), new RegExp(`^403 No: there is no .*${name}`));
    }
  });

  it("refuses from a severity on, and takes an unknown one for the worst", async () => {
    assert.match(await answer({ "vulnerabilities.json": trivy([found]) }), /^403 No: sha256:d+ has 1 open vulnerabilities of severity high or above: CVE-2026-1 \(high\) in pkg:deb\/debian\/libx@1, fixed in 2/);
    assert.match(await answer({ "vulnerabilities.json": trivy([{ ...found, Severity: "MEDIUM" }]) }), /^200/);
    assert.match(await answer({ "vulnerabilities.json": trivy([{ ...found, Severity: "MEDIUM" }]) }, { VULNERABILITY_REFUSED_FROM: "medium" }), /^403/);
    assert.match(await answer({ "vulnerabilities.json": trivy([{ ...found, Severity: "UNKNOWN" }]) }), /^403 No: .*CVE-2026-1 \(unknown\)/);
  });

  it("refuses a report of another image, of the future, or without a date", async () => {
    assert.match(await answer({ "vulnerabilities.json": trivy([], { Metadata: { RepoDigests: [`a@sha256:${"1".repeat(64)}`] } }) }), /says it is about sha256:1+/);
    assert.match(await answer({ "vulnerabilities.json": trivy([], { CreatedAt: ago(-1) }) }), /still to come/);
    assert.match(await answer({ "vulnerabilities.json": trivy([], { CreatedAt: undefined }) }), /does not say when it was made/);
    assert.match(await answer({ "vulnerabilities.json": "not JSON" }), /neither Trivy's JSON nor CycloneDX nor SARIF/);
  });

  it("honours VEX for this image and component, with a justification, for its time", async () => {
    const with_ = (document: string) => answer({ "vulnerabilities.json": trivy([found]), "vex.json": document });
    assert.match(await with_(vex()), /^200 .*with 1 exempted/);
    assert.match(await with_(vex({}, { "@id": "pkg:oci/app", hashes: { "sha-256": digest.slice(7) } })), /^200/);
    assert.match(await with_(vex({ status: "affected" })), /^403/);
    assert.match(await with_(vex({ justification: undefined })), /^403/);
    assert.match(await with_(vex({ timestamp: ago(91 * 24) })), /^403 .*its VEX statement is older than 2160 h/);
    assert.match(await with_(vex({}, { "@id": `pkg:oci/app@sha256%3A${"1".repeat(64)}` })), /^403/);
    assert.match(await with_(vex({}, { "@id": `pkg:oci/app@${digest}`, subcomponents: [{ "@id": "pkg:deb/debian/liby@1" }] })), /^403/);
    assert.match(await with_("{}"), /^403 .*neither OpenVEX nor CycloneDX/);
  });

  it("reads CycloneDX reports and VEX, and SARIF that says when it ended", async () => {
    const cyclone = (analysis?: object) =>
      JSON.stringify({ bomFormat: "CycloneDX", specVersion: "1.6", metadata: { timestamp: ago(1) }, vulnerabilities: [{ id: "CVE-2026-1", ratings: [{ score: 9.1 }], affects: [{ ref: "libx" }], ...(analysis && { analysis }) }] });
    assert.match(await answer({ "vulnerabilities.json": cyclone() }), /^403 .*CVE-2026-1 \(critical\) in libx/);
    assert.match(await answer({ "vulnerabilities.json": cyclone(), "vex.json": cyclone({ state: "not_affected", justification: "code_not_reachable" }) }), /^200/);
    assert.match(await answer({ "vulnerabilities.json": cyclone(), "vex.json": cyclone({ state: "in_triage" }) }), /^403/);
    const sarif = (invocations: object[]) =>
      JSON.stringify({
        version: "2.1.0",
        runs: [{ tool: { driver: { name: "scanner", rules: [{ id: "CVE-2026-1", properties: { "security-severity": "7.5" } }] } }, invocations, results: [{ ruleId: "CVE-2026-1", suppressions: [{ kind: "external" }] }] }],
      });
    assert.match(await answer({ "vulnerabilities.json": sarif([{ endTimeUtc: ago(1), executionSuccessful: true }]) }), /^403 .*CVE-2026-1 \(high\)/);
    assert.match(await answer({ "vulnerabilities.json": sarif([]) }), /does not say when it was made/);
    assert.match(await answer({ "vulnerabilities.json": sarif([{ endTimeUtc: ago(1), executionSuccessful: false }]) }), /does not say when it was made/);
  });
});

describe("gates: what is away", () => {
  it("keeps the release back with a sentence, and never with a 5xx", async () => {
    const { ask: hurried } = await gate("compliance", { DECISION_TIMEOUT_MS: "100" });
    stub.replies.set(places.canary, "hang");
    assert.match(await hurried(), /^409 Not yet: the API server did not answer in time\.$/);
    const { ask } = await gate("compliance");
    stub.replies.set(places.canary, "cut");
    assert.match(await ask(), /^409 Not yet: the API server cannot be reached \(ECONNRESET\)/);
    for (const [status, expected] of [[403, /needs get on canaries/], [401, /ServiceAccount/], [500, /answered 500/]] as const) {
      stub.replies.set(places.canary, { status, body: "{}" });
      assert.match(await ask(), new RegExp(`^409 Not yet: .*${expected.source}`));
    }
    stub.replies.set(places.canary, { status: 200, body: "garbage" });
    assert.match(await ask(), /^409 Not yet: .*cannot be used/);
    stub.replies.set(places.canary, { status: 200, body: JSON.stringify({ filler: "x".repeat(4 * 1024 * 1024) }) });
    assert.match(await ask(), /^409 Not yet: .*more than 4194304 bytes/);
    await stub.stop();
    assert.match(await ask(), /^409 Not yet: the API server cannot be reached \(ECONNREFUSED\)/);
  });

  it("keeps it back, too, where the trust file or the record is broken, and goes on when they are mended", async () => {
    const { ask } = await gate("compliance");
    const trust = readFileSync(made.files.trust, "utf8");
    writeFileSync(made.files.trust, "{");
    assert.match(await ask(), /^409 Not yet: this gate's trust file cannot be used: the trust file is not JSON/);
    writeFileSync(made.files.trust, trust);
    assert.match(await ask(), /^200/);
    const { ask: unrecorded } = await gate("compliance", { RECORD_FILE: made.folder });
    assert.match(await unrecorded(), /^409 Not yet: the decision could not be recorded/);
  });

  it("answers only so many questions at a time, and says so to the others", async () => {
    const { ask } = await gate("compliance", { MAX_IN_FLIGHT: "1" });
    const answers = await Promise.all([ask(), ask()]);
    assert.deepEqual(answers.map((answer) => answer.slice(0, 12)).sort(), ["200 Passed: ", "409 Not yet:"]);
    assert.match(await ask(), /^200/);
  });
});

describe("gates: the record", () => {
  it("has every decision with what it was made from, and Flagger's events whole", async () => {
    const { ask, app, lines } = await gate("compliance");
    await ask({ metadata: { hook: "confirm-promotion" } });
    await ask({ namespace: "other" });
    const eventMessage = "Halt app.shop advancement pre-rollout check compliance failed";
    const event = payload({ metadata: { eventMessage, eventType: "Warning", timestamp: "1795460880330" } });
    assert.equal((await app.request(`/event?token=${token}`, post(event))).status, 200);
    const [good, bad, told] = records();
    assert.deepEqual([good?.["kind"], good?.["gate"], good?.["outcome"], good?.["hook"], good?.["images"]], ["gate-verdict", "compliance", "pass", "confirm-promotion", [digest]]);
    assert.match(String(good?.["template"]), /^sha256:/);
    assert.deepEqual(Object.keys(good?.["inputs"] as object), [`${digest}/evidence.dsse.json`]);
    assert.deepEqual([bad?.["outcome"], bad?.["images"]], ["no", []]);
    assert.deepEqual([told?.["kind"], (told?.["metadata"] as Record<string, string>)["eventMessage"]], ["flagger-event", eventMessage]);
    assert.ok(!lines.join("").includes(token) && !lines.join("").includes("service-account"));
    assert.ok(lines.some((line) => line.includes('"outcome":"pass"')));
  });

  it("shows that a replayed question changes nothing: the same answer while the state is the same, and another when it is not", async () => {
    const { ask } = await gate("approval");
    const [first, again] = [await ask(), await ask()];
    assert.equal(first, again);
    putRelease(stub, { ...goodEvidence(), "approval-production.dsse.json": approval({ created: ago(2), expires: ago(1) }) });
    assert.match(await ask(), /^403/);
  });
});

describe("gates: at the door", () => {
  it("asks for a token that counts; two do while one is replaced by the other", async () => {
    const { app } = await gate("compliance");
    const status = async (query: string): Promise<number> => (await app.request(`/validate${query}`, post(payload()))).status;
    assert.deepEqual([await status(""), await status("?token="), await status(`?token=${token}x`), await status(`?token=${token}`)], [401, 401, 401, 200]);
    const next = "n".repeat(32);
    writeFileSync(made.files.token, `${next}\n${token}\n`);
    assert.deepEqual([await status(`?token=${next}`), await status(`?token=${token}`)], [200, 200]);
    writeFileSync(made.files.token, `${next}\n`);
    assert.deepEqual([await status(`?token=${next}`), await status(`?token=${token}`)], [200, 401]);
    assert.equal((await app.request("/event", post(payload()))).status, 401);
    writeFileSync(made.files.token, "short\n");
    assert.deepEqual([await status("?token=short"), await status(`?token=${token}`)], [409, 409]);
  });

  it("tells wrong methods, types, sizes and payloads apart", async () => {
    const { app } = await gate("compliance");
    const status = async (init: RequestInit, path = "/validate"): Promise<number> => (await app.request(`${path}?token=${token}`, init)).status;
    for (const method of ["GET", "PUT", "DELETE", "OPTIONS"]) assert.equal(await status({ method }), 405);
    assert.equal((await app.request("/validate")).headers.get("Allow"), "POST");
    assert.equal(await status(post(payload()), "/scan"), 404);
    assert.equal(await status(post(payload(), { "Content-Type": "text/plain" })), 415);
    assert.equal(await status(post(payload(), { "Content-Encoding": "gzip" })), 415);
    assert.equal(await status(post(payload({ metadata: { k: "x".repeat(16 * 1024) } }))), 413);
    assert.equal(await status(post(payload({ metadata: { k: "x".repeat(16 * 1024) } })), "/event"), 200);
    assert.equal(await status(post(payload({ metadata: { k: "x".repeat(31 * 1024), l: "x".repeat(31 * 1024), m: "x".repeat(31 * 1024) } })), "/event"), 413);
    for (const broken of ["", "{", "[]", "null", payload({ name: "../x" }), payload({ phase: "Done" }), payload({ metadata: { a: {} } }), payload({ metadata: 1 }), `{"name":${"[".repeat(5000)}${"]".repeat(5000)}}`])
      assert.equal(await status(post(broken)), 422);
    assert.match(await said(await app.request(`/validate?token=${token}`, post({ name: "app" }))), /^422 Not answered: this is not Flagger's payload: namespace is missing or breaks its rule, and 2 more\.$/);
  });

  it("answers 10,000 malformed bodies with a reason, never with a yes and never with a 5xx", async () => {
    const { app, ask } = await gate("compliance");
    const seen = new Map<number, number>();
    for (const body of malformedBodies(10_000)) {
      const response = await app.request(`/validate?token=${token}`, { method: "POST", headers: { "Content-Type": "application/json" }, body: body as string });
      seen.set(response.status, (seen.get(response.status) ?? 0) + 1);
      assert.match(await response.text(), /^(No|Not yet|Not answered): .+\.\n$/);
    }
    assert.deepEqual([...seen.keys()].filter((status) => status !== 403 && status !== 422), [], JSON.stringify([...seen]));
    assert.ok((seen.get(422) ?? 0) > 9_000);
    assert.match(await ask(), /^200/);
  });

  it("is ready when it can decide, and says why not", async () => {
    const ready = async (app: Hono<never>): Promise<string> => said(await app.request("/ready"));
    assert.equal(await ready((await gate("security")).app), "200 ready");
    writeFileSync(made.files.trust, "{}");
    assert.match(await ready((await gate("security")).app), /^503 this gate's trust file cannot be used/);
    stub.replies.set("/api/v1/namespaces/shop/configmaps/gate-readiness", { status: 403, body: "{}" });
    assert.match(await ready((await gate("performance")).app), /^503 the API server does not answer this gate's ServiceAccount/);
    const { app } = await gate("performance");
    assert.deepEqual([(await app.request("/live")).status, /gate_ready 0/.test(await (await app.request("/metrics")).text())], [200, true]);
  });
});
