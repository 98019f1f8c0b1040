import assert from "node:assert/strict";
import { createPublicKey, generateKeyPairSync, verify, type KeyObject } from "node:crypto";
import fc from "fast-check";
import { attestApproval, attestEvidence } from "../../attestation/attest.ts";
import { approvalType } from "../../attestation/approval.ts";
import { inTotoPayloadType, seal, type SerializedEnvelope } from "../../attestation/envelope.ts";
import { AttestationError, type AttestationErrorCode } from "../../attestation/failure.ts";
import { keyId, parseSigningKey, parseTrust } from "../../attestation/keys.ts";
import { statementAbout } from "../../attestation/statement.ts";
import { verifyApproval, verifyEvidence, type Demand } from "../../attestation/verify.ts";
import { approval, approver, author, builder, bundle, demand, digest, keys, now, pair, stranger, trustOf } from "./fixtures.ts";

const text = (envelope: SerializedEnvelope): string => JSON.stringify(envelope);
const evidence = text(attestEvidence([{ digest }], bundle(), keys(builder)));
const yes = text(attestApproval({ digest }, approval(), keys(approver)));

function refuses(code: AttestationErrorCode, act: () => unknown, message = /./): void {
  assert.throws(act, (error) => {
    assert.ok(error instanceof AttestationError, String(error));
    assert.deepEqual([error.code, message.test(error.message)], [code, true], error.message);
    return true;
  });
}
const approve = (envelope: string, change: Partial<Demand & { author: string }> = {}) => verifyApproval(envelope, { ...demand, author: "p-author", ...change });
const judge = (envelope: string, change: Partial<Demand> = {}) => verifyEvidence(envelope, { ...demand, ...change });
const later = (ms: number): Date => new Date(now.getTime() + ms);

describe("attestation: what was made is verified", () => {
  it("gives the predicate and its signers back", () => {
    assert.deepEqual(judge(evidence).predicate, bundle());
    assert.deepEqual(approve(yes).predicate, approval());
    assert.deepEqual(approve(yes).signers.map(({ owner, id }) => [owner, id]), [["p-approver", keyId(approver.privateKey)]]);
  });

  it("finds any of several subjects, and no other", () => {
    const other = `sha256:${"e".repeat(64)}`;
    const envelope = text(attestEvidence([{ name: "api", digest }, { digest: other }], bundle(), keys(builder)));
    assert.deepEqual(judge(envelope, { digest: other }).predicate, bundle());
    refuses("SUBJECT", () => judge(envelope, { digest: `sha256:${"f".repeat(64)}` }));
  });

  it("gives each approval a nonce of its own", () => {
    const { nonce: forgotten, ...rest } = approval();
    const nonces = [0, 1].map(() => approve(text(attestApproval({ digest }, rest, keys(approver)))).predicate.nonce);
    assert.ok(!nonces.includes(forgotten));
    assert.notEqual(nonces[0], nonces[1]);
  });

  it("takes the DSSE protocol's own test vector for the bytes that are signed", () => {
    // From the protocol's text: PAE("http://example.com/HelloWorld", "hello world")
    const encoded = Buffer.from("DSSEv1 29 http://example.com/HelloWorld 11 hello world");
    const { signatures: [signature] } = seal("http://example.com/HelloWorld", Buffer.from("hello world"), keys(builder));
    assert.ok(verify(null, encoded, createPublicKey(builder.privateKey), Buffer.from(signature?.sig ?? "", "base64")));
  });
});

