/** Blue-green slots, canary targets, and what the stack costs. */
import { z } from "zod";
import { parseQuantity } from "../kubernetes/quantity.ts";
import { containersOf, podOf } from "../kubernetes/pods.ts";
import { mapSelects } from "../kubernetes/selector.ts";
import { annotation, hasFixedReplicas, labelsOf, nameOf, namespaceOf, type Resource, type Stack } from "../resource.ts";
import { eachResource, stackRule } from "../rule.ts";
import { get, known, list, num, text, type Obj } from "../value.ts";
import { deployment, manifest, patched } from "./examples.ts";
import { ofKind } from "../stack-index.ts";

const ROLE = "rlhf-audit-trail.dev/slot-role";
const slot = (version: string, role: string, replicas = 3): Obj =>
  deployment({}, {}, { metadata: { name: `app-${version}`, annotations: { [ROLE]: role }, labels: { app: "app", version } }, spec: { replicas, template: { metadata: { labels: { app: "app", version } } } } });
const service = (selector: Obj): Obj => manifest("v1", "Service", { spec: { selector, ports: [{ port: 80 }] } });

function slots(stack: Stack): readonly { resource: Resource; role: string; labels: Record<string, string> }[] {
  return stack.resources.flatMap((resource) => {
    const role = known(() => annotation(resource.data, ROLE));
    return role === undefined ? [] : [{ resource, role, labels: known(() => labelsOf(podOf(resource)?.metadata)) ?? {} }];
  });
}

export const blueGreenPair = stackRule({
  id: "blue-green-pair",
  title: "A live slot has an idle one beside it, and a Service that selects it alone.",
  severity: "medium",
  why: "Without the other slot there is no way back; a Service that selects both sends visitors to what was not verified.",
  fix: "Declare both slots, and select by version in the Services.",
  examples: {
    pass: [[slot("blue", "live"), slot("green", "idle"), service({ app: "app", version: "blue" })], [slot("blue", "live"), slot("green", "idle"), patched(service({ app: "app", version: "green" }), { metadata: { name: "preview" } }), service({ app: "app", version: "blue" })], deployment()],
    fail: [[slot("blue", "live"), service({ app: "app", version: "blue" })], [slot("blue", "live"), slot("green", "idle"), service({ app: "app" })], [slot("blue", "live"), slot("green", "idle"), service({ app: "app", version: "green" })], [slot("blue", "live"), patched(slot("green", "idle"), { metadata: { namespace: "other" } }), service({ app: "app", version: "blue" })], [slot("blue", "live"), slot("green", "idle"), patched(service({ app: "app", version: "blue" }), { metadata: { namespace: "other" } })], [slot("blue", "live"), slot("green", "idle"), slot("red", "idle"), service({ app: "app", version: "blue" }), { ...service({ app: "app" }), metadata: { generateName: "x", namespace: "shop" } }]],
  },
  check: (stack) => {
    const all = slots(stack);
    return eachResource(all.filter(({ role }) => role === "live").map(({ resource }) => resource), (live) => {
      const own = labelsOf(podOf(live)?.metadata);
      const others = all.filter(({ resource }) => resource !== live && namespaceOf(resource) === namespaceOf(live));
      if (others.length === 0) return { path: `metadata.annotations["${ROLE}"]`, message: "the live slot has no other beside it, so no way back" };
      const services = ofKind(stack, "Service").filter((found) => namespaceOf(found) === namespaceOf(live) && mapSelects(get(found.data, "spec", "selector"), own));
      if (services.length === 0) return { path: `metadata.annotations["${ROLE}"]`, message: "no Service selects the live slot" };
      const both = services.find((found) => others.some(({ role, labels }) => role === "idle" && mapSelects(get(found.data, "spec", "selector"), labels)));
      return both ? { path: `metadata.annotations["${ROLE}"]`, message: `Service ${nameOf(both) ?? ""} selects both slots` } : undefined;
    });
  },
});

