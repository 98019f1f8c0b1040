import { createCipheriv, createDecipheriv, createHash, createHmac, hkdfSync, randomBytes, timingSafeEqual } from "node:crypto";

/** What is stored of an annotator, apart from the trail, so that dropping it unlinks the pseudonym for good. */
export type SealedIdentity = Readonly<{
  /** Finds the same annotator again: HMAC-SHA-256 of the identifier. */
  lookup: Buffer;
  /** Random, so that it tells nothing by itself. */
  pseudonym: string;
  /** Which key sealed it. */
  keyId: string;
  /** AES-256-GCM: nonce (12 bytes), tag (16 bytes), cipher text; the pseudonym is authenticated with it. */
  sealed: Buffer;
}>;

type DerivedKey = Readonly<{ id: string; lookup: Buffer; seal: Buffer }>;

const derive = (key: Buffer, purpose: string): Buffer => Buffer.from(hkdfSync("sha256", key, Buffer.alloc(0), `rlhf-audit-trail ${purpose}`, 32));

/** Turns annotators' identifiers into pseudonyms under the encryption key; the first key seals, the later ones (rotated out) still open. */
export class PrivacyEngine {
  readonly #keys: readonly [DerivedKey, ...DerivedKey[]];

  /** @param keys 32 bytes each, newest first, at least one. */
  constructor(keys: readonly Buffer[]) {
    const [newest, ...older] = keys.map((key) => ({
      id: createHash("sha256").update(derive(key, "key id")).digest("hex").slice(0, 16),
      lookup: derive(key, "lookup"),
      seal: derive(key, "seal"),
    }));
    if (newest === undefined) throw new Error("The privacy engine needs at least one key");
    this.#keys = [newest, ...older];
  }

  /** The lookups of an identifier under each key, newest key first. */
  lookups(identifier: string): readonly [Buffer, ...Buffer[]] {
    const of = (key: DerivedKey): Buffer => createHmac("sha256", key.lookup).update(identifier, "utf8").digest();
    const [newest, ...older] = this.#keys;
    return [of(newest), ...older.map(of)];
  }

  /** Seals an identifier with the newest key, under a given pseudonym or a new one. */
  seal(identifier: string, pseudonym: string = `ann_${randomBytes(16).toString("hex")}`): SealedIdentity {
    const key = this.#keys[0];
    const nonce = randomBytes(12);
    const cipher = createCipheriv("aes-256-gcm", key.seal, nonce).setAAD(Buffer.from(pseudonym, "utf8"));
    const text = Buffer.concat([cipher.update(identifier, "utf8"), cipher.final()]);
    return { lookup: this.lookups(identifier)[0], pseudonym, keyId: key.id, sealed: Buffer.concat([nonce, cipher.getAuthTag(), text]) };
  }

  /**
   * The identifier behind a sealed identity.
   * @throws when no key fits, or the sealed bytes or the pseudonym were changed.
   */
  open(identity: Pick<SealedIdentity, "pseudonym" | "keyId" | "sealed">): string {
    const key = this.#keys.find((candidate) => candidate.id === identity.keyId);
    if (key === undefined) throw new Error(`No key of this release fits an identity sealed by key ${identity.keyId}: add the rotated key to ENCRYPTION_KEY`);
    const { sealed } = identity;
    const decipher = createDecipheriv("aes-256-gcm", key.seal, sealed.subarray(0, 12), { authTagLength: 16 })
      .setAAD(Buffer.from(identity.pseudonym, "utf8"))
      .setAuthTag(sealed.subarray(12, 28));
    return Buffer.concat([decipher.update(sealed.subarray(28)), decipher.final()]).toString("utf8");
  }

  /** Whether a fresh identifier survives the way there and back, is found again, and is not confused with another. */
  roundTrip(): boolean {
    const identifier = `probe-${randomBytes(8).toString("hex")}`;
    const identity = this.seal(identifier);
    return (
      this.open(identity) === identifier &&
      timingSafeEqual(identity.lookup, this.lookups(identifier)[0]) &&
      !timingSafeEqual(identity.lookup, this.lookups(`${identifier}x`)[0]) &&
      !identity.sealed.includes(identifier)
    );
  }
}
