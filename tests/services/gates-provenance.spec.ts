import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { parseTrust } from "../../attestation/keys.ts";
import { provenanceFindings, type ProvenanceTrust } from "../../services/gates/provenance.ts";
import { authority, builderId, issuer, keyBundle, provenance, subject } from "./gates-sigstore.ts";

const digest = `sha256:${"d".repeat(64)}`;
const ec = generateKeyPairSync("ec", { namedCurve: "P-256" });
const edwards = generateKeyPairSync("ed25519");
const keys = parseTrust(
  JSON.stringify({ version: 1, keys: [ec, edwards].map(({ publicKey }, n) => ({ owner: `ci-${n}`, publicKey: publicKey.export({ type: "spki", format: "pem" }), purposes: ["provenance"] })) }),
);
const byKeys: ProvenanceTrust = { keys, builders: [builderId] };

function refused(bundle: string, trust: ProvenanceTrust, why: RegExp): void {
  const [finding, ...more] = provenanceFindings(bundle, digest, trust);
  assert.ok(finding !== undefined && more.length === 0);
  assert.equal(finding.outcome, "no");
  assert.match(finding.text, why);
}

describe("gates: provenance signed by a key", () => {
  it("counts for either type of key, and for no other", () => {
    for (const { privateKey } of [ec, edwards]) assert.deepEqual(provenanceFindings(keyBundle(provenance(digest), privateKey), digest, byKeys), []);
    refused(keyBundle(provenance(digest), generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey), byKeys, /not signed by one of the 2 keys/);
    refused(keyBundle(provenance(digest), ec.privateKey), { ...byKeys, keys: [] }, /no key that is valid now/);
  });

  it("does not count for another image, builder or kind of statement", () => {
    refused(keyBundle(provenance(`sha256:${"e".repeat(64)}`), ec.privateKey), byKeys, /about another image/);
    refused(keyBundle(provenance(digest, { builder: "https://laptop.example.org" }), ec.privateKey), byKeys, /laptop.*not a trusted builder/);
    refused(keyBundle(provenance(digest, { type: "https://slsa.dev/verification_summary/v1" }), ec.privateKey), byKeys, /another type/);
    refused(keyBundle(provenance(digest), ec.privateKey, "application/json"), byKeys, /payload is not of type/);
    refused(keyBundle(Buffer.from("{}"), ec.privateKey), byKeys, /not an in-toto statement/);
  });

  it("does not count when the payload was changed", () => {
    const bundle = JSON.parse(keyBundle(provenance(`sha256:${"e".repeat(64)}`), ec.privateKey)) as { dsseEnvelope: { payload: string } };
    bundle.dsseEnvelope.payload = provenance(digest).toString("base64");
    refused(JSON.stringify(bundle), byKeys, /changed after it was signed/);
  });

  it("is refused as a sentence whatever it is", () => {
    for (const text of ["", "null", "[]", "{}", '"text"', '{"mediaType":"application/vnd.dev.sigstore.bundle.v0.3+json"}']) refused(text, byKeys, /bundle/);
  });
});

describe("gates: provenance signed by a certificate", () => {
  it("counts for the expected identity under the trusted root", async () => {
    const { root, bundle } = await authority();
    const trust: ProvenanceTrust = { keys: [], builders: [builderId], certificates: { root, issuer, subject } };
    const good = await bundle(provenance(digest));
    assert.deepEqual(provenanceFindings(good, digest, trust), []);
    refused(good, byKeys, /no trusted root/);
    refused(await bundle(provenance(digest), { subject: `${subject}-other` }), trust, /signed by .*-other/);
    refused(await bundle(provenance(digest), { issuer: "https://else.example.org" }), trust, /else\.example\.org/);
    refused(await bundle(provenance(`sha256:${"e".repeat(64)}`)), trust, /another image/);
  });

  it("does not count under another root, or without its entry in the log", async () => {
    const [{ bundle }, other] = [await authority(), await authority()];
    const text = await bundle(provenance(digest));
    refused(text, { ...byKeys, certificates: { root: other.root, issuer, subject } }, /does not verify/);
    const { root, bundle: again } = await authority();
    const unlogged = JSON.parse(await again(provenance(digest))) as { verificationMaterial: { tlogEntries: unknown[] } };
    unlogged.verificationMaterial.tlogEntries = [];
    refused(JSON.stringify(unlogged), { ...byKeys, certificates: { root, issuer, subject } }, /TIMESTAMP_ERROR/);
  });
});