export const liveSlotProtected = stackRule({
  id: "live-slot-protected",
  title: "The slot that carries traffic has replicas to lose.",
  severity: "medium",
  why: "While the idle slot is filled, nodes may be drained: one replica is then an outage.",
  fix: "Give the live slot two replicas or more, or an autoscaler.",
  parameters: z.strictObject({ min: z.int().default(2).describe("fewest replicas") }),
  examples: { pass: [[slot("blue", "live", 2), slot("green", "idle", 1)], patched(slot("blue", "live"), { spec: { replicas: undefined } })], fail: [slot("blue", "live", 1)] },
  check: (stack, { min }) =>
    eachResource(slots(stack).filter(({ role }) => role === "live").map(({ resource }) => resource), (live) => {
      const replicas = num(live.data, "spec", "replicas");
      return replicas !== undefined && replicas < min ? { path: "spec.replicas", message: `${replicas} replicas carry all traffic` } : undefined;
    }),
});

const TARGET: Obj = { apiVersion: "apps/v1", kind: "Deployment", name: "app" };
const canary = (spec: Obj = {}): Obj => manifest("flagger.app/v1beta1", "Canary", { spec: { targetRef: TARGET, analysis: { metrics: [{ name: "errors", templateRef: { name: "errors" } }] }, ...spec } });
const template = manifest("flagger.app/v1beta1", "MetricTemplate", { spec: { query: "up" } }, "errors");
const unscaled = deployment({}, {}, { spec: { replicas: undefined } });

export const canaryTarget = stackRule({
  id: "canary-target",
  title: "A Canary has its workload, alone and without fixed replicas, and its metric templates.",
  severity: "high",
  why: "Flagger scales the target to nothing between releases: fixed replicas undo that at every update; a template that isn't there fails every check.",
  fix: "Declare the target without replicas, one Canary for it, and each MetricTemplate it names.",
  examples: {
    pass: [
      [canary(), unscaled, template],
      [canary(), patched(deployment(), { status: { replicas: 3 } }), template],
      [{ ...canary(), apiVersion: "example.org/v1" }],
      [canary({ analysis: { metrics: [{ name: "built-in" }] } }), unscaled],
      [canary({ analysis: { metrics: [{ name: "e", templateRef: { name: "errors", namespace: "flagger" } }] } }), unscaled, patched(template, { metadata: { namespace: "flagger" } })],
      [canary(), unscaled, template, patched(canary(), { metadata: { name: "far", namespace: "other" } }), patched(unscaled, { metadata: { namespace: "other" } }), patched(template, { metadata: { namespace: "other" } })],
      [canary(), unscaled, template, patched(canary({ targetRef: { kind: "Deployment", name: "b" } }), { metadata: { name: "b" } }), patched(unscaled, { metadata: { name: "b" } })],
    ],
    fail: [
      [canary(), template], [canary(), unscaled], [canary(), deployment(), template],
      [canary(), unscaled, template, patched(canary(), { metadata: { name: "twin" } })],
      [canary(), unscaled, template, { ...canary(), metadata: { generateName: "t-", namespace: "shop" } }],
      [canary(), patched(unscaled, { metadata: { namespace: "other" } }), template],
      [canary(), patched(unscaled, { metadata: { name: "b" } }), template],
      [canary(), unscaled, patched(template, { metadata: { namespace: "other" } })],
      [canary(), unscaled, patched(template, { metadata: { name: "other" } })],
      [canary({ targetRef: {} })],
    ],
  },
  check: (stack) =>
    eachResource(ofKind(stack, "Canary").filter((found) => found.group === "flagger.app"), (found) => {
      const [kind, name] = [text(found.data, "spec", "targetRef", "kind") ?? "", text(found.data, "spec", "targetRef", "name")];
      const target = ofKind(stack, kind).find((other) => nameOf(other) === name && namespaceOf(other) === namespaceOf(found));
      if (!target) return { path: "spec.targetRef", message: `${kind} ${name ?? ""} is not in this stack` };
      const twin = ofKind(stack, "Canary").find((other) => other !== found && text(other.data, "spec", "targetRef", "name") === name && namespaceOf(other) === namespaceOf(found));
      if (twin) return { path: "spec.targetRef", message: `Canary ${nameOf(twin) ?? ""} has the same target` };
      if (hasFixedReplicas(target)) return { path: "spec.targetRef", message: `${kind} ${name ?? ""} has fixed replicas` };
      const missing = list(found.data, "spec", "analysis", "metrics").flatMap((metric, index) => {
        const wanted = text(metric, "templateRef", "name");
        const near = text(metric, "templateRef", "namespace") ?? namespaceOf(found);
        const there = wanted === undefined || ofKind(stack, "MetricTemplate").some((other) => nameOf(other) === wanted && namespaceOf(other) === near);
        return there ? [] : [{ path: `spec.analysis.metrics[${index}].templateRef`, message: `MetricTemplate ${wanted} is not in this stack` }];
      });
      return missing;
    }),
});