describe("attestation: what was changed is refused", () => {
  const parsed = JSON.parse(yes) as SerializedEnvelope & { signatures: [{ keyid: string; sig: string }] };
  const sameAlphabet = (json: string): string => json.replaceAll("-", "+").replaceAll("_", "/");

  it("any bit of the payload, the signature or the type", () => {
    const flipped = (bytes: Buffer, bit: number): Buffer => {
      const copy = Buffer.from(bytes);
      copy[bit >> 3]! ^= 1 << (bit & 7);
      return copy;
    };
    const payload = Buffer.from(parsed.payload, "base64");
    const sig = Buffer.from(parsed.signatures[0].sig, "base64");
    const type = Buffer.from(parsed.payloadType);
    fc.assert(
      fc.property(fc.nat(payload.length * 8 - 1), (bit) => refuses("SIGNATURE", () => approve(JSON.stringify({ ...parsed, payload: flipped(payload, bit).toString("base64") })))),
      { numRuns: 300 },
    );
    for (let bit = 0; bit < sig.length * 8; bit++)
      refuses("SIGNATURE", () => approve(JSON.stringify({ ...parsed, signatures: [{ ...parsed.signatures[0], sig: flipped(sig, bit).toString("base64") }] })));
    for (let bit = 0; bit < type.length * 8; bit++) refuses("PAYLOAD_TYPE", () => approve(JSON.stringify({ ...parsed, payloadType: flipped(type, bit).toString("latin1") })));
  });

  it("any character of the text that means something", () => {
    const keyid = parsed.signatures[0].keyid;
    const hint = yes.indexOf(keyid);
    fc.assert(
      fc.property(fc.nat(yes.length - 1), fc.integer({ min: 32, max: 126 }), (at, code) => {
        const changed = yes.slice(0, at) + String.fromCharCode(code) + yes.slice(at + 1);
        // The key's id is only a hint, which nothing depends on.
        if (changed === yes || (at >= hint && at < hint + keyid.length)) return;
        try {
          approve(changed);
        } catch (error) {
          assert.ok(error instanceof AttestationError);
          return;
        }
        // Base64's other alphabet writes the same bytes; anything else must have been refused.
        assert.equal(sameAlphabet(changed), sameAlphabet(yes));
      }),
      { numRuns: 2000 },
    );
  });

  it("a type that was moved into the payload", () => {
    const moved = seal("application/other", Buffer.from(parsed.payload, "base64"), keys(approver));
    refuses("SIGNATURE", () => approve(JSON.stringify({ ...moved, payloadType: inTotoPayloadType })));
  });

  it("whatever is no envelope", () => {
    fc.assert(fc.property(fc.oneof(fc.string(), fc.json()), (anything) => refuses("ENVELOPE", () => approve(anything))));
    for (const broken of [{}, { ...parsed, signatures: [] }, { ...parsed, more: 1 }, { ...parsed, payload: `${parsed.payload}\n` }, { ...parsed, payload: 1 }]) refuses("ENVELOPE", () => approve(JSON.stringify(broken)));
    refuses("ENVELOPE", () => approve(" ".repeat(2 ** 20) + yes), /longer/);
  });

  it("a signed payload that is no statement, or says another kind of thing", () => {
    const signed = (payload: string): string => text(seal(inTotoPayloadType, Buffer.from(payload), keys(approver)));
    for (const payload of ["", "[]", "{}", "\xff", JSON.stringify({ ...statementAbout([{ digest }], approvalType, approval()), _type: "https://in-toto.io/Statement/v0.1" })]) refuses("STATEMENT", () => approve(signed(payload)));
    refuses("STATEMENT", () => approve(text(seal(inTotoPayloadType, Buffer.from([0xff, 0x7b]), keys(approver)))), /UTF-8/);
    refuses("PREDICATE_TYPE", () => approve(signed(JSON.stringify(statementAbout([{ digest }], "https://example.org/other", approval())))));
    refuses("PREDICATE", () => approve(signed(JSON.stringify(statementAbout([{ digest }], approvalType, { ...approval(), extra: 1 })))));
    // An evidence bundle is no approval, even by a key that may sign both.
    const both = pair("p-both", ["approval", "evidence"]);
    const asBundle = text(attestEvidence([{ digest }], bundle(), keys(both)));
    refuses("PREDICATE_TYPE", () => approve(asBundle, { trust: trustOf(both) }));
  });
});

describe("attestation: who signed", () => {
  it("must be trusted, for this purpose, now", () => {
    refuses("SIGNATURE", () => approve(text(attestApproval({ digest }, approval(), keys(stranger)))), /none of its 1 signatures/);
    refuses("SIGNATURE", () => approve(text(attestApproval({ digest }, approval(), keys(builder)))));
    refuses("SIGNATURE", () => judge(text(attestEvidence([{ digest }], bundle(), keys(approver)))));
    const brief = pair("p-approver", ["approval"], { validFrom: "2026-01-01T00:00:00Z", validUntil: "2026-06-01T12:00:00Z" });
    const envelope = text(attestApproval({ digest }, approval(), keys(brief)));
    refuses("TRUST", () => approve(envelope, { trust: trustOf(brief) }), /no key that is valid now/);
    assert.doesNotThrow(() => approve(envelope, { trust: trustOf(brief), now: later(-1) }));
  });

  it("may be several, in any order and among strangers; a threshold counts people, not keys", () => {
    const second = pair("p-second", ["approval"]);
    const again = pair("p-approver", ["approval"]);
    const trust = trustOf(approver, second, again);
    const by = (...pairs: { privateKey: KeyObject }[]) => text(attestApproval({ digest }, approval(), keys(...pairs)));
    assert.doesNotThrow(() => approve(by(stranger, second, approver), { trust, threshold: 2 }));
    refuses("SIGNATURE", () => approve(by(approver, again), { trust, threshold: 2 }), /only 1/);
  });

  it("must be the approver who is named, and not the author, whatever the approval says", () => {
    refuses("SIGNER", () => approve(text(attestApproval({ digest }, approval({ approver: "p-boss" }), keys(approver)))), /p-boss.*p-approver/);
    refuses("PREDICATE", () => attestApproval({ digest }, approval({ approver: "P-Author" }), keys(author)), /author/);
    const signedByAuthor = text(attestApproval({ digest }, approval({ author: "p-else", approver: "p-author" }), keys(author)));
    refuses("OWN_APPROVAL", () => approve(signedByAuthor), /p-else/);
    refuses("OWN_APPROVAL", () => approve(text(attestApproval({ digest }, approval(), keys(approver, author)))), /wrote the release/);
  });
});

