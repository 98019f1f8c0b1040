/** Flagger canaries: an analysis that can fail a bad release, and gates that can stop one. */
import { z } from "zod";
import { parseDuration } from "../kubernetes/quantity.ts";
import { ask, each, resourceRule, type Finding } from "../rule.ts";
import { get, has, join, list, num, object, text, texts, type Obj } from "../value.ts";
import { manifest, patched } from "./examples.ts";

const KINDS = ["flagger.app/Canary"];
const ANALYSIS = "spec.analysis";

const SOUND: Obj = {
  targetRef: { apiVersion: "apps/v1", kind: "Deployment", name: "app" },
  service: { port: 80 },
  analysis: {
    interval: "30s", threshold: 5, maxWeight: 50, stepWeight: 10,
    metrics: [{ name: "success-rate", templateRef: { name: "success-rate" }, thresholdRange: { min: 99 }, interval: "1m" }],
    webhooks: [
      { name: "compliance", type: "pre-rollout", url: "http://compliance/validate", timeout: "10s" },
      { name: "compliance-again", type: "confirm-promotion", url: "http://compliance/validate", timeout: "10s" },
    ],
  },
};
const canary = (patch: Obj = {}) => manifest("flagger.app/v1beta1", "Canary", { spec: patched(SOUND, patch) });
const analysis = (patch: Obj) => canary({ analysis: patch });

export const canaryAnalysis = resourceRule({
  id: "canary-analysis",
  title: "Every Canary has an analysis that advances, ends, and can fail.",
  severity: "high",
  kinds: KINDS,
  why: "An analysis without steps, threshold or end promotes whatever comes, or is rejected by the API server after the preview said yes.",
  fix: "Give interval, threshold, and one of stepWeight with maxWeight, stepWeights, or iterations; never skipAnalysis.",
  examples: {
    pass: [
      canary(),
      ...["10s", "1m"].map((interval) => analysis({ interval })),
      analysis({ threshold: 1, stepWeight: 1, maxWeight: 100 }),
      analysis({ stepWeight: 50, maxWeight: 50 }),
      analysis({ stepWeight: 100, maxWeight: undefined }),
      analysis({ maxWeight: undefined, stepWeight: undefined, iterations: 10 }),
      ...[[5, 20, 50], [0, 100]].map((stepWeights) => analysis({ maxWeight: undefined, stepWeight: undefined, stepWeights })),
    ],
    fail: [
      ...[undefined, "x30s", "30sx", "9s", "0m"].map((interval) => analysis({ interval })),
      analysis({ threshold: 0 }),
      analysis({ stepWeight: undefined }),
      analysis({ stepWeight: 0 }),
      analysis({ stepWeight: 101, maxWeight: undefined }),
      analysis({ stepWeight: 10, maxWeight: 101 }),
      ...[[20, 20], [20, 10], [-1, 10], [50, 101], [1, "2"]].map((stepWeights) => analysis({ maxWeight: undefined, stepWeight: undefined, stepWeights })),
      canary({ skipAnalysis: true }), canary({ analysis: undefined }), analysis({ threshold: undefined }), analysis({ iterations: 10 }), analysis({ stepWeight: 60 }), analysis({ interval: "1h" })],
  },
  check: ({ data }) => [
    ...ask(() => (get(data, "spec", "skipAnalysis") === true ? { path: "spec.skipAnalysis", message: "skipAnalysis promotes every change without a check" } : undefined)),
    ...ask(() => (has(data, "spec", "analysis") ? [...shape(object(data, "spec", "analysis"))] : { path: ANALYSIS, message: "there is no analysis" })),
  ],
});

function* shape(spec: Obj): Generator<Finding> {
  const interval = text(spec, "interval");
  if (interval === undefined || !/^[0-9]+(m|s)$/.test(interval)) yield { path: `${ANALYSIS}.interval`, message: `interval ${interval ?? "is missing and"} must be whole minutes or seconds, as in 30s` };
  else if ((parseDuration(interval) ?? 0) < 10) yield { path: `${ANALYSIS}.interval`, message: `interval ${interval} is below 10s, to which Flagger raises it` };
  if ((num(spec, "threshold") ?? 0) < 1) yield { path: `${ANALYSIS}.threshold`, message: "threshold, the failed checks before a rollback, must be 1 or more" };
  const ways = ["iterations", "stepWeight", "stepWeights"].filter((key) => has(spec, key));
  if (ways.length !== 1) yield { path: ANALYSIS, message: ways.length === 0 ? "neither iterations nor stepWeight nor stepWeights says how it advances" : `${ways.join(" and ")} exclude each other; the API server rejects them together` };
  const step = num(spec, "stepWeight");
  if (step !== undefined) {
    const max = num(spec, "maxWeight") ?? 100;
    if (step < 1 || step > max || max > 100) yield { path: `${ANALYSIS}.stepWeight`, message: `stepWeight ${step} and maxWeight ${max} must hold 1 ≤ stepWeight ≤ maxWeight ≤ 100` };
  }
  const steps = list(spec, "stepWeights");
  if (steps.some((weight, index) => typeof weight !== "number" || weight < 0 || weight > 100 || (index > 0 && Number(steps[index - 1]) >= weight))) yield { path: `${ANALYSIS}.stepWeights`, message: "stepWeights must rise, each at most 100" };
}

