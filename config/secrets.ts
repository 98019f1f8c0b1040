import { z } from "zod";
import { key } from "./key.ts";
import { address, dnsLabel, duration, line, oneOf } from "./values.ts";

const remote = (secretKey: string, remoteKey: string, property: string) =>
  key(
    z
      .strictObject({
        key: line(253, { description: `Path in the vault, below the mount, of ${secretKey}.` }).default(remoteKey),
        property: line(253, { description: `Field at that path that holds ${secretKey}.` }).default(property),
      })
      .prefault({}),
    { description: `Where ${secretKey} comes from.` },
  );

const store = key(
  z
    .strictObject({
      address: address({
        description: "Address of the vault. Required where `secrets.source` is `vault`.",
        schemes: ["https"],
        example: "https://vault.example.com:8200",
      }).optional(),
      path: line(128, { description: "Mount path of the key-value engine, version 2." }).default("secret"),
      auth: oneOf(["kubernetes", "jwt"], {
        description:
          "How the SecretStore logs in with a short-lived token of its own ServiceAccount: the vault asks the cluster (`kubernetes`), or checks the signature itself (`jwt`).",
      }).default("kubernetes"),
      mount: line(128, { description: "Mount path of the auth method in the vault." }).default("kubernetes"),
      role: line(128, { description: "Role in the vault that may read the three keys and nothing else." }).default(
        "rlhf-audit-trail",
      ),
      audience: line(253, { description: "Audience of the ServiceAccount's token." }).default("vault"),
    })
    .prefault({}),
  { description: "The vault behind the SecretStore." },
);

/** Where the pods' Secret comes from; its values are never configuration. */
export const secrets = key(
  z
    .strictObject({
      source: oneOf(["vault", "existing"], {
        description:
          "`vault` keeps the Secret in step with a vault by External Secrets; `existing` refers to a Secret that somebody else made.",
      }).default("vault"),
      name: dnsLabel({
        description: "Name of the Secret with the keys database-url, redis-url and encryption-key.",
      }).default("rlhf-secrets"),
      refreshInterval: duration({
        description:
          "How often External Secrets reads the vault: a rotated credential is in the cluster after that time.",
        min: "1m",
        max: "15m",
      }).default("15m"),
      store,
      keys: key(
        z
          .strictObject({
            "database-url": remote("database-url", "rlhf-audit-trail/database", "url"),
            "redis-url": remote("redis-url", "rlhf-audit-trail/redis", "url"),
            "encryption-key": remote("encryption-key", "rlhf-audit-trail/crypto", "key"),
          })
          .prefault({}),
        { description: "The Secret's three keys and their places in the vault." },
      ),
    })
    .prefault({}),
  { description: "The pods' credentials." },
);
