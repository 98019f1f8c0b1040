/** Where pods run and how a workload is spread, started and replaced. */
import { z } from "zod";
import { containerRule, containersOf, LONG_RUNNING, podOf, podRule } from "../kubernetes/pods.ts";
import { mapSelects, selects } from "../kubernetes/selector.ts";
import { labelsOf, namespaceOf, stringMap } from "../resource.ts";
import { each, resourceRule, type Finding } from "../rule.ts";
import { get, has, list, num, object, text, texts, within, type Obj } from "../value.ts";
import { deployment, manifest, patched, pod, podSpec } from "./examples.ts";

const REPLICATED = ["Deployment", "StatefulSet", "argoproj.io/Rollout"];

export const minimumReplicas = resourceRule({
  id: "minimum-replicas", title: "Every replicated workload has replicas enough to lose one.", severity: "low", kinds: REPLICATED,
  why: "With one replica every node drain and every rollout is an outage.", fix: "Set spec.replicas to 3 or leave it to an autoscaler with such a minimum.",
  parameters: z.strictObject({ min: z.int().default(2).describe("fewest replicas") }),
  examples: { pass: [deployment(), ...[0, 2, undefined].map((replicas) => deployment({}, {}, { spec: { replicas } }))], fail: [deployment({}, {}, { spec: { replicas: 1 } })] },
  check: ({ data }, { min }) => {
    const replicas = num(data, "spec", "replicas");
    return replicas === undefined || replicas === 0 || replicas >= min ? [] : [{ path: "spec.replicas", message: `${replicas} replicas, fewer than ${min}` }];
  },
});

export const rollingUpdate = resourceRule({
  id: "rolling-update", title: "Deployments are replaced by rolling update.", severity: "low", kinds: ["Deployment", "DeploymentConfig"],
  why: "Recreate takes the workload away before the new version is known to work.", fix: "Set spec.strategy.type: RollingUpdate, or leave it out.",
  examples: { pass: [deployment()], fail: ["Recreate", "NotRolling"].map((type) => deployment({}, {}, { spec: { strategy: { type } } })) },
  check: ({ data }) => {
    const type = text(data, "spec", "strategy", "type");
    return type === undefined || /^Rolling/.test(type) ? [] : [{ path: "spec.strategy.type", message: `the strategy is ${type}` }];
  },
});

const spread = (spec: Obj, replicas: number | undefined = 2) => deployment({}, { topologySpreadConstraints: undefined, ...spec }, { spec: { replicas } });
const apart = (podAntiAffinity: Obj) => spread({ affinity: { podAntiAffinity } });
const TERM: Obj = { topologyKey: "kubernetes.io/hostname", labelSelector: { matchLabels: { app: "app" } } };

