import { isFromAllowedRegistry, parseImage } from "./image.ts";
import { compareQuantities } from "./quantity.ts";
import type { Rule, Violation } from "./rule.ts";
import type { ParsedConfig } from "./schema.ts";

const imageKeys = ["image", "blueGreen.slots.blue.image", "blueGreen.slots.green.image"] as const;

function imagesOf({ image, blueGreen: { slots } }: ParsedConfig): { key: string; image: string }[] {
  return [image, slots.blue.image, slots.green.image].flatMap((value, index) => {
    const key = imageKeys[index];
    return value === undefined || key === undefined ? [] : [{ key, image: value }];
  });
}

const imagesByDigest: Rule = {
  summary: "In staging and production every image is named by digest.",
  reads: ["environment", ...imageKeys],
  check: (config, { strict, reveal }) =>
    imagesOf(config).flatMap(({ key, image }) =>
      strict && parseImage(image)?.digest === undefined
        ? [
            {
              key,
              rule: `by digest (…@sha256:…) in ${reveal(config.environment, "environment")}: a tag can be moved to other content after it was verified`,
              fix: "Take the digest from the registry or from the build that pushed the image, and write registry/repository@sha256:<digest>.",
            },
          ]
        : [],
    ),
};

const imagesFromAllowedRegistries: Rule = {
  summary: "Every image comes from one of `allowedRegistries`.",
  reads: ["allowedRegistries", ...imageKeys],
  check: (config, { reveal }) =>
    imagesOf(config).flatMap(({ key, image }) =>
      isFromAllowedRegistry(image, config.allowedRegistries)
        ? []
        : [
            {
              key,
              rule: `from one of allowedRegistries (${reveal(config.allowedRegistries.join(", "), "allowedRegistries")})`,
              fix: "Push the image to an allowed registry, or add its registry to allowedRegistries.",
            },
          ],
    ),
};

const requestsWithinLimits: Rule = {
  summary: "No request exceeds its limit.",
  reads: ["resources"],
  check: ({ resources: { requests, limits } }, { reveal }) =>
    (["cpu", "memory"] as const).flatMap((resource): Violation[] =>
      compareQuantities(requests[resource], limits[resource]) > 0
        ? [
            {
              key: `resources.requests.${resource}`,
              rule: `at most resources.limits.${resource} (${reveal(limits[resource], `resources.limits.${resource}`)})`,
              fix: `Lower the request or raise the limit.`,
            },
          ]
        : [],
    ),
};

const budgetOfDisruption: Rule = {
  summary: "In staging and production there are at least 2 replicas, and `podDisruption.maxUnavailable` is below them.",
  reads: ["environment", "replicas", "podDisruption"],
  check: ({ replicas, podDisruption, environment }, { strict, reveal }) => {
    if (!strict) return [];
    if (replicas < 2)
      return [
        {
          key: "replicas",
          rule: `at least 2 in ${reveal(environment, "environment")}, so that losing one node loses no service`,
          fix: { set: 3 },
        },
      ];
    return podDisruption.maxUnavailable < replicas
      ? []
      : [
          {
            key: "podDisruption.maxUnavailable",
            rule: `below replicas (${reveal(replicas, "replicas")}), or a node drain could take all pods at once`,
            fix: { set: 1 },
          },
        ];
  },
};

const autoscalerRange: Rule = {
  summary: "`autoscaling.maxReplicas` is at least `replicas`.",
  reads: ["replicas", "autoscaling.maxReplicas"],
  check: ({ replicas, autoscaling }, { reveal }) =>
    autoscaling.maxReplicas >= replicas
      ? []
      : [
          {
            key: "autoscaling.maxReplicas",
            rule: `at least replicas (${reveal(replicas, "replicas")}), the autoscaler's minimum`,
            fix: "Raise it, or lower replicas.",
          },
        ],
};

const sharedStorage: Rule = {
  summary: "In staging and production a persistent audit storage is ReadWriteMany.",
  reads: ["environment", "auditStorage"],
  check: ({ auditStorage }, { strict }) =>
    strict && auditStorage.type === "persistent" && auditStorage.accessMode !== "ReadWriteMany"
      ? [
          {
            key: "auditStorage.accessMode",
            rule: "ReadWriteMany where several nodes run the pods: the second version could not start beside the first",
            fix: { set: "ReadWriteMany" },
          },
        ]
      : [],
};

const secretsFromVault: Rule = {
  summary: "In staging and production `secrets.source` is `vault`; a vault has its `secrets.store.address`.",
  reads: ["environment", "secrets"],
  check: ({ secrets, environment }, { strict, reveal }) => {
    if (strict && secrets.source === "existing") {
      return [
        {
          key: "secrets.source",
          rule: `vault in ${reveal(environment, "environment")}: a Secret made by hand is never rotated`,
          fix: { set: "vault" },
        },
      ];
    }
    return secrets.source === "vault" && secrets.store.address === undefined
      ? [
          {
            key: "secrets.store.address",
            rule: "required where secrets.source is vault",
            fix: { set: "https://vault.example.com:8200" },
          },
        ]
      : [];
  },
};

/** Rules of what runs: images, resources, replicas, storage and credentials. */
export const workloadRules: readonly Rule[] = [
  imagesByDigest,
  imagesFromAllowedRegistries,
  requestsWithinLimits,
  budgetOfDisruption,
  autoscalerRange,
  sharedStorage,
  secretsFromVault,
];
