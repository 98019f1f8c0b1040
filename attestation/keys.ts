import { createHash, createPrivateKey, createPublicKey, type KeyObject } from "node:crypto";
import { z } from "zod";
import { AttestationError, rulesBroken } from "./failure.ts";
import { moment, pseudonym } from "./values.ts";

/** What a key may sign. A key that may approve must not be one that collects the evidence, so a purpose is always asked for. */
export const purposes = ["evidence", "approval", "provenance"] as const;
export type Purpose = (typeof purposes)[number];

/** Most keys that a trust file may name; every signature is tried against each. */
const mostKeys = 32;

const trustFile = z.strictObject({
  version: z.literal(1),
  keys: z
    .array(
      z.strictObject({
        owner: pseudonym,
        publicKey: z.string().max(4096),
        purposes: z.array(z.enum(purposes)).min(1),
        validFrom: moment.optional(),
        validUntil: moment.optional(),
      }),
    )
    .min(1)
    .max(mostKeys),
});

/** A key that a stack trusts, and for what. */
export interface TrustedKey {
  /** SHA-256 of the key's SubjectPublicKeyInfo, in hex: the `keyid` of its signatures. */
  readonly id: string;
  /** Pseudonym of whom it belongs to. */
  readonly owner: string;
  readonly purposes: readonly Purpose[];
  readonly key: KeyObject;
  /** Milliseconds since 1970; open ends where the file says nothing. */
  readonly validFrom: number;
  readonly validUntil: number;
}

/** The key's id: SHA-256 of its SubjectPublicKeyInfo (DER), in hex. Of a private key, that of its public half. */
export function keyId(key: KeyObject): string {
  const half = key.type === "private" ? createPublicKey(key) : key;
  return createHash("sha256").update(half.export({ type: "spki", format: "der" })).digest("hex");
}

/**
 * Reads a trust file: JSON `{ version: 1, keys: [{ owner, publicKey (PEM), purposes, validFrom?, validUntil? }] }`.
 * Keys for evidence and approval are ed25519; those for provenance may also be ECDSA, as build systems sign with it.
 * @throws AttestationError TRUST when the file, or a key in it, cannot be used.
 */
export function parseTrust(text: string): TrustedKey[] {
  let content: unknown;
  try {
    content = JSON.parse(text);
  } catch (error) {
    throw new AttestationError("TRUST", `the trust file is not JSON (${error instanceof SyntaxError ? "it does not parse" : String(error)})`);
  }
  const parsed = trustFile.safeParse(content);
  if (!parsed.success) throw new AttestationError("TRUST", `the trust file breaks its rules: ${rulesBroken(parsed.error.issues)}`);
  const keys = parsed.data.keys.map((entry, index): TrustedKey => {
    const key = publicKey(entry.publicKey, `keys.${index}`);
    const provenanceOnly = entry.purposes.every((purpose) => purpose === "provenance");
    if (key.asymmetricKeyType !== "ed25519" && !(provenanceOnly && key.asymmetricKeyType === "ec"))
      throw new AttestationError("TRUST", `the trust file's keys.${index} is of type ${String(key.asymmetricKeyType)}; evidence and approvals are signed with ed25519`);
    return {
      id: keyId(key),
      owner: entry.owner,
      purposes: entry.purposes,
      key,
      validFrom: entry.validFrom === undefined ? -Infinity : Date.parse(entry.validFrom),
      validUntil: entry.validUntil === undefined ? Infinity : Date.parse(entry.validUntil),
    };
  });
  const twice = keys.find((key, index) => keys.findIndex((other) => other.id === key.id) !== index);
  if (twice !== undefined) throw new AttestationError("TRUST", `the trust file names key ${twice.id} twice: give one entry all its purposes`);
  return keys;
}

function publicKey(pem: string, where: string): KeyObject {
  // createPublicKey would also take a private key, which has no place in a file that is handed out.
  if (!/^\s*-----BEGIN PUBLIC KEY-----/.test(pem)) throw new AttestationError("TRUST", `the trust file's ${where}.publicKey is not a PEM block "PUBLIC KEY"`);
  try {
    return createPublicKey(pem);
  } catch (error) {
    throw new AttestationError("TRUST", `the trust file's ${where}.publicKey cannot be read (${error instanceof Error ? error.message : "unknown error"})`);
  }
}

/**
 * Reads a private ed25519 key (PEM, PKCS #8), to sign with.
 * @throws AttestationError TRUST when it is not one; the message never quotes it.
 */
export function parseSigningKey(pem: string): KeyObject {
  let key: KeyObject;
  try {
    key = createPrivateKey(pem);
  } catch (error) {
    const code = error instanceof Error && "code" in error ? String(error.code) : "unknown error";
    throw new AttestationError("TRUST", `the signing key is not an unencrypted private key in PEM (${code})`);
  }
  if (key.asymmetricKeyType !== "ed25519") throw new AttestationError("TRUST", `the signing key is of type ${String(key.asymmetricKeyType)}; it must be ed25519`);
  return key;
}
