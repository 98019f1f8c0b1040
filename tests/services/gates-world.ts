import { generateKeyPairSync } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import type { Approval } from "../../attestation/approval.ts";
import { attestApproval, attestEvidence } from "../../attestation/attest.ts";
import { evidenceName } from "../../attestation/documents.ts";
import type { EvidenceBundle } from "../../attestation/evidence-bundle.ts";
import type { Purpose } from "../../attestation/keys.ts";
import { sha256 } from "../../services/gates/release.ts";
import { builderId, keyBundle, provenance } from "./gates-sigstore.ts";

export const digest = `sha256:${"d".repeat(64)}`;
export const token = "t".repeat(40);
const proofKey = "p".repeat(40);
const hour = 3_600_000;
export const ago = (hours: number): string => new Date(Date.now() - hours * hour).toISOString();

const pair = (owner: string, purposes: readonly Purpose[]) => {
  const { privateKey, publicKey } = generateKeyPairSync("ed25519");
  return { privateKey, entry: { owner, publicKey: publicKey.export({ type: "spki", format: "pem" }), purposes } };
};
export const pipeline = pair("ci-1", ["evidence", "provenance"]);
const approver = pair("p-approver", ["approval"]);
const trustText = JSON.stringify({ version: 1, keys: [pipeline.entry, approver.entry] });

/** A Trivy report of now, with these vulnerabilities. */
export function trivy(vulnerabilities: object[] = [], change: object = {}): string {
  return JSON.stringify({ SchemaVersion: 2, CreatedAt: ago(1), Metadata: { RepoDigests: [`registry.example.org/app@${digest}`] }, Results: [{ Target: "os", Vulnerabilities: vulnerabilities }], ...change });
}
const sbom = JSON.stringify({ bomFormat: "CycloneDX", specVersion: "1.6", components: [{ name: "node", version: "24" }] });

/** An evidence bundle about the image and the documents beside it. */
export function evidenceBundle(documents: Readonly<Record<string, string>>, change: Partial<EvidenceBundle> = {}): string {
  const kinds = ["eu-ai-act", "data-governance", "security-posture"];
  const day = (text: string): string => text.slice(0, 10);
  const bundle: EvidenceBundle = {
    environment: "production",
    author: "p-author",
    policyPack: { name: "rlhf-audit-trail", version: "0.1.0", digest: sha256("pack") },
    configuration: { digest: sha256("configuration") },
    evidence: kinds.map((kind) => ({ kind, file: `${kind}.yml`, digest: sha256(kind), author: "p-lawyer", approver: "p-officer", reviewed: day(ago(48)), expires: day(ago(-48)) })),
    documents: Object.entries(documents).map(([name, text]) => ({ name, digest: sha256(text) })),
    created: ago(1),
    expires: ago(-24),
    ...change,
  };
  return JSON.stringify(attestEvidence([{ digest }], bundle, [pipeline.privateKey]));
}

export function approval(change: Partial<Approval> = {}): string {
  const yes = { environment: "production", author: "p-author", approver: "p-approver", created: ago(1), expires: ago(-1), ...change };
  return JSON.stringify(attestApproval({ digest }, yes, [approver.privateKey]));
}

/** All that is known about a good image; `documents` are vouched for. */
export function goodEvidence(documents: Readonly<Record<string, string>> = {}, change: Partial<EvidenceBundle> = {}): Record<string, string> {
  const vouched = { "sbom.json": sbom, "vulnerabilities.json": trivy(), ...documents };
  return { "evidence.dsse.json": evidenceBundle(vouched, change), "provenance.sigstore.json": keyBundle(provenance(digest), pipeline.privateKey), "approval-production.dsse.json": approval(), ...vouched };
}
const builders = builderId;

type Reply = { status: number; body: string } | "hang" | "cut";
const json = (body: object, status = 200): Reply => ({ status, body: JSON.stringify(body) });

/** A stand-in for the API server, and for Prometheus, on loopback: answers by path, and counts what was asked. */
export class Stub {
  readonly replies = new Map<string, Reply>();
  readonly asked: { path: string; query: string; authorization: string }[] = [];
  /** What is answered for a Prometheus query, by a part of the query; the last that fits. */
  readonly samples = new Map<string, [labels: Record<string, string>, value: string][]>();
  readonly #held = new Map<string, { until: Promise<void>; asked: () => void }>();
  readonly #server: Server;

