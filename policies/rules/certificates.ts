/** cert-manager Certificates: for how long, with which key, for which names, from whom. */
import { z } from "zod";
import { parseDuration } from "../kubernetes/quantity.ts";
import { resourceRule, type Finding } from "../rule.ts";
import { get, list, text, texts, type Obj } from "../value.ts";
import { manifest } from "./examples.ts";

const certificate = (spec: Obj) => manifest("cert-manager.io/v1", "Certificate", { spec: { secretName: "tls", dnsNames: ["shop.example.com"], issuerRef: { name: "internal", kind: "Issuer" }, privateKey: { algorithm: "ECDSA", size: 256, rotationPolicy: "Always" }, ...spec } });
const CERTIFICATE = ["cert-manager.io/Certificate"];

export const certificateKey = resourceRule({
  id: "certificate-key", title: "Certificates have strong keys that change at each renewal.", severity: "medium", level: "mandatory", kinds: CERTIFICATE,
  why: "A key that is kept for ever makes short certificates worthless.", fix: "Set privateKey.rotationPolicy: Always and ECDSA 256, Ed25519 or RSA 3072.",
  parameters: z.strictObject({ minRsa: z.int().default(2048).describe("fewest bits of an RSA key"), requireRotation: z.boolean().default(true).describe("whether rotationPolicy must be Always") }),
  examples: { pass: [certificate({})], fail: [certificate({ privateKey: { algorithm: "RSA", size: 1024, rotationPolicy: "Always" } }), certificate({ privateKey: { algorithm: "ECDSA" } })] },
  check: ({ data }, { minRsa, requireRotation }) => {
    const key = get(data, "spec", "privateKey");
    const found: Finding[] = requireRotation && text(key, "rotationPolicy") !== "Always" ? [{ path: "spec.privateKey.rotationPolicy", message: "the key is kept at renewal" }] : [];
    const size = get(key, "size");
    if ((text(key, "algorithm") ?? "RSA") === "RSA" && typeof size === "number" && size < minRsa) found.push({ path: "spec.privateKey.size", message: `RSA of ${size} bits is weak` });
    return found;
  },
});

export const certificateNames = resourceRule({
  id: "certificate-names", title: "A certificate is for few names, none of them a wildcard.", severity: "low", kinds: CERTIFICATE,
  why: "Each further name shares the key, and is told to the world in the transparency logs.", fix: "One Certificate for each name.",
  parameters: z.strictObject({ max: z.int().positive().default(1).describe("most names"), allowWildcard: z.boolean().default(false).describe("allow *. names") }),
  examples: { pass: [certificate({})], fail: [certificate({ dnsNames: ["a.example.com", "b.example.com"] }), certificate({ dnsNames: ["*.example.com"] })] },
  check: ({ data }, { max, allowWildcard }) => {
    const names = list(data, "spec", "dnsNames");
    const found: Finding[] = names.length > max ? [{ path: "spec.dnsNames", message: `${names.length} names, more than ${max}` }] : [];
    if (!allowWildcard && names.some((name) => typeof name === "string" && name.includes("*"))) found.push({ path: "spec.dnsNames", message: "a wildcard name" });
    return found;
  },
});

export const certificateIssuer = resourceRule({
  id: "certificate-issuer", title: "Certificates come from an allowed issuer.", severity: "medium", kinds: CERTIFICATE,
  why: "Another issuer's certificates aren't trusted where they are needed, or are where they shouldn't be.", fix: "Use an allowed issuer for these names.",
  parameters: z.strictObject({
    allowed: z.array(z.string()).default([]).describe("issuers that may be named; an empty list allows all"),
    forNames: z.record(z.string(), z.array(z.string())).default({}).describe("regular expression on DNS names to the issuers that may certify them"),
  }),
  examples: {
    parameters: { allowed: ["internal", "public"], forNames: { "\\.internal$": ["internal"] } },
    pass: [certificate({}), certificate({ dnsNames: ["db.internal"] }), certificate({ issuerRef: { name: "public" } })],
    fail: [certificate({ issuerRef: { name: "other" } }), certificate({ dnsNames: ["shop.example.com", "db.internal"], issuerRef: { name: "public" } }), certificate({ dnsNames: undefined, commonName: "db.internal", issuerRef: { name: "public" } })],
  },
  check: ({ data }, { allowed, forNames }) => {
    const issuer = text(data, "spec", "issuerRef", "name") ?? "";
    const names = [...texts(data, "spec", "dnsNames"), text(data, "spec", "commonName") ?? ""];
    const bound = Object.entries(forNames).some(([pattern, issuers]) => !issuers.includes(issuer) && names.some((name) => new RegExp(pattern).test(name)));
    if (!bound && (allowed.length === 0 || allowed.includes(issuer))) return [];
    return [{ path: "spec.issuerRef.name", message: `issuer ${issuer} is not allowed${bound ? " for its names" : ""}` }];
  },
});

export const certificateDuration = resourceRule({
  id: "certificate-duration", title: "Certificates live briefly.", severity: "medium", level: "mandatory", kinds: CERTIFICATE,
  why: "A stolen key serves as long as its certificate; browsers and authorities shorten what they accept.", fix: "Set spec.duration to at most 2400h, with renewBefore below it.",
  parameters: z.strictObject({ maxHours: z.number().positive().default(2400).describe("longest duration in hours") }),
  examples: { pass: [manifest("cert-manager.io/v1", "Certificate", { spec: { duration: "2160h", renewBefore: "360h" } })], fail: [manifest("cert-manager.io/v1", "Certificate", { spec: { duration: "8760h" } }), manifest("cert-manager.io/v1", "Certificate", { spec: { duration: "24h", renewBefore: "25h" } })] },
  check: ({ data }, { maxHours }) => {
    const duration = parseDuration(get(data, "spec", "duration") ?? "2160h");
    const renew = parseDuration(get(data, "spec", "renewBefore") ?? "0");
    if (duration === undefined || duration > maxHours * 3600) return [{ path: "spec.duration", message: `duration is ${duration === undefined ? "no duration" : `${duration / 3600} h, longer than ${maxHours} h`}` }];
    return renew !== undefined && renew >= duration ? [{ path: "spec.renewBefore", message: "it is renewed before it begins" }] : [];
  },
});
