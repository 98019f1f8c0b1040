import assert from "node:assert/strict";
import { join } from "node:path";
import fc from "fast-check";
import { type Crypter, newCrypter, openCrypter, passphraseFromEnvironment } from "../../engine/passphrase.ts";
import { makeFolder, removeFolders } from "./folders.ts";

describe("passphrase", () => {
  afterEach(removeFolders);

  it("opens a salt that Pulumi made", async () => {
    const salt = "v1:fozI5u6B030=:v1:F+6ZduKKd8G0/V7L:PGMFeIzwobWRKmEAzUdaQHqC5mMRIQ==";
    assert.equal((await openCrypter(salt, "password", "a state")).salt, salt);
    await assert.rejects(openCrypter(salt, "password123", "a state"), /The passphrase does not open a state/);
  });

  describe("with one key", () => {
    let one: Crypter;
    let other: Crypter;
    before(async () => {
      one = await newCrypter("a");
      other = await openCrypter(one.salt, "a", "x");
    });

    it("any text comes back, from another opening of the same salt, too", () => {
      fc.assert(fc.property(fc.string({ unit: "grapheme" }), (text) => other.decrypt(one.encrypt(text)) === text));
    });

    it("an unchanged value keeps its ciphertext, so that the state file does not change for nothing", () => {
      const ciphertext = one.encrypt("value");
      assert.equal(one.encrypt("value"), ciphertext);
      other.decrypt(ciphertext);
      assert.equal(other.encrypt("value"), ciphertext);
    });

    it("refuses ciphertexts that were cut or changed", () => {
      const ciphertext = one.encrypt("value");
      for (const bad of [
        ciphertext.slice(0, -8),
        ciphertext.replace(/.....$/, "AAAA="),
        ciphertext.replace("v1", "v2"),
        "v1:AAAA:AAAA",
        "",
      ]) {
        assert.throws(() => one.decrypt(bad), `accepted ${bad}`);
      }
    });
  });

  it("finds the passphrase: the variable, even empty, before the file", () => {
    const folder = makeFolder({ phrase: "  from a file\n" });
    assert.equal(passphraseFromEnvironment({}), undefined);
    assert.equal(passphraseFromEnvironment({ PULUMI_CONFIG_PASSPHRASE: "" }), "");
    assert.equal(passphraseFromEnvironment({ PULUMI_CONFIG_PASSPHRASE_FILE: join(folder, "phrase") }), "from a file");
    assert.equal(
      passphraseFromEnvironment({
        PULUMI_CONFIG_PASSPHRASE: "x",
        PULUMI_CONFIG_PASSPHRASE_FILE: join(folder, "phrase"),
      }),
      "x",
    );
    assert.throws(
      () => passphraseFromEnvironment({ PULUMI_CONFIG_PASSPHRASE_FILE: join(folder, "none") }),
      /cannot be read: ENOENT/,
    );
  });

  it("refuses a malformed salt and a missing passphrase", async () => {
    await assert.rejects(
      openCrypter("v1:abc", "a", "Pulumi.x.yaml"),
      /Pulumi\.x\.yaml: the encryption salt is malformed/,
    );
    await assert.rejects(openCrypter("v2:a:v1:b:c", "a", "Pulumi.x.yaml"), /malformed/);
    await assert.rejects(openCrypter("v1:a:v1:b:c", undefined, "Pulumi.x.yaml"), /no passphrase is set/);
  });
});
