import { milliseconds } from "./duration.ts";
import type { Rule } from "./rule.ts";

const gatewayHasHostname: Rule = {
  summary: "An enabled Gateway has its `gateway.hostname`.",
  reads: ["gateway"],
  check: ({ gateway }) =>
    gateway.enabled && gateway.hostname === undefined
      ? [{ key: "gateway.hostname", rule: "required where gateway.enabled is true", fix: { set: "audit.example.com" } }]
      : [],
};

const listenersApart: Rule = {
  summary: "The Gateway's two listeners have different ports.",
  reads: ["gateway.httpPort", "gateway.httpsPort"],
  check: ({ gateway }, { reveal }) =>
    gateway.httpPort === gateway.httpsPort
      ? [
          {
            key: "gateway.httpsPort",
            rule: `another port than gateway.httpPort (${reveal(gateway.httpPort, "gateway.httpPort")})`,
            fix: "Give each listener a port of its own.",
          },
        ]
      : [],
};

const trafficIsEncrypted: Rule = {
  summary: "In staging and production Gateway and TLS are enabled; TLS needs the Gateway everywhere.",
  reads: ["environment", "gateway.enabled", "tls.enabled"],
  check: ({ environment, gateway, tls }, { strict, reveal }) => {
    if (strict && !gateway.enabled)
      return [
        {
          key: "gateway.enabled",
          rule: `true in ${reveal(environment, "environment")}: users come in by the Gateway only`,
          fix: { set: true },
        },
      ];
    if (strict && !tls.enabled)
      return [
        {
          key: "tls.enabled",
          rule: `true in ${reveal(environment, "environment")}: the audit trail is never served in the clear`,
          fix: { set: true },
        },
      ];
    return tls.enabled && !gateway.enabled
      ? [
          {
            key: "tls.enabled",
            rule: "false where gateway.enabled is false: only the Gateway can serve the certificate",
            fix: { set: false },
          },
        ]
      : [];
  },
};

const oneWayIn: Rule = {
  summary: "With a Gateway `service.type` is ClusterIP.",
  reads: ["service.type", "gateway.enabled"],
  check: ({ service, gateway }) =>
    gateway.enabled && service.type === "LoadBalancer"
      ? [
          {
            key: "service.type",
            rule: "ClusterIP where gateway.enabled is true: a load balancer beside the Gateway would bypass TLS and the canary's weights",
            fix: { set: "ClusterIP" },
          },
        ]
      : [],
};

const renewedInTime: Rule = {
  summary: "`tls.renewBefore` is shorter than `tls.duration`.",
  reads: ["tls.duration", "tls.renewBefore"],
  check: ({ tls }, { reveal }) =>
    milliseconds(tls.renewBefore) < milliseconds(tls.duration)
      ? []
      : [
          {
            key: "tls.renewBefore",
            rule: `shorter than tls.duration (${reveal(tls.duration, "tls.duration")})`,
            fix: "A third of the duration is customary.",
          },
        ],
};

const keySizes = {
  ECDSA: (bits: number) => [256, 384, 521].includes(bits),
  RSA: (bits: number) => bits >= 2048,
  Ed25519: () => true,
};

const keyIsStrong: Rule = {
  summary: "`tls.keySize` is 256, 384 or 521 for ECDSA and at least 2048 for RSA.",
  reads: ["tls.algorithm", "tls.keySize"],
  check: ({ tls }, { reveal }) =>
    keySizes[tls.algorithm](tls.keySize)
      ? []
      : [
          {
            key: "tls.keySize",
            rule: `256, 384 or 521 for ECDSA and at least 2048 for RSA; tls.algorithm is ${reveal(tls.algorithm, "tls.algorithm")}`,
            fix: { set: tls.algorithm === "RSA" ? 3072 : 256 },
          },
        ],
};

const issuerIsComplete: Rule = {
  summary:
    "Where TLS is enabled, an `acme` issuer has its `email` and a `ca` issuer its `caSecret`; in staging and production no certificate signs itself.",
  reads: ["environment", "tls.enabled", "tls.issuer"],
  check: ({ environment, tls: { enabled, issuer } }, { strict, reveal }) => {
    if (!enabled) return [];
    if (strict && issuer.type === "selfSigned") {
      return [
        {
          key: "tls.issuer.type",
          rule: `acme or ca in ${reveal(environment, "environment")}: nobody can trust a certificate that signs itself`,
          fix: { set: "acme" },
        },
      ];
    }
    if (issuer.type === "acme" && issuer.email === undefined)
      return [
        {
          key: "tls.issuer.email",
          rule: "required where tls.issuer.type is acme",
          fix: { set: "platform@example.com" },
        },
      ];
    return issuer.type === "ca" && issuer.caSecret === undefined
      ? [{ key: "tls.issuer.caSecret", rule: "required where tls.issuer.type is ca", fix: { set: "audit-ca" } }]
      : [];
  },
};

/** Rules of the way in: Service, Gateway and certificate. */
export const edgeRules: readonly Rule[] = [
  gatewayHasHostname,
  listenersApart,
  trafficIsEncrypted,
  oneWayIn,
  renewedInTime,
  keyIsStrong,
  issuerIsComplete,
];
