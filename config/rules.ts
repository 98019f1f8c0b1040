import { deliveryRules } from "./deliveryRules.ts";
import { edgeRules } from "./edgeRules.ts";
import { formatCpu, formatMemory, nanos } from "./quantity.ts";
import type { Rule, Violation } from "./rule.ts";
import { environments, type ParsedConfig } from "./schema.ts";
import { workloadRules } from "./workloadRules.ts";

/** Pods that run at once at the worst moment: two versions, and the Job that verifies one of them. */
function peakPods({
  strategy,
  replicas,
  autoscaling,
  canary,
}: Pick<ParsedConfig, "strategy" | "replicas" | "autoscaling" | "canary">): number {
  return strategy === "canary" ? 2 * autoscaling.maxReplicas + (canary.load.enabled ? 1 : 0) : 2 * replicas + 1;
}

const environmentOfStack: Rule = {
  summary: "A stack that is called local, staging or production has the environment of that name.",
  reads: ["environment"],
  check: ({ environment }, { stack }) =>
    environments.some((name) => name === stack) && environment !== stack
      ? [
          {
            key: "environment",
            rule: `${stack}, like the stack of that name: otherwise it would escape the rules of its environment`,
            fix: { set: stack },
          },
        ]
      : [],
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
  summary:
    "The quota holds two versions at once: twice `replicas` pods and a verification Job, or twice `autoscaling.maxReplicas` pods and the one that asks them.",
  reads: ["quota", "resources", "replicas", "strategy", "autoscaling.maxReplicas", "canary.load"],
  check: (config, { reveal }) => {
    const pods = peakPods(config);
    const sources = ["replicas", "autoscaling", "resources", "strategy"];
    const found: Violation[] = [];
    for (const kind of ["requests", "limits"] as const) {
      for (const [resource, format] of [
        ["cpu", formatCpu],
        ["memory", formatMemory],
      ] as const) {
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
    if (config.quota.pods < pods)
      found.push({
        key: "quota.pods",
        rule: `at least ${reveal(pods, ...sources)}: two versions run at once during a release`,
        fix: { set: reveal(pods, ...sources) },
      });
    return found;
  },
};

const namespaceOfItsOwn: Rule = {
  summary:
    "The namespace is the stack's own: not `default`, not `kube-*`, and none of those in `network` except the gates'.",
  reads: ["namespace", "environment", "network"],
  check: ({ namespace, environment, network }, { reveal }) => {
    const own = namespace ?? environment;
    if (own === "default" || own.startsWith("kube-")) {
      return [
        {
          key: "namespace",
          rule: "a namespace of the stack's own, neither default nor kube-*: quota and default deny apply to all that is in it",
          fix: { set: "production" },
        },
      ];
    }
    const [peer] =
      Object.entries(network).find(([name, peered]) => name !== "gates" && "namespace" in peered && peered.namespace === own) ?? [];
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
  ...workloadRules,
  ...edgeRules,
  ...deliveryRules,
  objectivesAgree,
  quotaHoldsTwoVersions,
];