const BUILT_IN = ["request-success-rate", "request-duration"];

export const canaryMetrics = resourceRule({
  id: "canary-metrics",
  title: "Every Canary measures by MetricTemplate, with a threshold for each metric.",
  severity: "high",
  kinds: KINDS,
  why: "A metric name that Flagger doesn't know fails every check; its two own metrics need labels most stacks lack; without a threshold any value above 0 fails.",
  fix: "Give each metric a templateRef and a thresholdRange with min or max.",
  parameters: z.strictObject({ builtIn: z.boolean().default(false).describe("allow Flagger's own request-success-rate and request-duration"), min: z.int().min(0).default(1).describe("fewest metrics") }),
  examples: {
    pass: [canary(), analysis({ metrics: [{ name: "errors", query: "up", thresholdRange: { max: 0 } }] })],
    more: [{ parameters: { builtIn: true, min: 0 }, pass: [analysis({ metrics: [] }), analysis({ metrics: BUILT_IN.map((name) => ({ name, thresholdRange: { min: 99 } })) })], fail: [analysis({ metrics: [{ name: "cpu-usage", thresholdRange: { max: 80 } }] })] }],
    fail: [analysis({ metrics: BUILT_IN.map((name) => ({ name, thresholdRange: { min: 99 } })) }), analysis({ metrics: [{}] }), analysis({ metrics: [{ name: "cpu-usage", thresholdRange: { max: 80 } }] }), analysis({ metrics: [] }), analysis({ metrics: [{ name: "errors", templateRef: { name: "errors" } }] })],
  },
  check: ({ data }, { builtIn, min }) => {
    const metrics = list(data, "spec", "analysis", "metrics");
    const few: Finding[] = metrics.length < min ? [{ path: `${ANALYSIS}.metrics`, message: `${metrics.length} metrics, at least ${min} must be measured` }] : [];
    return [...few, ...each(metrics.map((_, index) => index), (index) => {
      const metric = object(metrics, index);
      const path = join(`${ANALYSIS}.metrics`, index);
      const name = text(metric, "name") ?? "";
      const found: Finding[] = [];
      if (!has(metric, "templateRef", "name") && !has(metric, "query") && !(builtIn && BUILT_IN.includes(name))) found.push({ path: `${path}.templateRef`, message: `metric "${name}" has no templateRef${BUILT_IN.includes(name) ? "" : " and is none of Flagger's own, so it fails every check"}` });
      if (num(metric, "thresholdRange", "min") === undefined && num(metric, "thresholdRange", "max") === undefined) found.push({ path: `${path}.thresholdRange`, message: `metric "${name}" has no threshold` });
      return found;
    })];
  },
});

/** The webhook types that can fail or hold a release. */
const GATES = ["pre-rollout", "rollout", "confirm-promotion", "confirm-traffic-increase"];

export const canaryGates = resourceRule({
  id: "canary-gates",
  title: "Every Canary is gated in pre-rollout and confirm-promotion, and by no check in confirm-rollout.",
  severity: "high",
  kinds: KINDS,
  why: "A failing answer in confirm-rollout waits for ever instead of rolling back, and isn't asked again when a new revision is pushed meanwhile. Webhooks outside `analysis` are ignored.",
  fix: "Put the checks into spec.analysis.webhooks with type pre-rollout, and again with confirm-promotion.",
  parameters: z.strictObject({ required: z.array(z.string()).default(["pre-rollout", "confirm-promotion"]).describe("webhook types that must be there"), humanGates: z.array(z.string()).default([]).describe("names of confirm-rollout webhooks that ask a person, which is what that type is for") }),
  examples: {
    pass: [canary()],
    more: [{ parameters: { required: ["rollout"], humanGates: ["person"] }, pass: [analysis({ webhooks: [{ url: "http://load" }, { name: "person", type: "confirm-rollout" }] })], fail: [analysis({ webhooks: [{ type: "rollout" }, { type: "confirm-rollout" }] })] }],
    fail: [analysis({ webhooks: [{ name: "scan", type: "confirm-rollout", url: "http://scan" }] }), analysis({ webhooks: undefined }), canary({ webhooks: [{ name: "compliance", url: "http://compliance" }] })],
  },
  check: ({ data }, { required, humanGates }) => {
    const webhooks = list(data, "spec", "analysis", "webhooks").map((webhook) => ({ name: text(webhook, "name") ?? "", type: text(webhook, "type") ?? "rollout" }));
    const path = `${ANALYSIS}.webhooks`;
    const found: Finding[] = [];
    for (const type of required) if (!webhooks.some((webhook) => webhook.type === type)) found.push({ path, message: `no webhook of type ${type}` });
    webhooks.forEach(({ name, type }, index) => {
      if (type === "confirm-rollout" && !humanGates.includes(name)) found.push({ path: join(path, index), message: `"${name}" is a confirm-rollout webhook: a failing answer waits for ever and never fails the release` });
    });
    if (has(data, "spec", "webhooks")) found.push({ path: "spec.webhooks", message: "webhooks stand outside analysis, where Flagger never reads them" });
    return found;
  },
});