export const spreadAcrossNodes = resourceRule({
  id: "spread-across-nodes", title: "Replicas are spread over nodes.", severity: "low", kinds: REPLICATED,
  why: "All replicas on one node go with it.", fix: "Add topologySpreadConstraints or a podAntiAffinity on kubernetes.io/hostname that selects the pod's own labels.",
  parameters: z.strictObject({ minReplicas: z.int().default(2).describe("replicas from which it is asked for"), topologyKeys: z.array(z.string()).default([]).describe("topology keys that must each have a constraint of their own; an empty list is content with any") }),
  examples: {
    parameters: { topologyKeys: ["kubernetes.io/hostname"] },
    pass: [deployment(), deployment({}, { topologySpreadConstraints: undefined }, { spec: { replicas: 1 } })],
    fail: [deployment({}, { topologySpreadConstraints: undefined }), deployment({}, { topologySpreadConstraints: [{ maxSkew: 1, topologyKey: "zone", whenUnsatisfiable: "ScheduleAnyway" }] })],
    more: [{
      pass: [
        spread({ topologySpreadConstraints: [{ topologyKey: "zone" }] }),
        spread({ topologySpreadConstraints: [{ topologyKey: "zone", labelSelector: { matchLabels: { app: "other" } } }, { topologyKey: "zone", labelSelector: { matchLabels: { app: "app" } } }] }),
        apart({ requiredDuringSchedulingIgnoredDuringExecution: [{ labelSelector: { matchLabels: { app: "other" } } }, TERM] }),
        apart({ preferredDuringSchedulingIgnoredDuringExecution: [{ weight: 1, podAffinityTerm: TERM }] }),
        apart({ requiredDuringSchedulingIgnoredDuringExecution: [{ ...TERM, namespaces: ["shop"] }] }),
      ],
      fail: [
        spread({}, undefined),
        spread({ topologySpreadConstraints: [{ topologyKey: "zone", labelSelector: { matchLabels: { app: "other" } } }] }),
        apart({ requiredDuringSchedulingIgnoredDuringExecution: [{ topologyKey: "zone" }] }),
        apart({ requiredDuringSchedulingIgnoredDuringExecution: [{ ...TERM, namespaces: ["other"] }] }),
      ],
    }, { parameters: { topologyKeys: ["a", "b"] }, pass: [], fail: [deployment()] }],
  },
  check: (resource, { minReplicas, topologyKeys }) => {
    const pod = podOf(resource);
    if (!pod || (num(resource.data, "spec", "replicas") ?? minReplicas) < minReplicas) return [];
    const labels = labelsOf(pod.metadata);
    const keys = list(pod.spec, "topologySpreadConstraints").map((entry) => text(entry, "topologyKey"));
    const unspread = topologyKeys.filter((key) => !keys.includes(key));
    if (unspread.length > 0) return [{ path: within(pod.specPath, "topologySpreadConstraints"), message: `nothing spreads its replicas by ${unspread.join(" and ")}` }];
    const own = (selector: unknown) => selector !== undefined && selects(selector, labels);
    const constraints = list(pod.spec, "topologySpreadConstraints").some((entry) => get(entry, "labelSelector") === undefined || own(get(entry, "labelSelector")));
    const terms = [
      ...list(pod.spec, "affinity", "podAntiAffinity", "requiredDuringSchedulingIgnoredDuringExecution"),
      ...list(pod.spec, "affinity", "podAntiAffinity", "preferredDuringSchedulingIgnoredDuringExecution").map((entry) => get(entry, "podAffinityTerm")),
    ];
    return constraints || terms.some((term) => own(get(term, "labelSelector")) && (!has(term, "namespaces") || texts(term, "namespaces").includes(namespaceOf(resource)))) ? [] : [{ path: within(pod.specPath, "topologySpreadConstraints"), message: "nothing spreads its replicas over nodes" }];
  },
});

export const priorityClass = podRule({
  id: "priority-class", title: "Pods say how important they are.", severity: "low",
  why: "When nodes run short, what has no priority goes first, or takes the place of what matters.", fix: "Set priorityClassName.",
  parameters: z.strictObject({ allowed: z.array(z.string()).default([]).describe("classes that may be named; an empty list allows all"), required: z.boolean().default(true).describe("whether one must be named") }),
  examples: { pass: [pod()], fail: [pod({}, { priorityClassName: undefined })], more: [{ parameters: { allowed: ["standard"], required: false }, pass: [pod(), pod({}, { priorityClassName: undefined })], fail: [pod({}, { priorityClassName: "high" })] }] },
  check: (pod, { allowed, required }) => {
    const name = text(pod.spec, "priorityClassName") ?? "";
    if (name === "") return required ? { path: within(pod.specPath, "priorityClassName"), message: "the pod names no priority class" } : undefined;
    return allowed.length === 0 || allowed.includes(name) ? undefined : { path: within(pod.specPath, "priorityClassName"), message: `priority class ${name} is not allowed` };
  },
});

