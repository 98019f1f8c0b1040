import { sign, type KeyObject } from "node:crypto";
import { crypto, dsse } from "@sigstore/core";
import { z } from "zod";
import { AttestationError, rulesBroken } from "./failure.ts";
import { keyId, type TrustedKey } from "./keys.ts";

/** What a signed in-toto statement is called in its envelope. */
export const inTotoPayloadType = "application/vnd.in-toto+json";

/** Largest envelope, in characters. */
const longestEnvelope = 1 << 20;

/** Base64 whose only reading is the bytes that it gives: text that was changed without changing the bytes is refused, too. */
const bytes = z
  .string()
  .max(longestEnvelope)
  .transform((text, context): Buffer => {
    const standard = text.replaceAll("-", "+").replaceAll("_", "/");
    const decoded = Buffer.from(standard, "base64");
    if (decoded.toString("base64") === standard) return decoded;
    context.addIssue({ code: "custom", message: "must be base64 with its padding" });
    return z.NEVER;
  });

const envelopeSchema = z.strictObject({
  payloadType: z.string().max(256),
  payload: bytes,
  signatures: z.array(z.strictObject({ keyid: z.string().max(256).optional(), sig: bytes })).min(1).max(16),
});

/** A DSSE envelope as JSON. */
export interface SerializedEnvelope {
  readonly payloadType: string;
  /** Base64. */
  readonly payload: string;
  readonly signatures: readonly { readonly keyid: string; readonly sig: string }[];
}

/** An envelope whose signatures were found good. */
export interface OpenedEnvelope {
  readonly payload: Buffer;
  /** The trusted keys that signed it, each once. */
  readonly signers: readonly TrustedKey[];
}

/** Signs bytes with one or several ed25519 keys into a DSSE envelope. */
export function seal(payloadType: string, payload: Buffer, keys: readonly [KeyObject, ...KeyObject[]]): SerializedEnvelope {
  const encoded = dsse.preAuthEncoding(payloadType, payload);
  return {
    payloadType,
    payload: payload.toString("base64"),
    signatures: keys.map((key) => ({ keyid: keyId(key), sig: sign(null, encoded, key).toString("base64") })),
  };
}

/**
 * Reads an envelope and verifies it. A signature's `keyid` is only a hint and nobody vouches for it, so every signature is tried
 * against every key; signatures by keys that nobody named here are neither needed nor harmful.
 * @param trusted the keys that may sign this payload
 * @param threshold how many different owners of keys must have signed. @default 1
 * @throws AttestationError ENVELOPE, PAYLOAD_TYPE or SIGNATURE
 */
export function open(text: string, payloadType: string, trusted: readonly TrustedKey[], threshold = 1): OpenedEnvelope {
  const envelope = parseEnvelope(text);
  if (envelope.payloadType !== payloadType) throw new AttestationError("PAYLOAD_TYPE", `its payload is of another type than ${payloadType}`);
  const encoded = dsse.preAuthEncoding(envelope.payloadType, envelope.payload);
  const signers = trusted.filter(({ key }) => envelope.signatures.some(({ sig }) => crypto.verify(encoded, key, sig)));
  const owners = new Set(signers.map(({ owner }) => owner)).size;
  if (owners < threshold) {
    throw new AttestationError(
      "SIGNATURE",
      signers.length === 0
        ? `none of its ${envelope.signatures.length} signatures is by one of the ${trusted.length} keys trusted for it, or it was changed after it was signed`
        : `only ${owners} of those whose keys are trusted for it signed it, and ${threshold} must`,
    );
  }
  return { payload: envelope.payload, signers };
}

function parseEnvelope(text: string): z.output<typeof envelopeSchema> {
  if (text.length > longestEnvelope) throw new AttestationError("ENVELOPE", `its envelope is longer than ${longestEnvelope} characters`);
  let content: unknown;
  try {
    content = JSON.parse(text);
  } catch (error) {
    throw new AttestationError("ENVELOPE", `its envelope is not JSON (${error instanceof SyntaxError ? "it does not parse" : String(error)})`);
  }
  const parsed = envelopeSchema.safeParse(content);
  if (!parsed.success) throw new AttestationError("ENVELOPE", `it is not a DSSE envelope: ${rulesBroken(parsed.error.issues)}`);
  return parsed.data;
}
