/** Certificates for tests, made anew each time: of any name, any authority and any time. */
import "reflect-metadata";
import { type KeyObject, createPrivateKey, webcrypto } from "node:crypto";
import { KeyUsageFlags, KeyUsagesExtension, BasicConstraintsExtension, SubjectAlternativeNameExtension, X509Certificate, X509CertificateGenerator } from "@peculiar/x509";

const algorithm = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" } as const;

/** A certificate and its key, both PEM. */
export interface Pair {
  cert: string;
  key: string;
}
interface Wish {
  /** E.g. `CN=admin`. */
  subject: string;
  from: string;
  to: string;
  /** Who signs it. @default - itself, as an authority */
  issuer?: Pair;
}

/** Makes a certificate for clients and servers, valid for 127.0.0.1. */
export async function makeCertificate({ subject, from, to, issuer }: Wish): Promise<Pair> {
  const keys = await webcrypto.subtle.generateKey(algorithm, true, ["sign", "verify"]);
  const signing = issuer === undefined ? keys.privateKey : await importKey(createPrivateKey(issuer.key));
  const certificate = await X509CertificateGenerator.create({
    subject,
    issuer: issuer === undefined ? subject : new X509Certificate(issuer.cert).subject,
    notBefore: new Date(from),
    notAfter: new Date(to),
    publicKey: keys.publicKey,
    signingKey: signing,
    signingAlgorithm: algorithm,
    extensions: [
      new BasicConstraintsExtension(issuer === undefined),
      new KeyUsagesExtension(issuer === undefined ? KeyUsageFlags.keyCertSign : KeyUsageFlags.digitalSignature),
      new SubjectAlternativeNameExtension([{ type: "ip", value: "127.0.0.1" }]),
    ],
  });
  const pkcs8 = Buffer.from(await webcrypto.subtle.exportKey("pkcs8", keys.privateKey));
  const key = createPrivateKey({ key: pkcs8, format: "der", type: "pkcs8" }).export({ type: "pkcs8", format: "pem" }).toString();
  return { cert: certificate.toString("pem"), key };
}

async function importKey(key: KeyObject): Promise<webcrypto.CryptoKey> {
  return await webcrypto.subtle.importKey("pkcs8", key.export({ type: "pkcs8", format: "der" }), algorithm, false, ["sign"]);
}
