import { bundleFromJSON, isBundleWithDsseEnvelope, isBundleWithPublicKey, ValidationError, type Bundle } from "@sigstore/bundle";
import type { TrustedRoot } from "@sigstore/protobuf-specs";
import { toSignedEntity, toTrustMaterial, VerificationError, Verifier, type TrustMaterial } from "@sigstore/verify";
import { z } from "zod";
import { inTotoPayloadType } from "../../attestation/envelope.ts";
import { AttestationError } from "../../attestation/failure.ts";
import type { TrustedKey } from "../../attestation/keys.ts";
import { isAbout, parseStatement, type Statement } from "../../attestation/statement.ts";
import { no, type Finding } from "./verdict.ts";

/** The predicate type of SLSA provenance, version 1. */
export const provenanceType = "https://slsa.dev/provenance/v1";

const predicateSchema = z.object({
  buildDefinition: z.object({ buildType: z.string() }),
  runDetails: z.object({ builder: z.object({ id: z.string() }) }),
});

/** Who may vouch for how an image was built. */
export interface ProvenanceTrust {
  /** Keys for provenance that are valid now. */
  readonly keys: readonly TrustedKey[];
  /** Certificates are accepted when there is a trusted root: whose CA, logs and time-stampers count, and which identity must be in them. */
  readonly certificates?: { readonly root: TrustedRoot; readonly issuer: string; readonly subject: string };
  /** The builders that may have made the image: `builder.id` of the provenance. */
  readonly builders: readonly string[];
}

/**
 * What is wrong with the signed provenance of an image: the signature by a trusted key, or by a certificate of the trusted root for the
 * expected identity, logged and stamped; the statement about this image; the builder.
 * @param text a Sigstore bundle as JSON
 */
export function provenanceFindings(text: string, digest: string, trust: ProvenanceTrust): Finding[] {
  const say = (problem: string): Finding[] => [no(`the provenance of ${digest} does not count: ${problem}`)];
  let bundle: Bundle;
  try {
    bundle = bundleFromJSON(JSON.parse(text));
  } catch (error) {
    return say(error instanceof ValidationError ? `its bundle lacks ${error.fields.join(", ")}` : "it is not a Sigstore bundle");
  }
  if (!isBundleWithDsseEnvelope(bundle)) return say("its bundle holds a signature without a statement; in-toto provenance is needed");
  const { payload, payloadType } = bundle.content.dsseEnvelope;
  if (payloadType !== inTotoPayloadType) return say(`its payload is not of type ${inTotoPayloadType}`);
  const unsigned = signatureProblem(bundle, trust);
  if (unsigned !== undefined) return say(unsigned);
  let statement: Statement;
  try {
    statement = parseStatement(payload);
  } catch (error) {
    if (!(error instanceof AttestationError)) throw error;
    return say(error.message);
  }
  if (statement.predicateType !== provenanceType) return say(`it is a statement of another type than ${provenanceType}`);
  if (!isAbout(statement, digest)) return say("it is about another image");
  const predicate = predicateSchema.safeParse(statement.predicate);
  if (!predicate.success) return say("it says neither buildType nor builder.id as SLSA provenance does");
  const { id } = predicate.data.runDetails.builder;
  return trust.builders.includes(id) ? [] : say(`it was built by ${id}, which is not a trusted builder (${trust.builders.join(", ")})`);
}

/** Why no trusted signer vouches for the bundle, if so. */
function signatureProblem(bundle: Bundle, trust: ProvenanceTrust): string | undefined {
  if (isBundleWithPublicKey(bundle)) {
    if (trust.keys.length === 0) return "it is signed by a key, and no key that is valid now is trusted for provenance";
    return trust.keys.some(({ key }) => problem(bundle, keyVerifier(key), undefined) === undefined)
      ? undefined
      : `it is not signed by one of the ${trust.keys.length} keys trusted for provenance, or was changed after it was signed`;
  }
  if (trust.certificates === undefined) return "it is signed by a certificate, and this gate has no trusted root for certificates";
  const { root, issuer, subject } = trust.certificates;
  return problem(bundle, new Verifier(toTrustMaterial(root)), { issuer, subject });
}

/** A key is trusted by itself, in its time: neither a log nor a time stamp is asked for, and what the bundle brings of them is ignored. */
function keyVerifier(publicKey: TrustedKey["key"]): Verifier {
  const material: TrustMaterial = {
    certificateAuthorities: [],
    timestampAuthorities: [],
    tlogs: [],
    ctlogs: [],
    publicKey: () => ({ publicKey, validFor: () => true }),
  };
  return new Verifier(material, { tlogThreshold: 0, ctlogThreshold: 0, timestampThreshold: 0 });
}

function problem(bundle: Bundle, verifier: Verifier, identity: { readonly issuer: string; readonly subject: string } | undefined): string | undefined {
  try {
    const entity = toSignedEntity(bundle);
    const signer = verifier.verify(isBundleWithPublicKey(bundle) ? { ...entity, tlogEntries: [], timestamps: [] } : entity);
    if (identity === undefined) return undefined;
    // Compared here, whole: the library's own policy takes the subject as an expression that matches anywhere.
    const { subjectAlternativeName: subject = "nobody", extensions } = signer.identity ?? {};
    const issuer = extensions?.issuer ?? "nobody";
    return subject === identity.subject && issuer === identity.issuer
      ? undefined
      : `it was signed by ${subject} (by the word of ${issuer}), not by ${identity.subject} (${identity.issuer})`;
  } catch (error) {
    if (error instanceof VerificationError) return `its signature does not verify (${error.code}: ${error.message})`;
    // What the certificate or time-stamp parsers throw at bytes that are neither.
    return `its signature cannot be read (${error instanceof Error ? error.message : "unknown error"})`;
  }
}