export const canaryTimeBudget = resourceRule({
  id: "canary-time-budget",
  title: "A Canary's gates answer within one interval, and a rollback comes within the time allowed.",
  severity: "medium",
  kinds: KINDS,
  why: "Flagger asks the webhooks one after another inside its tick: slower ones drop ticks, and a bad release stays longer than the recovery time promised.",
  fix: "Shorten timeouts, interval or threshold.",
  parameters: z.strictObject({ maxRollbackSeconds: z.int().positive().default(300).describe("longest time from the first failed check to the rollback") }),
  examples: {
    pass: [
      canary(),
      canary({ analysis: undefined }),
      analysis({ interval: "60s", threshold: 4 }),
      analysis({ webhooks: [{ name: "a", type: "rollout", timeout: "30s" }, { name: "b", type: "pre-rollout", timeout: "30s" }] }),
      analysis({ webhooks: [{ name: "told", type: "event", timeout: "60s" }, { name: "broken", type: "rollout", timeout: "soon" }] }),
    ],
    fail: [
      analysis({ interval: "151s", threshold: undefined }),
      analysis({ interval: "15s", webhooks: [{ name: "a" }, { name: "b", type: "rollout" }] }),
      ...GATES.map((type) => analysis({ webhooks: [{ name: "a", type, timeout: "31s" }] })),
      analysis({ interval: "2m", threshold: 10 }), analysis({ webhooks: [{ name: "load", type: "rollout", url: "http://load", timeout: "60s" }] }),
    ],
  },
  check: ({ data }, { maxRollbackSeconds }) => {
    const interval = parseDuration(text(data, "spec", "analysis", "interval"));
    if (interval === undefined) return [];
    const found: Finding[] = [];
    const asked = list(data, "spec", "analysis", "webhooks").filter((webhook) => GATES.includes(text(webhook, "type") ?? "rollout"));
    // Types are asked in different ticks: each type's sum counts, not the sum of all.
    for (const type of GATES) {
      const sum = asked.filter((webhook) => (text(webhook, "type") ?? "rollout") === type).reduce<number>((total, webhook) => total + (parseDuration(text(webhook, "timeout") ?? "10s") ?? 0), 0);
      if (sum > interval) found.push({ path: `${ANALYSIS}.webhooks`, message: `the ${type} webhooks may take ${sum} s, longer than the interval of ${interval} s` });
    }
    const rollback = interval * ((num(data, "spec", "analysis", "threshold") ?? 1) + 1);
    if (rollback > maxRollbackSeconds) found.push({ path: `${ANALYSIS}.threshold`, message: `a bad release is rolled back after ${rollback} s, later than ${maxRollbackSeconds} s` });
    return found;
  },
});

const rollout = (strategy: Obj) => manifest("argoproj.io/v1alpha1", "Rollout", { spec: { replicas: 3, strategy } });

export const rolloutAnalysis = resourceRule({
  id: "rollout-analysis",
  title: "Every Argo Rollout is judged by an analysis.",
  severity: "high",
  kinds: ["argoproj.io/Rollout"],
  why: "Steps without analysis only make a bad release slower.",
  fix: "Add an analysis step or a background analysis (canary), or prePromotionAnalysis (blueGreen).",
  examples: {
    pass: [rollout({ canary: { steps: [{ setWeight: 10 }, { analysis: { templates: [{ templateName: "success-rate" }] } }] } }), rollout({ blueGreen: { activeService: "app", prePromotionAnalysis: { templates: [{ templateName: "smoke" }] } } }), rollout({ blueGreen: { postPromotionAnalysis: { templates: [{ templateName: "smoke" }] } } }), rollout({ canary: { analysis: { templates: [{ templateName: "a" }] } } }), rollout({ canary: { steps: [{ experiment: {} }] } })],
    fail: [rollout({ canary: { steps: [{ setWeight: 50 }] } }), rollout({ blueGreen: { activeService: "app" } })],
  },
  check: ({ data }) => {
    const canarySpec = get(data, "spec", "strategy", "canary");
    const blueGreen = get(data, "spec", "strategy", "blueGreen");
    const named = (value: unknown) => texts(list(value, "templates").map((template) => text(template, "templateName"))).length > 0;
    if (canarySpec !== undefined && (named(get(canarySpec, "analysis")) || list(canarySpec, "steps").some((step) => named(get(step, "analysis")) || has(step, "experiment")))) return [];
    if (blueGreen !== undefined && (named(get(blueGreen, "prePromotionAnalysis")) || named(get(blueGreen, "postPromotionAnalysis")))) return [];
    return [{ path: "spec.strategy", message: "no analysis can fail this rollout" }];
  },
});