export const restartPolicy = resourceRule({
  id: "restart-policy", title: "Long-running pods restart when they fail.", severity: "low", kinds: ["Pod", ...LONG_RUNNING],
  why: "A program that fails once is then gone.", fix: "Leave restartPolicy out, or set it to Always; use a Job for what ends.",
  examples: { pass: [deployment()], fail: [deployment({}, { restartPolicy: "Never" })] },
  check: (resource) => {
    const found = podOf(resource);
    const policy = found && text(found.spec, "restartPolicy");
    return found && policy === "Never" ? [{ path: within(found.specPath, "restartPolicy"), message: `restartPolicy is ${policy}` }] : [];
  },
});

const job = (spec: Obj) => manifest("batch/v1", "Job", { spec: { template: { spec: podSpec({}, { restartPolicy: "Never" }) }, ...spec } });
const cronJob = (spec: Obj) => manifest("batch/v1", "CronJob", { spec: { schedule: "0 4 * * *", jobTemplate: { spec: { ttlSecondsAfterFinished: 600, template: { spec: podSpec({}, { restartPolicy: "Never" }) } } }, ...spec } });

export const jobCleanedUp = resourceRule({
  id: "job-cleaned-up", title: "Finished Jobs are cleaned up.", severity: "low", kinds: ["Job"],
  why: "Finished Jobs and their pods pile up until listing them is slow.", fix: "Set spec.ttlSecondsAfterFinished.",
  examples: { pass: [job({ ttlSecondsAfterFinished: 600 }), { ...job({}), metadata: { name: "a", ownerReferences: [{ kind: "CronJob" }] } }], fail: [job({}), { ...job({}), metadata: { name: "a", ownerReferences: [] } }] },
  check: ({ data }) => (has(data, "spec", "ttlSecondsAfterFinished") || list(data, "metadata", "ownerReferences").length > 0 ? [] : [{ path: "spec.ttlSecondsAfterFinished", message: "the Job stays for ever once finished" }]),
});

export const cronJobDeadline = resourceRule({
  id: "cron-job-deadline", title: "CronJobs have a deadline for starting.", severity: "low", kinds: ["CronJob"],
  why: "After an outage a CronJob without it may never run again (100 missed starts).", fix: "Set spec.startingDeadlineSeconds.",
  examples: { pass: [cronJob({ startingDeadlineSeconds: 600 })], fail: [cronJob({})] },
  check: ({ data }) => (has(data, "spec", "startingDeadlineSeconds") ? [] : [{ path: "spec.startingDeadlineSeconds", message: "there is no deadline" }]),
});

export const selectorMatches = resourceRule({
  id: "selector-matches", title: "A workload's selector matches the labels of its own pods.", severity: "high", kinds: [...LONG_RUNNING],
  why: "The API server refuses it, after the preview said yes.", fix: "Make spec.selector.matchLabels a part of spec.template.metadata.labels.",
  examples: { pass: [deployment(), manifest("v1", "ReplicationController", { spec: { selector: { app: "app" }, template: { metadata: { labels: { app: "app" } }, spec: podSpec() } } })], fail: [deployment({}, {}, { spec: { selector: { matchLabels: { app: "other" } } } }), manifest("v1", "ReplicationController", { spec: { selector: { app: "other" }, template: { metadata: { labels: { app: "app" } }, spec: podSpec() } } })] },
  check: (resource) => {
    const pod = podOf(resource);
    const selector = get(resource.data, "spec", "selector");
    const map = /Controller|Config/.test(resource.kind);
    return pod && selector !== undefined && !(map ? mapSelects : selects)(selector, labelsOf(pod.metadata)) ? [{ path: "spec.selector", message: "the selector doesn't match the pod's labels" }] : [];
  },
});

