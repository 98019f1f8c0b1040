import { deliveryRules } from "./deliveryRules.ts";
import { edgeRules } from "./edgeRules.ts";
import { isFromAllowedRegistry, parseImage } from "./image.ts";
import { compareQuantities, formatCpu, formatMemory, nanos } from "./quantity.ts";
import type { Rule, Violation } from "./rule.ts";
import { environments, type ParsedConfig } from "./schema.ts";

const imageKeys = ["image", "blueGreen.slots.blue.image", "blueGreen.slots.green.image"] as const;

function imagesOf({ image, blueGreen: { slots } }: ParsedConfig): { key: string; image: string }[] {
  return [image, slots.blue.image, slots.green.image].flatMap((value, index) => {
    const key = imageKeys[index];
    return value === undefined || key === undefined ? [] : [{ key, image: value }];
  });
}

/** Pods that run at once at the worst moment: two versions, and the Job that verifies one of them. */
export function peakPods({ strategy, replicas, autoscaling }: Pick<ParsedConfig, "strategy" | "replicas" | "autoscaling">): number {
  return strategy === "canary" ? 2 * autoscaling.maxReplicas : 2 * replicas + 1;
}

const environmentOfStack: Rule = {
  summary: "A stack that is called local, staging or production has the environment of that name.",
  reads: ["environment"],
  check: ({ environment }, { stack }) =>
    environments.some((name) => name === stack) && environment !== stack
      ? [{ key: "environment", rule: `${stack}, like the stack of that name: otherwise it would escape the rules of its environment`, fix: { set: stack } }]
      : [],
};

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
    if (replicas < 2) return [{ key: "replicas", rule: `at least 2 in ${reveal(environment, "environment")}, so that losing one node loses no service`, fix: { set: 3 } }];
    return podDisruption.maxUnavailable < replicas
      ? []
      : [{ key: "podDisruption.maxUnavailable", rule: `below replicas (${reveal(replicas, "replicas")}), or a node drain could take all pods at once`, fix: { set: 1 } }];
  },
};

const autoscalerRange: Rule = {
  summary: "`autoscaling.maxReplicas` is at least `replicas`.",
  reads: ["replicas", "autoscaling.maxReplicas"],
  check: ({ replicas, autoscaling }, { reveal }) =>
    autoscaling.maxReplicas >= replicas
      ? []
      : [{ key: "autoscaling.maxReplicas", rule: `at least replicas (${reveal(replicas, "replicas")}), the autoscaler's minimum`, fix: "Raise it, or lower replicas." }],
};

const sharedStorage: Rule = {
  summary: "In staging and production a persistent audit storage is ReadWriteMany.",
  reads: ["environment", "auditStorage"],
  check: ({ auditStorage }, { strict }) =>
    strict && auditStorage.type === "persistent" && auditStorage.accessMode !== "ReadWriteMany"
      ? [{ key: "auditStorage.accessMode", rule: "ReadWriteMany where several nodes run the pods: the second version could not start beside the first", fix: { set: "ReadWriteMany" } }]
      : [],
};

const secretsFromVault: Rule = {
  summary: "In staging and production `secrets.source` is `vault`; a vault has its `secrets.store.address`.",
  reads: ["environment", "secrets"],
  check: ({ secrets, environment }, { strict, reveal }) => {
    if (strict && secrets.source === "existing") {
      return [{ key: "secrets.source", rule: `vault in ${reveal(environment, "environment")}: a Secret made by hand is never rotated`, fix: { set: "vault" } }];
    }
    return secrets.source === "vault" && secrets.store.address === undefined
      ? [{ key: "secrets.store.address", rule: "set where secrets.source is vault", fix: { set: "https://vault.example.com:8200" } }]
      : [];
  },
};

const objectivesAgree: Rule = {
  summary: "`slo.errorRate` is at most what `slo.availability` leaves for errors.",
  reads: ["slo"],
  check: ({ slo }, { reveal }) => {
    const budget = 100 - slo.availability;
    // 100 - 99.9 is 0.0999… in binary; a part in a billion is no disagreement.
    return slo.errorRate <= budget + 1e-9
      ? []
      : [
          {
            key: "slo.errorRate",
            rule: `at most ${reveal(Number(budget.toFixed(6)), "slo.availability")}, what slo.availability (${reveal(slo.availability, "slo.availability")}) leaves for errors`,
            fix: "Lower it, or lower slo.availability.",
          },
        ];
  },
};

const quotaHoldsTwoVersions: Rule = {
  summary: "The quota holds two versions at once: twice `replicas` pods and a verification Job, or twice `autoscaling.maxReplicas` pods.",
  reads: ["quota", "resources", "replicas", "strategy", "autoscaling.maxReplicas"],
  check: (config, { reveal }) => {
    const pods = peakPods(config);
    const sources = ["replicas", "autoscaling", "resources", "strategy"];
    const found: Violation[] = [];
    for (const kind of ["requests", "limits"] as const) {
      for (const [resource, format] of [["cpu", formatCpu], ["memory", formatMemory]] as const) {
        const needed = nanos(config.resources[kind][resource]) * BigInt(pods);
        if (nanos(config.quota[kind][resource]) < needed) {
          const text = reveal(format(needed), ...sources);
          found.push({
            key: `quota.${kind}.${resource}`,
            rule: `at least ${text}: two versions run at once during a release, ${reveal(pods, ...sources)} pods in all`,
            fix: { set: text },
          });
        }
      }
    }
    if (config.quota.pods < pods) found.push({ key: "quota.pods", rule: `at least ${reveal(pods, ...sources)}: two versions run at once during a release`, fix: { set: reveal(pods, ...sources) } });
    return found;
  },
};

const namespaceOfItsOwn: Rule = {
  summary: "The namespace is the stack's own: not `default`, not `kube-*`, and none of those in `network` except the gates'.",
  reads: ["namespace", "environment", "network"],
  check: ({ namespace, environment, network }, { reveal }) => {
    const own = namespace ?? environment;
    if (own === "default" || own.startsWith("kube-")) {
      return [{ key: "namespace", rule: "a namespace of the stack's own, neither default nor kube-*: quota and default deny apply to all that is in it", fix: { set: "production" } }];
    }
    const [peer] = Object.entries(network).find(([name, { namespace: other }]) => name !== "gates" && other === own) ?? [];
    return peer === undefined
      ? []
      : [
          {
            key: "namespace",
            rule: `another one than network.${peer}.namespace (${reveal(own, `network.${peer}.namespace`)}): default deny would cut that off`,
            fix: "Give the stack a namespace of its own.",
          },
        ];
  },
};

/** Every rule over several keys, in the order in which it is reported. */
export const rules: readonly Rule[] = [
  environmentOfStack,
  namespaceOfItsOwn,
  imagesByDigest,
  imagesFromAllowedRegistries,
  requestsWithinLimits,
  budgetOfDisruption,
  autoscalerRange,
  sharedStorage,
  secretsFromVault,
  ...edgeRules,
  ...deliveryRules,
  objectivesAgree,
  quotaHoldsTwoVersions,
];