  private constructor() {
    this.#server = createServer((request, response) => this.#answer(request, response));
  }

  static async start(): Promise<Stub> {
    const stub = new Stub();
    await new Promise<void>((resolve) => stub.#server.listen(0, "127.0.0.1", resolve));
    return stub;
  }

  get address(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  set(path: string, body: object): void {
    this.replies.set(path, json(body));
  }

  /** Answers a path only when `until` is done, and tells when it is asked. */
  hold(path: string, until: Promise<void>, asked: () => void): void {
    this.#held.set(path, { until, asked });
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    const { pathname, searchParams } = new URL(request.url ?? "", this.address);
    const query = searchParams.get("query") ?? "";
    this.asked.push({ path: pathname, query, authorization: request.headers.authorization ?? "" });
    const reply = this.replies.get(pathname) ?? (pathname.endsWith("/api/v1/query") ? this.#vector(query) : json({ kind: "Status", code: 404 }, 404));
    if (reply === "hang") return;
    if (reply === "cut") return void request.socket.destroy();
    const { until, asked } = this.#held.get(pathname) ?? {};
    asked?.();
    const { status, body } = reply;
    void (until ?? Promise.resolve()).then(() => response.writeHead(status, { "Content-Type": "application/json" }).end(body));
  }

  #vector(query: string): Reply {
    const found = [...this.samples].filter(([part]) => query.includes(part)).at(-1)?.[1] ?? [];
    return json({ status: "success", data: { resultType: "vector", result: found.map(([metric, value]) => ({ metric, value: [0, value] })) } });
  }
}

export const places = {
  canary: "/apis/flagger.app/v1beta1/namespaces/shop/canaries/app",
  deployment: "/apis/apps/v1/namespaces/shop/deployments/app",
  evidence: `/api/v1/namespaces/shop/configmaps/${evidenceName(digest)}`,
};

/** Puts a Canary, its Deployment and what is known about its image into the stub. */
export function putRelease(stub: Stub, data: Record<string, string> = goodEvidence(), image = `registry.example.org/app@${digest}`): void {
  stub.set(places.canary, { spec: { targetRef: { apiVersion: "apps/v1", kind: "Deployment", name: "app" } } });
  stub.set(places.deployment, {
    spec: { template: { metadata: { labels: { app: "app" } }, spec: { containers: [{ name: "app", image, resources: { limits: { cpu: "500m", memory: "1Gi" } } }] } } },
  });
  stub.set(places.evidence, { data });
}

/** The same data, packed, as what is too large for a ConfigMap is. */
export function packed(data: Record<string, string>, name: string): object {
  const { [name]: text = "", ...rest } = data;
  return { data: rest, binaryData: { [`${name}.gz`]: gzipSync(text).toString("base64") } };
}

/** A folder with the files that a gate reads; `remove` at the end. */
export function gateFiles() {
  const folder = mkdtempSync(join(tmpdir(), "gates-"));
  const put = (name: string, text: string): string => {
    const path = join(folder, name);
    writeFileSync(path, text);
    return path;
  };
  const files = { trust: put("trust.json", trustText), token: put("token", `${token}\n`), proof: put("proof", `${proofKey}\n`), account: put("account", "service-account\n"), record: join(folder, "record.jsonl") };
  return { folder, files, put, remove: () => rmSync(folder, { recursive: true }) };
}

/** The environment of a gate that asks the stub. */
export function gateEnvironment(role: string, stub: string, files: ReturnType<typeof gateFiles>["files"]): Record<string, string> {
  return {
    ROLE: role,
    ENVIRONMENT: "production",
    NAMESPACE: "shop",
    HOST: "127.0.0.1",
    PORT: "0",
    HOSTNAME: "pod-1",
    TOKEN_FILE: files.token,
    PROOF_KEY_FILE: files.proof,
    TRUST_FILE: files.trust,
    BUILDERS: builders,
    PROMETHEUS: stub,
    KUBERNETES_API: stub,
    KUBERNETES_TOKEN_FILE: files.account,
    RECORD_FILE: files.record,
    DRAIN_DELAY_MS: "0",
    DECISION_TIMEOUT_MS: "20000",
  };
}

/** What Flagger posts at a hook. */
export function payload(change: Record<string, unknown> = {}): Record<string, unknown> {
  return { name: "app", namespace: "shop", phase: "Progressing", checksum: "5888c66699", metadata: { gate: "compliance", hook: "pre-rollout" }, ...change };
}