export const noDuplicateEnv = containerRule({
  id: "no-duplicate-env", title: "No environment variable is set twice.", severity: "low",
  why: "Which one counts is not what the reader thinks, and a server-side apply drops one.", fix: "Remove one.",
  examples: { pass: [pod({ env: [{ name: "A", value: "1" }, { name: "B", value: "1" }] })], fail: [pod({ env: [{ name: "A", value: "1" }, { name: "A", value: "2" }] }), pod({ env: [{ value: "1" }, {}] })] },
  check: (container) => {
    const seen = new Set<string>();
    return list(container.spec, "env").flatMap((entry, index) => {
      const name = text(entry, "name") ?? "";
      if (!seen.has(name)) {
        seen.add(name);
        return [];
      }
      return [{ path: within(container.path, `env[${index}].name`), message: `${container.label} sets ${name} twice` }];
    });
  },
});

const constrained = (patch: Obj) => pod({}, { topologySpreadConstraints: [patched({ maxSkew: 1, topologyKey: "zone", whenUnsatisfiable: "DoNotSchedule" }, patch)] });

export const topologySpreadValid = podRule({
  id: "topology-spread-valid", title: "Topology spread constraints are well formed.", severity: "medium", level: "mandatory",
  why: "The API server refuses them after the preview said yes.", fix: "Give topologyKey, maxSkew of 1 or more, and whenUnsatisfiable DoNotSchedule or ScheduleAnyway.",
  examples: {
    pass: [pod(), constrained({})],
    fail: [constrained({ whenUnsatisfiable: "Never" }), constrained({ whenUnsatisfiable: undefined }), constrained({ maxSkew: 0 }), constrained({ maxSkew: undefined }), constrained({ topologyKey: undefined }), constrained({ topologyKey: "" })],
  },
  check: (pod) =>
    list(pod.spec, "topologySpreadConstraints").flatMap((entry, index) => {
      const sound = ["DoNotSchedule", "ScheduleAnyway"].includes(text(entry, "whenUnsatisfiable") ?? "") && (num(entry, "maxSkew") ?? 0) >= 1 && (text(entry, "topologyKey") ?? "") !== "";
      return sound ? [] : [{ path: within(pod.specPath, `topologySpreadConstraints[${index}]`), message: "the constraint is not valid" }];
    }),
});

const stateful = (patch: Obj) => manifest("apps/v1", "StatefulSet", { spec: { serviceName: "app", replicas: 3, selector: { matchLabels: { app: "app" } }, template: { metadata: { labels: { app: "app" } }, spec: podSpec() }, ...patch } });

export const statefulSetService = resourceRule({
  id: "stateful-set-service", title: "Every StatefulSet names its headless Service.", severity: "low", kinds: ["StatefulSet"],
  why: "Without it its pods have no names of their own.", fix: "Set spec.serviceName to a Service with clusterIP: None.",
  examples: { pass: [stateful({})], fail: [stateful({ serviceName: undefined })] },
  check: ({ data }) => ((text(data, "spec", "serviceName") ?? "") === "" ? [{ path: "spec.serviceName", message: "no Service is named" }] : []),
});

export const dnsNdots = podRule({
  id: "dns-ndots", title: "Pods look full names up at once.", severity: "low",
  why: "With ndots 5 each lookup of an outside name asks the cluster's DNS five times.", fix: 'Set dnsConfig.options: [{name: ndots, value: "2"}].',
  parameters: z.strictObject({ value: z.string().default("2").describe("ndots wanted") }),
  examples: { pass: [pod({}, { dnsConfig: { options: [{ name: "timeout", value: "5" }, { name: "ndots", value: "2" }] } })], fail: [pod(), pod({}, { dnsConfig: { options: [{ name: "ndots", value: "5" }, { name: "attempts", value: "2" }] } })] },
  check: (pod, { value }) => (list(pod.spec, "dnsConfig", "options").some((option) => text(option, "name") === "ndots" && text(option, "value") === value) ? undefined : { path: within(pod.specPath, "dnsConfig.options"), message: `ndots is not ${value}` }),
});

