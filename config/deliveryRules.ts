import { formatDuration, milliseconds } from "./duration.ts";
import type { Rule, Violation } from "./rule.ts";
import type { ParsedConfig } from "./schema.ts";

const mostMillisecondsToTakeBack = 5 * 60 * 1000;

/**
 * Longest time from detection of a bad revision to all traffic on the old one, readiness of the pods apart: one tick
 * to notice that they are ready, one to give them weight, then the failed checks; the last is acted upon a tick later.
 * @returns milliseconds
 */
function timeToTakeBack({ interval, threshold }: Pick<ParsedConfig["canary"], "interval" | "threshold">): number {
  return (threshold + 2) * milliseconds(interval);
}

/** Flagger reports an event in the tick itself; `components/webhooks.ts` gives the record as long. */
const recordMilliseconds = 2000;

/** Whether a person must say yes: where nothing is said, in production. */
export function needsApproval(environment: ParsedConfig["environment"], approval: ParsedConfig["canary"]["gates"]["approval"]): boolean {
  return approval.required ?? environment === "production";
}

const liveSlotIsFilled: Rule = {
  summary: "Under blue-green the active slot has an image.",
  reads: ["strategy", "blueGreen"],
  check: ({ strategy, blueGreen: { active, slots } }, { reveal }): readonly Violation[] => {
    if (strategy !== "blueGreen" || slots[active].image !== undefined) return [];
    const filled = active === "blue" ? ("green" as const) : ("blue" as const);
    return slots[filled].image === undefined
      ? [
          {
            key: "blueGreen.active",
            rule: "a slot that has an image; neither slot has one",
            fix: "Set blueGreen.slots.blue.image to the image to run.",
          },
        ]
      : [
          {
            key: "blueGreen.active",
            rule: `a slot that has an image; only ${reveal(filled, "blueGreen.slots")} has one`,
            fix: `Give that slot its image first, or make ${reveal(filled, "blueGreen.slots")} the active one.`,
          },
        ];
  },
};

const canaryHasImageAndRoute: Rule = {
  summary: "Under canary `image` is set and the Gateway enabled.",
  reads: ["strategy", "image", "gateway.enabled"],
  check: ({ strategy, image, gateway }) => {
    if (strategy !== "canary") return [];
    const found: Violation[] = [];
    if (image === undefined)
      found.push({
        key: "image",
        rule: "required where strategy is canary",
        fix: "Set it to registry/repository@sha256:<digest>.",
      });
    if (!gateway.enabled)
      found.push({
        key: "gateway.enabled",
        rule: "true where strategy is canary: the weights are a route of the Gateway",
        fix: { set: true },
      });
    return found;
  },
};

const weightsStepEvenly: Rule = {
  summary: "`canary.stepWeight` divides `canary.maxWeight`.",
  reads: ["canary.maxWeight", "canary.stepWeight"],
  check: ({ canary: { maxWeight, stepWeight } }, { reveal }) => {
    if (maxWeight % stepWeight === 0) return [];
    const steps = Array.from({ length: maxWeight }, (_, index) => index + 1).filter((step) => maxWeight % step === 0);
    const shown = steps.join(", ");
    return [
      {
        key: "canary.stepWeight",
        rule: `a divisor of canary.maxWeight (${reveal(maxWeight, "canary.maxWeight")}), so that the last step reaches it exactly`,
        fix: `Choose one of ${reveal(shown, "canary.maxWeight")}.`,
      },
    ];
  },
};

const dataPlaneCanRoute: Rule = {
  summary: "Mirroring and sticky sessions are for data planes that can: Traefik 3.5 serves a mirrored route to nobody, and sets no cookie for one backend.",
  reads: ["gateway.className", "canary.traffic"],
  check: ({ gateway, canary: { traffic } }, { reveal }) => {
    const plane = `where gateway.className is ${reveal(gateway.className, "gateway.className")}`;
    const found: Violation[] = [];
    if (traffic.sessionAffinity.enabled && traffic.kind !== "weights")
      found.push({ key: "canary.traffic.sessionAffinity.enabled", rule: `false where canary.traffic.kind is ${reveal(traffic.kind, "canary.traffic.kind")}: only weights send one user here and there`, fix: { set: false } });
    if (!/traefik/i.test(gateway.className)) return found;
    if (traffic.kind === "mirror")
      found.push({ key: "canary.traffic.kind", rule: `weights or abTest ${plane}: its data plane knows no RequestMirror, and would answer every request with an error`, fix: { set: "weights" } });
    if (traffic.sessionAffinity.enabled)
      found.push({ key: "canary.traffic.sessionAffinity.enabled", rule: `false ${plane}: its data plane leaves out filters of single backends, so that no cookie would be set`, fix: { set: false } });
    return found;
  },
};

