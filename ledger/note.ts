/** Signed notes (C2SP signed-note v1, as Go's sumdb writes them) with Ed25519 keys: text that anyone with the public key can check. */
import { createPrivateKey, createPublicKey, generateKeyPairSync, hash, type KeyObject, sign, verify } from "node:crypto";
import { LedgerError } from "./errors.ts";

/** A public key under a name. Its text form is `name+keyId+base64(0x01 || 32 bytes)`. */
export interface PublicKey {
  /** Schema-less URL by custom, such as `example.com/releases`; no spaces, no plus. */
  readonly name: string;
  /** Eight hexadecimal digits. */
  readonly id: string;
  readonly key: KeyObject;
}

/** A secret key under a name. Its text form is `PRIVATE+KEY+name+keyId+base64(0x01 || 32 bytes)`. */
export interface SecretKey extends PublicKey {
  readonly secret: KeyObject;
}

const ed25519 = 0x01;
const namePattern = /^[^\s+\p{Z}\p{Cc}]{1,200}$/u;
/** PKCS #8's frame around a raw Ed25519 seed. */
const pkcs8 = Buffer.from("302e020100300506032b657004220420", "hex");

/** A new pair in its text forms. `name` is what checkpoints will be signed under. */
export function generateKeys(name: string): { public: string; secret: string } {
  checkName(name, "The key's name");
  const { privateKey } = generateKeyPairSync("ed25519");
  const seed = rawBytes(privateKey, "d");
  const key = secretOf(name, seed);
  return { public: publicKeyText(key), secret: `PRIVATE+KEY+${name}+${key.id}+${Buffer.from([ed25519, ...seed]).toString("base64")}` };
}

/** The text form that others verify with. */
export function publicKeyText(key: PublicKey): string {
  return `${key.name}+${key.id}+${Buffer.from([ed25519, ...rawBytes(key.key, "x")]).toString("base64")}`;
}

/**
 * Reads a public key.
 * @param where named in errors, such as a file's path
 * @throws LedgerError `bad-key`
 */
export function parsePublicKey(text: string, where = "The public key"): PublicKey {
  const written = text.trim();
  if (written.startsWith("PRIVATE+KEY+")) throw badKey(where, "is a secret key", "Give the public one, which the key's maker printed beside it; keep the secret one to the signer.");
  const [, name = "", id = "", encoded = ""] = /^([^+]+)\+([0-9a-f]{8})\+(.+)$/.exec(written) ?? [];
  const raw = keyBytes(encoded, where, "name+8 hexadecimal digits+base64");
  checkName(name, where);
  const key = { name, id, key: createPublicKey({ key: { kty: "OKP", crv: "Ed25519", x: raw.toString("base64url") }, format: "jwk" }) };
  checkId(key, raw, where);
  return key;
}

/**
 * Reads a secret key.
 * @param where named in errors; the key itself never is
 * @throws LedgerError `bad-key`
 */
export function parseSecretKey(text: string, where = "The secret key"): SecretKey {
  const [, name = "", id = "", encoded = ""] = /^PRIVATE\+KEY\+([^+]+)\+([0-9a-f]{8})\+(.+)$/.exec(text.trim()) ?? [];
  const seed = keyBytes(encoded, where, "PRIVATE+KEY+name+8 hexadecimal digits+base64");
  checkName(name, where);
  const key = secretOf(name, seed);
  if (key.id !== id) throw badKey(where, "is damaged: its key id does not fit its bytes", "Take it from its backup.");
  return key;
}

/**
 * The note: `text` (it must end in a newline), an empty line, one signature line per signer.
 */
export function signNote(text: string, ...signers: readonly SecretKey[]): string {
  const line = (key: SecretKey): string =>
    `— ${key.name} ${Buffer.concat([Buffer.from(key.id, "hex"), sign(null, Buffer.from(text), key.secret)]).toString("base64")}\n`;
  return `${text}\n${signers.map(line).join("")}`;
}

/** A note whose signature holds. */
export interface OpenedNote {
  /** Ends in a newline. */
  readonly text: string;
  /** The trusted keys that signed it, at least one. */
  readonly signers: readonly PublicKey[];
}