export const noControlPlaneScheduling = podRule({
  id: "no-control-plane-scheduling", title: "Workloads neither tolerate the control plane's taint nor pick single nodes.", severity: "medium",
  why: "On a control plane node an escape owns the cluster; a picked node is an outage when it goes.", fix: "Remove the toleration, nodeName and nodeSelector; spread by topology instead.",
  parameters: z.strictObject({ allowNodeSelector: z.boolean().default(true).describe("allow nodeSelector by other labels than the host name") }),
  examples: { pass: [pod()], fail: [pod({}, { tolerations: [{ key: "node-role.kubernetes.io/control-plane", operator: "Exists" }] }), pod({}, { nodeName: "node-1" }), pod({}, { tolerations: [{ key: "a" }, { operator: "Exists" }] }), pod({}, { tolerations: [{ key: "node-role.kubernetes.io/master" }] }), ...["kubernetes.io/hostname", "node-role.kubernetes.io/control-plane", "node-role.kubernetes.io/master"].map((label) => pod({}, { nodeSelector: { [label]: "" } }))],
    more: [{ pass: [pod({}, { nodeSelector: { disk: "fast", "a/master-2": "" } }), pod({}, { tolerations: [{ key: "a", operator: "Exists" }, { key: "", operator: "Equal" }, { key: "x-node-role.kubernetes.io/master" }, { key: "node-role.kubernetes.io/master-2" }] })], fail: [] }, { parameters: { allowNodeSelector: false }, pass: [pod()], fail: [pod({}, { nodeSelector: { disk: "fast" } })] }] },
  check: (pod, { allowNodeSelector }) => {
    const found: Finding[] = list(pod.spec, "tolerations").flatMap((entry, index) => {
      const key = text(entry, "key") ?? "";
      const all = key === "" && text(entry, "operator") === "Exists";
      return all || /^node-role\.kubernetes\.io\/(control-plane|master)$/.test(key) ? [{ path: within(pod.specPath, `tolerations[${index}]`), message: `the pod tolerates ${all ? "every taint" : key}` }] : [];
    });
    if (has(pod.spec, "nodeName")) found.push({ path: within(pod.specPath, "nodeName"), message: "the pod picks its node" });
    const labels = Object.keys(stringMap(get(pod.spec, "nodeSelector")));
    if (labels.some((label) => !allowNodeSelector || label === "kubernetes.io/hostname" || /control-plane|\/master$/.test(label))) found.push({ path: within(pod.specPath, "nodeSelector"), message: "the pod picks its nodes" });
    return found;
  },
});

export const noNodeSelection = podRule({
  id: "no-node-selection", title: "Pods leave the choice of their node to the scheduler.", severity: "low",
  why: "A pod that picks nodes by label goes where its author wants: beside another team's secrets, or nowhere once the label is gone.", fix: "Remove nodeSelector and affinity.nodeAffinity; say by requests, tolerations and topology spread what is needed.",
  parameters: z.strictObject({ labels: z.array(z.string()).default(["kubernetes.io/os", "kubernetes.io/arch"]).describe("node labels that may be asked for") }),
  examples: {
    pass: [pod(), pod({}, { nodeSelector: { "kubernetes.io/os": "linux" } }), pod({}, { affinity: { nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: [{ matchExpressions: [{ key: "kubernetes.io/arch", operator: "In", values: ["arm64"] }] }] } } } })],
    fail: [
      pod({}, { nodeSelector: { disk: "fast" } }),
      pod({}, { affinity: { nodeAffinity: { preferredDuringSchedulingIgnoredDuringExecution: [{ weight: 1, preference: { matchExpressions: [{ key: "disk", operator: "Exists" }] } }] } } }),
      pod({}, { affinity: { nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: [{ matchFields: [{ key: "metadata.name", operator: "In", values: ["a"] }] }] } } } }),
    ],
  },
  check: (pod, { labels }) => {
    const affinity = get(pod.spec, "affinity", "nodeAffinity");
    const terms = [...list(affinity, "requiredDuringSchedulingIgnoredDuringExecution", "nodeSelectorTerms"), ...list(affinity, "preferredDuringSchedulingIgnoredDuringExecution").map((entry) => get(entry, "preference"))];
    const asked = terms.flatMap((term) => [...list(term, "matchExpressions"), ...list(term, "matchFields")]).map((expression) => text(expression, "key") ?? "");
    const foreign = (keys: readonly string[]) => keys.filter((key) => !labels.includes(key)).join(", ");
    const [selected, preferred] = [foreign(Object.keys(object(pod.spec, "nodeSelector"))), foreign(asked)];
    return [
      ...(selected === "" ? [] : [{ path: within(pod.specPath, "nodeSelector"), message: `the pod picks its nodes by ${selected}` }]),
      ...(preferred === "" ? [] : [{ path: within(pod.specPath, "affinity.nodeAffinity"), message: `the pod picks its nodes by ${preferred}` }]),
    ];
  },
});

