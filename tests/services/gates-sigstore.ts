import { createHash, generateKeyPairSync, sign, type KeyObject } from "node:crypto";
import { bundleToJSON, toDSSEBundle, type Bundle } from "@sigstore/bundle";
import { dsse } from "@sigstore/core";
import { initializeCA, initializeCTLog, initializeTLog } from "@sigstore/mock";
import { HashAlgorithm, PublicKeyDetails, TrustedRoot } from "@sigstore/protobuf-specs";
import { inTotoPayloadType } from "../../attestation/envelope.ts";
import { statementAbout } from "../../attestation/statement.ts";
import { provenanceType } from "../../services/gates/provenance.ts";

export const builderId = "https://ci.example.org/builder@v1";
export const issuer = "https://ci.example.org";
export const subject = "https://ci.example.org/release.yml@refs/heads/main";

/** What the log answers; its package describes it in one that is not installed. */
interface LogEntry {
  logIndex: number;
  logID: string;
  integratedTime: number;
  body: string;
  verification: { signedEntryTimestamp: string; inclusionProof: { logIndex: number; rootHash: string; treeSize: number; hashes: string[]; checkpoint: string } };
}

const p256 = () => generateKeyPairSync("ec", { namedCurve: "P-256" });

/** The bytes of a provenance statement about an image. */
export function provenance(digest: string, { builder = builderId, type = provenanceType } = {}): Buffer {
  const predicate = { buildDefinition: { buildType: "https://ci.example.org/build/v1" }, runDetails: { builder: { id: builder } } };
  return Buffer.from(JSON.stringify(statementAbout([{ digest }], type, predicate)));
}

/** A Sigstore bundle of a payload, signed by a key that the verifier knows. */
export function keyBundle(payload: Buffer, key: KeyObject, payloadType = inTotoPayloadType): string {
  const encoded = dsse.preAuthEncoding(payloadType, payload);
  const signature = sign(key.asymmetricKeyType === "ed25519" ? null : "sha256", encoded, key);
  return JSON.stringify(bundleToJSON(toDSSEBundle({ artifact: payload, artifactType: payloadType, signature, keyHint: "hint" })));
}

/** A certificate authority with its logs, as a trusted root, and a way to sign by it. */
export async function authority() {
  const [caKeys, ctKeys, logKeys] = [p256(), p256(), p256()];
  const ctLog = await initializeCTLog(ctKeys);
  const ca = await initializeCA(caKeys, ctLog);
  const log = await initializeTLog("https://log.example.org", logKeys);
  const start = new Date(Date.now() - 3_600_000);
  const instance = (rawBytes: Buffer, keyId: Buffer) => ({
    baseUrl: "https://log.example.org",
    hashAlgorithm: HashAlgorithm.SHA2_256,
    publicKey: { rawBytes, keyDetails: PublicKeyDetails.PKIX_ECDSA_P256_SHA_256, validFor: { start } },
    logId: { keyId },
    checkpointKeyId: undefined,
    operator: "",
  });
  const bytes = (view: ArrayBufferView): Buffer => Buffer.from(view.buffer, view.byteOffset, view.byteLength);
  const root: TrustedRoot = {
    mediaType: "application/vnd.dev.sigstore.trustedroot+json;version=0.1",
    certificateAuthorities: [{ subject: undefined, uri: "", certChain: { certificates: [{ rawBytes: bytes(ca.rootCertificate) }] }, validFor: { start }, operator: "" }],
    ctlogs: [instance(ctLog.publicKey, bytes(ctLog.logID))],
    tlogs: [instance(log.publicKey, createHash("sha256").update(log.publicKey).digest())],
    timestampAuthorities: [],
  };

  /** A bundle by a certificate for `as`, in the log, as release pipelines make them. */
  const bundle = async (payload: Buffer, as: { subject?: string; issuer?: string } = {}): Promise<string> => {
    const { privateKey, publicKey } = p256();
    const certificate = bytes(
      await ca.issueCertificate({
        publicKey: publicKey.export({ type: "spki", format: "der" }),
        subjectAltName: as.subject ?? subject,
        extensions: [{ oid: "1.3.6.1.4.1.57264.1.8", value: as.issuer ?? issuer }],
      }),
    );
    const signature = sign("sha256", dsse.preAuthEncoding(inTotoPayloadType, payload), privateKey);
    const made: Bundle = toDSSEBundle({ artifact: payload, artifactType: inTotoPayloadType, signature, certificate });
    const verifier = `-----BEGIN CERTIFICATE-----\n${certificate.toString("base64").replace(/.{64}/g, "$&\n")}\n-----END CERTIFICATE-----\n`;
    const logged: unknown = await log.log({
      apiVersion: "0.0.1",
      kind: "dsse",
      spec: {
        payloadHash: { algorithm: "sha256", value: createHash("sha256").update(payload).digest("hex") },
        signatures: [{ signature: signature.toString("base64"), verifier: Buffer.from(verifier).toString("base64") }],
      },
    });
    const [entry] = Object.values(logged as Record<string, LogEntry>);
    if (entry === undefined) throw new Error("the log gave no entry");
    const proof = entry.verification.inclusionProof;
    made.verificationMaterial.tlogEntries.push({
      logIndex: String(entry.logIndex),
      logId: { keyId: Buffer.from(entry.logID, "hex") },
      kindVersion: { kind: "dsse", version: "0.0.1" },
      integratedTime: String(entry.integratedTime),
      inclusionPromise: { signedEntryTimestamp: Buffer.from(entry.verification.signedEntryTimestamp, "base64") },
      inclusionProof: {
        logIndex: String(proof.logIndex),
        rootHash: Buffer.from(proof.rootHash, "hex"),
        treeSize: String(proof.treeSize),
        hashes: proof.hashes.map((hash) => Buffer.from(hash, "hex")),
        checkpoint: { envelope: proof.checkpoint },
      },
      canonicalizedBody: Buffer.from(entry.body, "base64"),
    });
    return JSON.stringify(bundleToJSON(made));
  };
  return { root, rootJson: JSON.stringify(TrustedRoot.toJSON(root)), bundle };
}
