/**
 * Pulumi's passphrase secrets provider, version 1: PBKDF2-SHA256 with 1,000,000 rounds makes the key, AES-256-GCM encrypts.
 * A salt is `v1:<salt>:<ciphertext of "pulumi">`, a ciphertext is `v1:<nonce>:<sealed>`, all base64.
 */
import { createCipheriv, createDecipheriv, pbkdf2, randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { promisify } from "node:util";
import { UserError, systemCode } from "./errors.ts";

const derive = promisify(pbkdf2);
const rounds = 1_000_000;
const probe = "pulumi";
const tagBytes = 16;

/** Encrypts and decrypts with one derived key. */
export class Crypter {
  /** The salt as Pulumi stores it (`encryptionsalt`). */
  readonly salt: string;
  readonly #key: Buffer;
  // A value that was not changed keeps its ciphertext, so that an unchanged state stays the same file.
  readonly #known = new Map<string, string>();

  constructor(salt: string, key: Buffer) {
    this.salt = salt;
    this.#key = key;
  }

  encrypt(plaintext: string): string {
    const known = this.#known.get(plaintext);
    if (known !== undefined) return known;
    const ciphertext = seal(plaintext, this.#key);
    this.#known.set(plaintext, ciphertext);
    return ciphertext;
  }

  /** @throws Error when the ciphertext is malformed or was made with another key */
  decrypt(ciphertext: string): string {
    const plaintext = unseal(ciphertext, this.#key);
    this.#known.set(plaintext, ciphertext);
    return plaintext;
  }
}

/**
 * The passphrase of the environment: `PULUMI_CONFIG_PASSPHRASE`, or the file that `PULUMI_CONFIG_PASSPHRASE_FILE` names.
 * @returns undefined when neither is set
 * @throws UserError when the file cannot be read
 */
export function passphraseFromEnvironment(env: NodeJS.ProcessEnv): string | undefined {
  if (env["PULUMI_CONFIG_PASSPHRASE"] !== undefined) return env["PULUMI_CONFIG_PASSPHRASE"];
  const file = env["PULUMI_CONFIG_PASSPHRASE_FILE"];
  if (file === undefined || file === "") return undefined;
  try {
    return readFileSync(file, "utf8").trim();
  } catch (cause) {
    throw new UserError(
      `PULUMI_CONFIG_PASSPHRASE_FILE names ${file}, which cannot be read: ${systemCode(cause) ?? String(cause)}.`,
      undefined,
      { cause },
    );
  }
}

/**
 * Opens a salt with a passphrase.
 * @param where what the salt belongs to, for messages, e.g. `Pulumi.staging.yaml`
 * @throws UserError when there is no passphrase, it is wrong, or the salt is malformed
 */
export async function openCrypter(salt: string, passphrase: string | undefined, where: string): Promise<Crypter> {
  if (passphrase === undefined) {
    throw new UserError(
      `${where} holds secrets and no passphrase is set.`,
      "Set PULUMI_CONFIG_PASSPHRASE, or PULUMI_CONFIG_PASSPHRASE_FILE to a file that holds it.",
    );
  }
  const [version, encodedSalt, ...check] = salt.split(":");
  if (version !== "v1" || encodedSalt === undefined || check.length !== 3) {
    throw new UserError(`${where}: the encryption salt is malformed; it must read v1:<salt>:v1:<nonce>:<ciphertext>.`);
  }
  const key = await derive(passphrase, Buffer.from(encodedSalt, "base64"), rounds, 32, "sha256");
  let plain: string | undefined;
  try {
    plain = unseal(check.join(":"), key);
  } catch {
    plain = undefined; // an authentication failure is what a wrong passphrase looks like
  }
  if (plain !== probe) throw new UserError(`The passphrase does not open ${where}.`, "Check PULUMI_CONFIG_PASSPHRASE.");
  return new Crypter(salt, key);
}

/** Makes a new salt for a passphrase. */
export async function newCrypter(passphrase: string): Promise<Crypter> {
  const bytes = randomBytes(8);
  const key = await derive(passphrase, bytes, rounds, 32, "sha256");
  return new Crypter(`v1:${bytes.toString("base64")}:${seal(probe, key)}`, key);
}

function seal(plaintext: string, key: Buffer): string {
  const nonce = randomBytes(12);
  const cipher = createCipheriv("aes-256-gcm", key, nonce, { authTagLength: tagBytes });
  const sealed = Buffer.concat([cipher.update(plaintext, "utf8"), cipher.final(), cipher.getAuthTag()]);
  return `v1:${nonce.toString("base64")}:${sealed.toString("base64")}`;
}

function unseal(ciphertext: string, key: Buffer): string {
  const [version, nonce, sealed, ...rest] = ciphertext.split(":");
  if (version !== "v1" || nonce === undefined || sealed === undefined || rest.length > 0)
    throw new Error("a ciphertext must read v1:<nonce>:<sealed>");
  const bytes = Buffer.from(sealed, "base64");
  const iv = Buffer.from(nonce, "base64");
  if (iv.length !== 12 || bytes.length < tagBytes) throw new Error("a ciphertext is too short");
  const decipher = createDecipheriv("aes-256-gcm", key, iv, { authTagLength: tagBytes });
  decipher.setAuthTag(bytes.subarray(bytes.length - tagBytes));
  return decipher.update(bytes.subarray(0, bytes.length - tagBytes), undefined, "utf8") + decipher.final("utf8");
}