export const gracefulStop = podRule({
  id: "graceful-stop", title: "Serving pods have time to stop: a preStop pause shorter than their grace period.", severity: "low", kinds: ["Deployment", "StatefulSet", "argoproj.io/Rollout"],
  why: "Traffic still comes for seconds after a pod was told to stop; without a pause those requests fail.", fix: "Add lifecycle.preStop.sleep and a terminationGracePeriodSeconds above it.",
  examples: { pass: [deployment({ ports: undefined }), deployment({ lifecycle: { preStop: { sleep: { seconds: 5 } } } }, { terminationGracePeriodSeconds: 30 })], fail: [deployment(), ...[30, 40].map((seconds) => deployment({ lifecycle: { preStop: { sleep: { seconds } } } })), deployment({ lifecycle: { preStop: { exec: {} } } }, { terminationGracePeriodSeconds: 0 })] },
  check: (pod) => {
    const grace = num(pod.spec, "terminationGracePeriodSeconds") ?? 30;
    return each(containersOf(pod).filter((container) => container.kind === "container" && list(container.spec, "ports").length > 0), (container) => {
      const path = within(container.path, "lifecycle.preStop");
      if (!has(container.spec, "lifecycle", "preStop")) return { path, message: `${container.label} serves and has no preStop pause` };
      const pause = num(container.spec, "lifecycle", "preStop", "sleep", "seconds") ?? 0;
      return pause >= grace ? { path, message: `${container.label} pauses ${pause} s, as long as its grace of ${grace} s` } : undefined;
    });
  },
});

const autoscaler = (spec: Obj) => manifest("autoscaling/v2", "HorizontalPodAutoscaler", { spec: { scaleTargetRef: { apiVersion: "apps/v1", kind: "Deployment", name: "app" }, minReplicas: 3, maxReplicas: 6, ...spec } });

export const autoscalerRange = resourceRule({
  id: "autoscaler-range", title: "Autoscalers keep enough replicas, have room, and stay within bounds.", severity: "low", kinds: ["HorizontalPodAutoscaler"],
  why: "A minimum of 1 is no redundancy; a maximum equal to it never scales; none at all is a bill.", fix: "Set minReplicas and maxReplicas within the parameters.",
  parameters: z.strictObject({ min: z.int().default(2).describe("fewest minReplicas"), max: z.int().default(100).describe("most maxReplicas"), spread: z.int().default(1).describe("least distance between them") }),
  examples: { pass: [autoscaler({}), autoscaler({ minReplicas: 2, maxReplicas: 3 }), autoscaler({ maxReplicas: 100 }), autoscaler({ maxReplicas: undefined })], fail: [autoscaler({ minReplicas: 1 }), autoscaler({ minReplicas: undefined }), autoscaler({ maxReplicas: 3 }), autoscaler({ maxReplicas: 101 })] },
  check: ({ data }, { min, max, spread }) => {
    const low = num(data, "spec", "minReplicas") ?? 1;
    const high = num(data, "spec", "maxReplicas");
    const found: Finding[] = low < min ? [{ path: "spec.minReplicas", message: `at least ${low} replicas, fewer than ${min}` }] : [];
    if (high !== undefined && high > max) found.push({ path: "spec.maxReplicas", message: `up to ${high} replicas, more than ${max}` });
    if (high !== undefined && high - low < spread) found.push({ path: "spec.maxReplicas", message: `from ${low} to ${high} replicas there is no room` });
    return found;
  },
});