const disk = (storage: string): Obj => manifest("v1", "PersistentVolumeClaim", { spec: { resources: { requests: { storage } } } });
const costing = (kind: string, replicas: number): Obj => ({ ...deployment({}, {}, { spec: { replicas } }), kind });
const GIB = 2 ** 30;

export const costBudget = stackRule({
  id: "cost-budget",
  title: "What the stack asks for stays within its budget.",
  severity: "medium",
  why: "A replica count with a digit too many is noticed on the bill.",
  fix: "Lower requests or replicas, or raise the budget.",
  parameters: z.strictObject({
    monthly: z.number().min(0).default(0).describe("budget a month in the currency of the prices; 0 means none"),
    cpu: z.number().default(25).describe("price of a core for a month"),
    memoryGiB: z.number().default(3.5).describe("price of a GiB of memory for a month"),
    storageGiB: z.number().default(0.1).describe("price of a GiB of disk for a month"),
  }),
  examples: {
    parameters: { monthly: 100, cpu: 20, memoryGiB: 4, storageGiB: 1 },
    pass: [deployment({ resources: { requests: { cpu: "5", memory: undefined } } }, {}, { spec: { replicas: 1 } }), costing("Job", 900), costing("CronJob", 900), disk("100Gi"), manifest("v1", "PersistentVolumeClaim", { spec: {} }), deployment({ resources: undefined })],
    fail: [
      deployment({}, {}, { spec: { replicas: 300 } }), deployment({ resources: { requests: { cpu: "6", memory: undefined } } }, {}, { spec: { replicas: undefined } }), deployment({ resources: { requests: { cpu: undefined, memory: "26Gi" } } }, {}, { spec: { replicas: 1 } }), disk("101Gi"),
      [disk("60Gi"), deployment({}, {}, { spec: { replicas: 3 } })], [deployment({}, {}, { spec: { replicas: 3 } }), disk("60Gi")],
    ],
    more: [{ pass: [deployment({}, {}, { spec: { replicas: 300 } })], fail: [] }],
  },
  check: (stack, prices) => {
    if (prices.monthly === 0) return [];
    const costs = stack.resources.map((resource) => ({ resource, cost: costOf(resource, prices) })).filter(({ cost }) => cost > 0);
    const total = costs.reduce((sum, { cost }) => sum + cost, 0);
    const [dearest] = costs.toSorted((a, b) => b.cost - a.cost);
    return dearest && total > prices.monthly ? [{ resource: dearest.resource, path: "", message: `the stack asks for ${Math.round(total)} a month, its budget is ${prices.monthly}; ${Math.round(dearest.cost)} of it are this` }] : [];
  },
});

function costOf(resource: Resource, prices: { cpu: number; memoryGiB: number; storageGiB: number }): number {
  if (resource.kind === "PersistentVolumeClaim") return ((parseQuantity(get(resource.data, "spec", "resources", "requests", "storage")) ?? 0) / GIB) * prices.storageGiB;
  const pod = ["Job", "CronJob"].includes(resource.kind) ? undefined : podOf(resource);
  if (!pod) return 0;
  const one = containersOf(pod).reduce((sum, { spec }) => sum + (parseQuantity(get(spec, "resources", "requests", "cpu")) ?? 0) * prices.cpu + ((parseQuantity(get(spec, "resources", "requests", "memory")) ?? 0) / GIB) * prices.memoryGiB, 0);
  return one * (num(resource.data, "spec", "replicas") ?? 1);
}
