import { generateKeyPairSync } from "node:crypto";
import { AttestationError } from "./failure.ts";
import { keyId, parseTrust, type Purpose } from "./keys.ts";

/** A fresh ed25519 pair, PEM: PKCS #8 and SubjectPublicKeyInfo. */
export interface KeyPair {
  readonly secret: string;
  readonly public: string;
  /** The public key's id, as signatures name it. */
  readonly id: string;
}

/** Makes a pair of keys to sign evidence or approvals with. */
export function generateSigningKeys(): KeyPair {
  const { privateKey, publicKey } = generateKeyPairSync("ed25519");
  const pem = { secret: privateKey.export({ type: "pkcs8", format: "pem" }), public: publicKey.export({ type: "spki", format: "pem" }) };
  return { secret: pem.secret.toString(), public: pem.public.toString(), id: keyId(publicKey) };
}

/** A key to be trusted. */
export interface TrustEntry {
  /** Pseudonym. */
  readonly owner: string;
  /** PEM. */
  readonly publicKey: string;
  readonly purposes: readonly Purpose[];
  readonly validFrom?: string;
  readonly validUntil?: string;
}

/**
 * A trust file with one key more.
 * @param text the file as it is; undefined begins one
 * @throws AttestationError TRUST when the file, or what it would become, cannot be used
 */
export function withTrusted(text: string | undefined, entry: TrustEntry): string {
  const held = text === undefined ? undefined : (parseTrust(text), JSON.parse(text) as { keys: TrustEntry[] });
  const next = `${JSON.stringify({ version: 1, keys: [...(held?.keys ?? []), entry] }, null, 2)}\n`;
  parseTrust(next);
  return next;
}

/**
 * Whom a key of a trust file belongs to.
 * @throws AttestationError TRUST when the file does not trust the key for that
 */
export function ownerOf(text: string, id: string, purpose: Purpose): string {
  const found = parseTrust(text).find((key) => key.id === id);
  if (found === undefined) throw new AttestationError("TRUST", `the trust file does not know key ${id}, so nobody would count what it signs`);
  if (!found.purposes.includes(purpose)) throw new AttestationError("TRUST", `the trust file gives ${found.owner}'s key the purposes ${found.purposes.join(", ")}, and not ${purpose}`);
  return found.owner;
}