describe("attestation: when and where", () => {
  it("counts from its creation, give or take a minute of clocks, up to its expiry", () => {
    const envelope = text(attestApproval({ digest }, approval({ created: now.toISOString(), expires: later(1000).toISOString() }), keys(approver)));
    assert.doesNotThrow(() => approve(envelope, { now: later(999) }));
    refuses("EXPIRED", () => approve(envelope, { now: later(1000) }), /expired on/);
    assert.doesNotThrow(() => approve(envelope, { now: later(-60_000) }));
    refuses("NOT_YET_VALID", () => approve(envelope, { now: later(-60_001) }));
    refuses("PREDICATE", () => attestApproval({ digest }, approval({ expires: approval().created }), keys(approver)));
  });

  it("counts in its environment only", () => {
    refuses("ENVIRONMENT", () => approve(yes, { environment: "staging" }), /for production, not for staging/);
  });

  it("has no answer that expired, was reviewed in the future, or was approved by its author", () => {
    assert.doesNotThrow(() => judge(evidence, { now: new Date("2026-06-01T23:59:59Z") }));
    refuses("EXPIRED", () => judge(evidence, { now: new Date("2026-06-02T00:00:00Z") }), /eu-ai-act.*2026-06-01/);
    const [answer] = bundle().evidence;
    assert.ok(answer !== undefined);
    const early = text(attestEvidence([{ digest }], bundle({ evidence: [{ ...answer, reviewed: "2026-06-02" }] }), keys(builder)));
    refuses("NOT_YET_VALID", () => judge(early));
    refuses("PREDICATE", () => attestEvidence([{ digest }], bundle({ evidence: [{ ...answer, approver: answer.author }] }), keys(builder)));
    refuses("PREDICATE", () => attestEvidence([{ digest }], bundle({ author: "ada@example.org" }), keys(builder)), /pseudonym/);
  });
});

describe("attestation: keys", () => {
  const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const ecPem = publicKey.export({ type: "spki", format: "pem" });
  const file = (...list: object[]) => JSON.stringify({ version: 1, keys: list });

  it("of another type may vouch for provenance only", () => {
    assert.equal(parseTrust(file({ owner: "ci", publicKey: ecPem, purposes: ["provenance"] })).length, 1);
    refuses("TRUST", () => parseTrust(file({ owner: "ci", publicKey: ecPem, purposes: ["provenance", "approval"] })), /ed25519/);
  });

  it("are refused when the file is broken, names one twice, or holds a private one, which is not repeated", () => {
    const secret = approver.privateKey.export({ type: "pkcs8", format: "pem" }).toString();
    for (const broken of ["", "{}", file(), file({ ...approver.entry, purposes: [] }), file({ ...approver.entry, publicKey: "-----BEGIN PUBLIC KEY-----\n!\n-----END PUBLIC KEY-----" })]) refuses("TRUST", () => parseTrust(broken));
    refuses("TRUST", () => parseTrust(file(approver.entry, approver.entry)), /twice/);
    refuses("TRUST", () => parseTrust(file({ ...approver.entry, publicKey: secret })), /^[^]*not a PEM block "PUBLIC KEY"$/);
  });

  it("to sign with are ed25519", () => {
    assert.equal(keyId(parseSigningKey(approver.privateKey.export({ type: "pkcs8", format: "pem" }).toString())), keyId(approver.privateKey));
    refuses("TRUST", () => parseSigningKey(privateKey.export({ type: "pkcs8", format: "pem" }).toString()), /of type ec/);
    refuses("TRUST", () => parseSigningKey("secret words"), /^(?!.*secret)/);
  });
});