const budget = (spec: Obj) => manifest("policy/v1", "PodDisruptionBudget", { spec: { selector: { matchLabels: { app: "app" } }, unhealthyPodEvictionPolicy: "AlwaysAllow", ...spec } });

export const budgetAllowsDisruption = resourceRule({
  id: "budget-allows-disruption", title: "Every disruption budget lets at least one pod go.", severity: "medium", level: "mandatory", kinds: ["PodDisruptionBudget"],
  why: "A budget of nothing blocks every node drain, until someone deletes it in anger.", fix: "Set maxUnavailable to 1 or more, or minAvailable below 100% and below the replicas.",
  parameters: z.strictObject({ minPercent: z.number().min(0).max(100).default(0).describe("smallest part of the pods that a budget in percent must let go") }),
  examples: {
    parameters: { minPercent: 50 },
    pass: [budget({ maxUnavailable: 1 }), budget({ minAvailable: "50%" }), budget({ maxUnavailable: "50%" }), budget({ minAvailable: 1 })],
    fail: [budget({ maxUnavailable: 0 }), budget({ maxUnavailable: "0" }), budget({ minAvailable: "100%" }), budget({ maxUnavailable: "0%" }), budget({}), budget({ maxUnavailable: "49%" }), budget({ minAvailable: "51%" })],
    more: [{ pass: [budget({ maxUnavailable: "1%" }), budget({ minAvailable: "99%" })], fail: [] }],
  },
  check: ({ data }, { minPercent }) => {
    const unavailable = get(data, "spec", "maxUnavailable");
    const available = get(data, "spec", "minAvailable");
    const percent = (value: unknown) => (typeof value === "string" && value.endsWith("%") ? Number(value.slice(0, -1)) : undefined);
    if (unavailable === undefined && available === undefined) return [{ path: "spec", message: "neither minAvailable nor maxUnavailable is set" }];
    if ((typeof unavailable === "number" && unavailable <= 0) || unavailable === "0" || percent(unavailable) === 0) return [{ path: "spec.maxUnavailable", message: "no pod may ever go" }];
    const [goes, stays] = [percent(unavailable) ?? 100, percent(available) ?? 0];
    if (goes < minPercent) return [{ path: "spec.maxUnavailable", message: `at most ${goes} % of the pods may go, less than ${minPercent} %` }];
    if (stays < 100 && 100 - stays < minPercent) return [{ path: "spec.minAvailable", message: `at most ${100 - stays} % of the pods may go, less than ${minPercent} %` }];
    return stays >= 100 ? [{ path: "spec.minAvailable", message: "all pods must always stay" }] : [];
  },
});

export const budgetUnhealthyPods = resourceRule({
  id: "budget-unhealthy-pods", title: "Disruption budgets let broken pods go.", severity: "low", kinds: ["PodDisruptionBudget"],
  why: "By default a pod that is not ready blocks the drain of its node.", fix: "Set spec.unhealthyPodEvictionPolicy: AlwaysAllow.",
  examples: { pass: [budget({ maxUnavailable: 1 })], fail: [budget({ maxUnavailable: 1, unhealthyPodEvictionPolicy: undefined })] },
  check: ({ data }) => (text(data, "spec", "unhealthyPodEvictionPolicy") === "AlwaysAllow" ? [] : [{ path: "spec.unhealthyPodEvictionPolicy", message: "broken pods block a node's drain" }]),
});