const gatesFitTheTick: Rule = {
  summary:
    "The gates' timeouts and 2 s for the record are together below `canary.interval`: at the last weight one tick asks them all, one after another, and Flagger drops ticks that are late.",
  reads: ["environment", "canary.interval", "canary.gates"],
  check: ({ environment, canary: { interval, gates } }, { reveal }) => {
    const { compliance, performance, security, approval, enabled } = gates;
    const asked = [compliance, performance, security, ...(needsApproval(environment, approval) ? [approval] : [])];
    const sum = asked.reduce((total, { timeout }) => total + milliseconds(timeout), recordMilliseconds);
    return !enabled || sum < milliseconds(interval)
      ? []
      : [
          {
            key: "canary.gates",
            rule: `timeouts that are together below canary.interval (${reveal(interval, "canary.interval")}); they are ${reveal(formatDuration(sum), "canary.gates")}, with ${formatDuration(recordMilliseconds)} for the record, and at the last weight one tick asks all of them`,
            fix: "Lower the timeouts, or lengthen canary.interval.",
          },
        ];
  },
};

const gatesAreAsked: Rule = {
  summary: "In staging and production the gates are asked, and production asks for an approval.",
  reads: ["environment", "canary.gates"],
  check: ({ environment, canary: { gates } }, { strict, reveal }) => [
    ...(strict && !gates.enabled
      ? [{ key: "canary.gates.enabled", rule: `true in ${reveal(environment, "environment")}: a release that nobody checks reaches users`, fix: { set: true } }]
      : []),
    ...(environment === "production" && gates.approval.required === false
      ? [{ key: "canary.gates.approval.required", rule: "true in production", fix: { set: true } }]
      : []),
  ],
};

const metricsSeeEveryRequest: Rule = {
  summary: "Each metric's window is at least `canary.interval`.",
  reads: ["canary.interval", "canary.metrics"],
  check: ({ canary: { interval, metrics } }, { reveal }) =>
    Object.entries(metrics).flatMap(([name, metric]): Violation[] =>
      typeof metric === "string" || milliseconds(metric.interval) >= milliseconds(interval)
        ? []
        : [
            {
              key: `canary.metrics.${name}.interval`,
              rule: `at least canary.interval (${reveal(interval, "canary.interval")}), or what happens between two ticks is never judged`,
              fix: { set: reveal(interval, "canary.interval") },
            },
          ],
    ),
};

const deadlineAllowsTwoTicks: Rule = {
  summary: "`canary.progressDeadline` is at least twice `canary.interval`.",
  reads: ["canary.interval", "canary.progressDeadline"],
  check: ({ canary: { interval, progressDeadline } }, { reveal }) =>
    milliseconds(progressDeadline) >= 2 * milliseconds(interval)
      ? []
      : [
          {
            key: "canary.progressDeadline",
            rule: `at least twice canary.interval (${reveal(interval, "canary.interval")}): readiness is looked at once in a tick, and a pod must have had one whole tick`,
            fix: { set: reveal(`${(2 * milliseconds(interval)) / 1000}s`, "canary.interval") },
          },
        ],
};

const takenBackInTime: Rule = {
  summary:
    "In staging and production a bad release is taken back within 5 minutes: `canary.threshold` and two more ticks of `canary.interval`.",
  reads: ["environment", "canary.interval", "canary.threshold"],
  check: ({ canary }, { strict, reveal }) => {
    const time = timeToTakeBack(canary);
    return !strict || time <= mostMillisecondsToTakeBack
      ? []
      : [
          {
            key: "canary.threshold",
            rule: `such that a bad release is taken back within ${formatDuration(mostMillisecondsToTakeBack)}; (threshold + 2) ticks of ${reveal(canary.interval, "canary.interval")} are ${reveal(formatDuration(time), "canary.interval", "canary.threshold")}`,
            fix: "Lower the threshold, or shorten canary.interval.",
          },
        ];
  },
};

/** Rules of the two strategies. The canary's numbers are judged under blue-green too: the strategy is one key away. */
export const deliveryRules: readonly Rule[] = [
  liveSlotIsFilled,
  canaryHasImageAndRoute,
  weightsStepEvenly,
  dataPlaneCanRoute,
  gatesFitTheTick,
  gatesAreAsked,
  metricsSeeEveryRequest,
  deadlineAllowsTwoTicks,
  takenBackInTime,
];