/**
 * Opens a note: signatures by other keys are passed over, one by a trusted key must hold.
 * @throws LedgerError `bad-checkpoint` when it is no note, `other-key` when no trusted key signed it, `bad-signature` when one is named and does not fit
 */
export function openNote(note: string, trusted: readonly PublicKey[], where: string): OpenedNote {
  const end = note.lastIndexOf("\n\n");
  const text = note.slice(0, end + 1);
  const lines = note.slice(end + 2).split("\n");
  const wellFormed = end > 0 && lines.pop() === "" && lines.length > 0 && lines.length <= 64 && !note.includes("\uFFFD");
  const signatures = lines.map((line) => /^— (\S+) ([A-Za-z0-9+/=]+)$/u.exec(line));
  if (!wellFormed || !signatures.every((match) => Buffer.from(match?.[2] ?? "", "base64").toString("base64") === match?.[2])) {
    throw new LedgerError("bad-checkpoint", `${where} is no signed note (text, an empty line, signature lines).`, "Restore the file from a mirror or a backup; nothing was changed.");
  }
  const signers: PublicKey[] = [];
  for (const signature of signatures) {
    const [, name = "", encoded = ""] = signature ?? [];
    const bytes = Buffer.from(encoded, "base64");
    const key = trusted.find((candidate) => candidate.name === name && candidate.id === bytes.subarray(0, 4).toString("hex"));
    if (key === undefined) continue;
    if (bytes.length !== 68 || !verify(null, Buffer.from(text), key.key, bytes.subarray(4))) {
      throw new LedgerError(
        "bad-signature",
        `${where} carries a signature of ${keyTitle(key)} that does not fit its text: it was changed after it was signed.`,
        "Restore it from a mirror or a backup, and find out who could write there.",
      );
    }
    signers.push(key);
  }
  if (signers.length === 0) {
    const names = signatures.map((match) => `${match?.[1] ?? ""}+${Buffer.from(match?.[2] ?? "", "base64").subarray(0, 4).toString("hex")}`);
    throw new LedgerError(
      "other-key",
      `${where} is signed by ${names.join(", ")}, not by ${trusted.map(keyTitle).join(" or ")}.`,
      "If the key was changed on purpose, verify with the new public key, from its owner and not from this folder; otherwise somebody else signed this.",
    );
  }
  return { text, signers };
}

/** `name+keyId`, enough for a person to tell keys apart. */
export const keyTitle = (key: PublicKey): string => `${key.name}+${key.id}`;

function secretOf(name: string, seed: Buffer): SecretKey {
  const secret = createPrivateKey({ key: Buffer.concat([pkcs8, seed]), format: "der", type: "pkcs8" });
  const key = createPublicKey(secret);
  return { name, id: keyId(name, rawBytes(key, "x")), key, secret };
}

/** SHA-256(name || 0x0A || 0x01 || public key), its first four bytes. */
function keyId(name: string, raw: Buffer): string {
  return hash("sha256", Buffer.concat([Buffer.from(`${name}\n`), Buffer.of(ed25519), raw]), "hex").slice(0, 8);
}

function rawBytes(key: KeyObject, part: "x" | "d"): Buffer {
  return Buffer.from(key.export({ format: "jwk" })[part] ?? "", "base64url");
}

function keyBytes(encoded: string, where: string, shape: string): Buffer {
  const bytes = Buffer.from(encoded, "base64");
  if (bytes.length !== 33 || bytes[0] !== ed25519 || bytes.toString("base64") !== encoded) {
    throw badKey(where, `is no Ed25519 key of a signed note (${shape})`, "Make a pair with `delivery ledger keygen`, or copy the key again: it may have been cut.");
  }
  return bytes.subarray(1);
}

function checkId(key: PublicKey, raw: Buffer, where: string): void {
  if (keyId(key.name, raw) !== key.id) throw badKey(where, "is damaged: its key id does not fit its name and bytes", "Copy it again from its owner.");
}

function checkName(name: string, where: string): void {
  if (!namePattern.test(name)) throw badKey(where, `has the name "${name}", which must be 1 to 200 characters without spaces and plus signs`, "Use a name such as example.com/releases.");
}

function badKey(where: string, what: string, fix: string): LedgerError {
  return new LedgerError("bad-key", `${where} ${what}.`, fix);
}
