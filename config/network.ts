import { z } from "zod";
import { key } from "./key.ts";
import { address, dnsLabel, duration, flag, hostname, integer, line, oneOf, port } from "./values.ts";

const peer = (description: string, namespace: string) =>
  key(
    z
      .strictObject({ namespace: dnsLabel({ description: `Namespace of ${description}.` }).default(namespace) })
      .prefault({}),
    { description: `${description}.` },
  );

const peerWithPort = (description: string, namespace: string, number: number) =>
  key(
    z
      .strictObject({
        namespace: dnsLabel({ description: `Namespace of ${description}.` }).default(namespace),
        port: port({ description: `Port of ${description}.` }).default(number),
      })
      .prefault({}),
    { description: `${description}.` },
  );

/** Whom the pods may talk to; everything else is denied both ways. */
export const network = key(
  z
    .strictObject({
      ingress: peer("the data plane that carries the users' traffic", "traefik"),
      database: peerWithPort("PostgreSQL", "database", 5432),
      redis: peerWithPort("Redis", "redis", 6379),
      dns: peerWithPort("the cluster's DNS, by UDP and TCP", "kube-system", 53),
      monitoring: peer("Prometheus, which scrapes the pods", "monitoring"),
      flagger: peer("Flagger, which asks the gates", "flagger-system"),
      apiServer: key(
        z
          .strictObject({
            cidrs: key(
              z.array(
                key(z.union([z.cidrv4(), z.cidrv6()]), {
                  description: "Addresses.",
                  rule: "a CIDR, such as 10.0.0.1/32",
                  example: "10.0.0.1/32",
                }),
              ).max(20),
              {
                description: "Addresses that the API server is reached at, behind its Service. Without them the gates can't read what is deployed, and refuse every release.",
                rule: "a list of at most 20 CIDRs",
                example: ["10.0.0.1/32"],
              },
            ).default([]),
            port: port({ description: "Port of the API server, behind its Service." }).default(6443),
          })
          .prefault({}),
        { description: "The API server, which gates in the stack's own namespace ask." },
      ),
      gates: key(
        z
          .strictObject({
            namespace: dnsLabel({
              description: "Namespace of the gates; the stack's own where absent.",
              example: "gates",
            }).optional(),
          })
          .prefault({}),
        { description: "The three gates." },
      ),
    })
    .prefault({}),
  { description: "The zero-trust network: default deny both ways, and these allowances." },
);

/** The Gateway in front of the live Service. */
export const gateway = key(
  z
    .strictObject({
      enabled: flag({ description: "Whether the stack has a Gateway. The canary strategy needs one." }).default(true),
      name: dnsLabel({ description: "Name of the Gateway, in the stack's namespace." }).default("rlhf-audit-trail"),
      className: dnsLabel({ description: "GatewayClass: the data plane of the platform." }).default("traefik"),
      hostname: hostname({
        description: "Public name of the stack. Required where the Gateway is enabled.",
        example: "audit.example.com",
      }).optional(),
      httpPort: port({
        description: "Port of the HTTP listener. Some data planes want the port of their entry point here.",
      }).default(80),
      httpsPort: port({ description: "Port of the HTTPS listener." }).default(443),
    })
    .prefault({}),
  { description: "The Gateway, by the Gateway API." },
);

/** The Gateway's certificate. */
export const tls = key(
  z
    .strictObject({
      enabled: flag({ description: "Whether the Gateway serves HTTPS with a certificate of cert-manager." }).default(
        true,
      ),
      certManager: oneOf(["present", "install"], {
        description: "Whether cert-manager is there already, or the stack installs it.",
      }).default("present"),
      issuer: key(
        z
          .strictObject({
            type: oneOf(["acme", "ca", "selfSigned"], {
              description:
                "Who signs: an ACME server, a CA whose key pair lies in a Secret, or the certificate itself.",
            }).default("acme"),
            server: address({ description: "Directory of the ACME server.", schemes: ["https"] }).default(
              "https://acme-v02.api.letsencrypt.org/directory",
            ),
            email: key(z.email().max(254), {
              description: "Address that the ACME server warns. Required for `acme`.",
              rule: "an e-mail address",
              example: "platform@example.com",
            }).optional(),
            caSecret: dnsLabel({
              description: "Secret with the CA's key pair. Required for `ca`.",
              example: "audit-ca",
            }).optional(),
          })
          .prefault({}),
        { description: "Who signs the certificate." },
      ),
      duration: duration({ description: "Lifetime of a certificate.", min: "1h", max: "9528h" }).default("2160h"),
      renewBefore: duration({
        description: "How long before its end a certificate is renewed, with a new key.",
        min: "5m",
        max: "9528h",
      }).default("720h"),
      algorithm: oneOf(["ECDSA", "RSA", "Ed25519"], { description: "Algorithm of the key." }).default("ECDSA"),
      keySize: integer(256, 8192, {
        description: "Size of the key: 256, 384 or 521 for ECDSA, 2048 to 8192 for RSA; of no meaning for Ed25519.",
        unit: "bits",
      }).default(256),
    })
    .prefault({}),
  { description: "The Gateway's certificate, by cert-manager." },
);

/** A name for a region where data may lie. */
export const region = line(64, { description: "Region.", example: "eu" });
