import assert from "node:assert/strict";
import fc from "fast-check";
import { openCheckpoint, signCheckpoint } from "../../ledger/checkpoint.ts";
import { LedgerError } from "../../ledger/errors.ts";
import { emptyRoot } from "../../ledger/merkle.ts";
import { generateKeys, openNote, parsePublicKey, parseSecretKey, publicKeyText, signNote } from "../../ledger/note.ts";
import { refused } from "./refused.ts";
import { key, keys, pair, publicKey } from "./world.ts";

describe("ledger: signed notes", () => {
  it("are those of Go's sumdb: its example's key signs to its example's bytes", () => {
    const secret = parseSecretKey("PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz");
    const signed =
      "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n\n" +
      "— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n";
    assert.equal(signNote(signed.slice(0, signed.lastIndexOf("\n\n") + 1), secret), signed);
    assert.equal(publicKeyText(secret), "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW");
    assert.equal(openNote(signed, [parsePublicKey(publicKeyText(secret))], "The example").signers.length, 1);
  });

  it("are refused after any single change", () => {
    const note = signCheckpoint({ origin: key.name, size: 7, root: emptyRoot }, key);
    assert.equal(openCheckpoint(note, keys, "It").size, 7);
    fc.assert(
      fc.property(fc.nat(note.length - 1), fc.integer({ min: 1, max: 127 }), (at, flip) => {
        const changed = note.slice(0, at) + String.fromCharCode(note.charCodeAt(at) ^ flip) + note.slice(at + 1);
        assert.throws(() => openCheckpoint(changed, keys, "It"), LedgerError);
      }),
      { numRuns: 500 },
    );
    for (let cut = 0; cut < note.length; cut += 1) assert.throws(() => openCheckpoint(note.slice(0, cut), keys, "It"), LedgerError, `cut at ${cut}`);
  });

  it("tell another key, a changed text and a broken file apart", () => {
    const other = parseSecretKey(generateKeys(key.name).secret);
    const note = signCheckpoint({ origin: key.name, size: 1, root: emptyRoot }, key);
    assert.throws(() => openCheckpoint(signCheckpoint({ origin: key.name, size: 1, root: emptyRoot }, other), keys, "It"), refused("other-key", new RegExp(other.id)));
    assert.throws(() => openCheckpoint(note.replace("\n1\n", "\n2\n"), keys, "It"), refused("bad-signature"));
    assert.throws(() => openCheckpoint("example.com/releases\n1\n", keys, "It"), refused("bad-checkpoint"));
    assert.throws(() => openCheckpoint(signNote("only a line\n", key), keys, "It"), refused("bad-checkpoint"));
    assert.throws(() => openCheckpoint(signCheckpoint({ origin: "example.com/other", size: 1, root: emptyRoot }, key), keys, "It"), refused("other-key", /example\.com\/other/));
  });

  it("pass over signatures of others: witnesses may sign, too", () => {
    const witness = parseSecretKey(generateKeys("witness.example").secret);
    const text = `${key.name}\n0\n${emptyRoot.toString("base64")}\n`;
    assert.deepEqual(
      openCheckpoint(signNote(text, witness, key), keys, "It").signers.map((signer) => signer.id),
      [publicKey.id],
    );
  });

  it("refuse damaged keys by name, and never show a secret one", () => {
    assert.throws(() => parsePublicKey(pair.public.slice(0, -3), "ledger.pub"), refused("bad-key", /^ledger\.pub/));
    assert.throws(() => parsePublicKey(pair.public.replace(publicKey.id, publicKey.id === "00000000" ? "00000001" : "00000000"), "ledger.pub"), refused("bad-key", /damaged/));
    assert.throws(() => parsePublicKey(pair.secret, "ledger.pub"), (error: unknown) => {
      assert.ok(error instanceof LedgerError && error.code === "bad-key");
      assert.ok(!`${error.message}${error.fix}`.includes(pair.secret.slice(-20)));
      return true;
    });
    assert.throws(() => generateKeys("two words"), refused("bad-key", /spaces/));
  });
});
