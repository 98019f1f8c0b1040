import { z } from "zod";
import { blueGreen, canary } from "./delivery.ts";
import { budgets, compliance, quota, slo } from "./governance.ts";
import { freezes } from "./freeze.ts";
import { isRegistryPrefix } from "./image.ts";
import { key } from "./key.ts";
import { gateway, network, tls } from "./network.ts";
import { secrets } from "./secrets.ts";
import { dnsLabel, image, integer, line, oneOf } from "./values.ts";
import { auditStorage, autoscaling, podDisruption, resources, service } from "./workload.ts";

/** The project's name in Pulumi.yaml, and with it the namespace of every key. */
export const projectName = "rlhf-audit-trail";

/** Where a stack stands on the way to its users; what is enforced depends on it. */
export const environments = ["local", "staging", "production"] as const;

/**
 * Every key of the stack configuration. Keys are scalars where people change them one by one
 * (`pulumi config set replicas 4`) and objects where they belong together
 * (`pulumi config set --path rlhf-audit-trail:blueGreen.active green`).
 */
export const configSchema = z.strictObject({
  clusterName: line(128, { description: "Name of the cluster that the stack runs on.", example: "production-eu-1" }),
  environment: oneOf(environments, {
    description:
      "Where the stack stands; the pods read it as ENVIRONMENT, and the rules are stricter in staging and production.",
    example: "local",
  }),
  namespace: dnsLabel({
    description: "Namespace of everything in the stack; the name of the environment where absent.",
    example: "production",
  }).optional(),
  image: image({
    description: "Image of the canary strategy. Blue-green reads the images of its slots.",
    example: "ghcr.io/terragonlabs/rlhf-audit-trail@sha256:<digest>",
  }).optional(),
  replicas: integer(1, 100, {
    description: "Pods of a slot, or the fewest pods of the autoscaler.",
    unit: "pods",
  }).default(3),
  port: integer(1024, 65535, {
    description: "Port that the container listens on; above 1023, because it does not run as root.",
  }).default(8000),
  logLevel: oneOf(["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"], {
    description: "Level of the pods' logs, which they read as LOG_LEVEL.",
  }).default("INFO"),
  strategy: oneOf(["blueGreen", "canary"], { description: "How a release reaches the users." }).default("blueGreen"),
  allowedRegistries: key(
    z
      .array(
        key(z.string().refine(isRegistryPrefix), {
          description: "Prefix.",
          rule: "a registry, or a registry and the start of a path, such as ghcr.io/terragonlabs",
          example: "ghcr.io/terragonlabs",
        }),
      )
      .min(1)
      .max(50),
    {
      description: "Registries, or paths in them, that images may come from.",
      rule: "a list of 1 to 50 registries or registry paths",
    },
  ).default(["ghcr.io/terragonlabs"]),
  service,
  resources,
  autoscaling,
  podDisruption,
  auditStorage,
  secrets,
  network,
  gateway,
  tls,
  blueGreen,
  canary,
  gateToken: key(z.string().regex(/^[\x21-\x7e]{16,256}$/), {
    description:
      "What Flagger proves itself to the gates by; set it with `--secret`. Flagger can send it in the address only, so it stands in the Canary: let nobody else read Canaries.",
    rule: "16 to 256 visible ASCII characters",
    example: "<random text>",
  }).optional(),
  freezes,
  slo,
  budgets,
  compliance,
  quota,
});

/** The configuration as the schema yields it: defaults filled in, cross-field rules not yet asked. */
export type ParsedConfig = z.output<typeof configSchema>;
