import { generateKeyPairSync, type KeyObject } from "node:crypto";
import type { Approval } from "../../attestation/approval.ts";
import type { EvidenceBundle } from "../../attestation/evidence-bundle.ts";
import { parseTrust, type Purpose, type TrustedKey } from "../../attestation/keys.ts";
import type { Demand } from "../../attestation/verify.ts";

export const now = new Date("2026-06-01T12:00:00Z");
export const digest = `sha256:${"d".repeat(64)}`;

/** A fresh pair of keys, and the trust file's entry for the public half. */
export function pair(owner: string, purposes: readonly Purpose[], validity: { validFrom?: string; validUntil?: string } = {}) {
  const { privateKey, publicKey } = generateKeyPairSync("ed25519");
  return { privateKey, entry: { owner, publicKey: publicKey.export({ type: "spki", format: "pem" }), purposes, ...validity } };
}

export const builder = pair("ci-1", ["evidence"]);
export const approver = pair("p-approver", ["approval"]);
export const author = pair("p-author", ["approval"]);
export const stranger = pair("p-stranger", ["approval", "evidence"]);

/** A trust file of these keys, read. */
export function trustOf(...pairs: readonly { readonly entry: object }[]): TrustedKey[] {
  return parseTrust(JSON.stringify({ version: 1, keys: pairs.map(({ entry }) => entry) }));
}

export const demand: Demand = { digest, environment: "production", trust: trustOf(builder, approver, author), now };

export function bundle(change: Partial<EvidenceBundle> = {}): EvidenceBundle {
  return {
    environment: "production",
    author: "p-author",
    policyPack: { name: "rlhf-audit-trail", version: "0.1.0", digest: `sha256:${"1".repeat(64)}` },
    configuration: { digest: `sha256:${"2".repeat(64)}` },
    evidence: [
      { kind: "eu-ai-act", file: "eu-ai-act-checklist.yml", digest: `sha256:${"3".repeat(64)}`, author: "p-lawyer", approver: "p-officer", reviewed: "2026-05-01", expires: "2026-06-01" },
    ],
    documents: [{ name: "sbom.json", digest: `sha256:${"4".repeat(64)}` }],
    created: "2026-06-01T11:00:00Z",
    expires: "2026-06-08T11:00:00Z",
    ...change,
  };
}

export function approval(change: Partial<Approval> = {}): Approval {
  return {
    environment: "production",
    author: "p-author",
    approver: "p-approver",
    created: "2026-06-01T11:59:00Z",
    expires: "2026-06-02T12:00:00Z",
    nonce: "0".repeat(32),
    ...change,
  };
}

export const keys = (...pairs: readonly { readonly privateKey: KeyObject }[]): [KeyObject, ...KeyObject[]] => pairs.map(({ privateKey }) => privateKey) as [KeyObject, ...KeyObject[]];
