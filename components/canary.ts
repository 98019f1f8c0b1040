import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import { seconds } from "../config/duration.ts";
import { nanos } from "../config/quantity.ts";
import { awaiting } from "./awaiting.ts";
import { type AnalysisArgs, canaryAnalysis, completeAnalysis, objectionsToAnalysis, timesOf } from "./canaryAnalysis.ts";
import type { AnalysisTimes } from "./canaryTicks.ts";
import { type Objection, refuseInvalid } from "./invalidArgument.ts";
import { appLabels } from "./labels.ts";
import { type LoadArgs, loadDeployment, objectionsToLoad } from "./loadSource.ts";
import { canaryMetrics } from "./metricTemplates.ts";
import { type PodTemplateArgs, defaultLimits } from "./podTemplate.ts";
import { after } from "./ordering.ts";
import { type LockTransforms, ReleaseLock } from "./releaseLock.ts";
import { type Transform, transformed } from "./transform.ts";
import { Workload, type WorkloadArgs } from "./workload.ts";

type CustomResourceArgs = k8s.apiextensions.CustomResourceArgs;

/** A workload whose releases Flagger judges under traffic. */
export interface CanaryArgs extends PodTemplateArgs {
  /** Namespace of everything that is made. */
  readonly namespace: pulumi.Input<string>;
  /** Flagger's router: the version of the Gateway API. @default "gatewayapi:v1" */
  readonly provider?: "gatewayapi:v1" | "gatewayapi:v1beta1";
  /** The Gateway that the route hangs on; the route itself is Flagger's. */
  readonly gateway: {
    readonly name: pulumi.Input<string>;
    readonly namespace: pulumi.Input<string>;
    /** The listener, where the Gateway has several. @default - all of them */
    readonly sectionName?: pulumi.Input<string>;
    /** Host names of the route. @default - all of the listener's */
    readonly hosts?: readonly pulumi.Input<string>[];
  };
  /** Prometheus, as Flagger reaches it. */
  readonly prometheus: pulumi.Input<string>;
  /** Port of the Services that Flagger makes. @default 80 */
  readonly servicePort?: pulumi.Input<number>;
  /** Numbers of pods, of the old and the new version each, and the CPU use aimed at, in percent of the request. @default - 3 to 6 at 70 */
  readonly autoscaling?: { readonly minReplicas?: number; readonly maxReplicas?: number; readonly cpuUtilization?: pulumi.Input<number> };
  /** Pods that may be away by people's doing. @default 1 */
  readonly maxUnavailable?: pulumi.Input<number | string>;
  /** How a release is judged. */
  readonly analysis?: AnalysisArgs;
  /** Requests of our own to the new version while it is judged, for services with few users. @default - none */
  readonly load?: LoadArgs;
  /** Whether another revision is refused while one is judged; needs the right to make a ValidatingAdmissionPolicy. @default true */
  readonly lock?: boolean;
  /** Edits of the children. */
  readonly transform?: WorkloadArgs["transform"] & LockTransforms & {
    readonly autoscaler?: Transform<k8s.autoscaling.v2.HorizontalPodAutoscalerArgs>;
    readonly metricTemplate?: Transform<CustomResourceArgs>;
    readonly load?: Transform<k8s.apps.v1.DeploymentArgs>;
    readonly canary?: Transform<CustomResourceArgs>;
  };
}

/**
 * Canary delivery by Flagger over the Gateway API. Flagger owns what it makes (Deployment, Services, autoscaler and Secret copies
 * named `-primary`, the HTTPRoute), so none of that is declared here; the target has no `replicas` and always an autoscaler.
 * A release is a changed pod template. Pulumi's own engine returns from `up` before Flagger has judged it, the embedded one after;
 * {@link times} says how long that takes.
 */
export class Canary extends pulumi.ComponentResource {
  /** @internal */
  static readonly __pulumiType: string = "rlhf-audit-trail:delivery:Canary";

  /** The target: Flagger copies it to `-primary` and starts it only for an analysis. */
  readonly workload: Workload;
  /** Scales the target; Flagger copies it too. */
  readonly autoscaler: k8s.autoscaling.v2.HorizontalPodAutoscaler;
  /** The measures, in the order in which they are taken. */
  readonly metricTemplates: readonly k8s.apiextensions.CustomResource[];
  /** Flagger's Canary. */
  readonly canary: k8s.apiextensions.CustomResource;
  /** Refuses another revision while one is judged; missing where it was not wanted. */
  readonly lock: ReleaseLock | undefined;
  /** How long a release takes, in seconds. */
  readonly times: AnalysisTimes;
  /** Name of the Service that Flagger makes for the users. */
  readonly serviceName: string;

  constructor(name: string, args: CanaryArgs, opts?: pulumi.ComponentResourceOptions) {
    super(Canary.__pulumiType, name, {}, opts);
    const analysis = completeAnalysis(args.analysis ?? {});
    const { minReplicas, maxReplicas, cpuUtilization } = { minReplicas: 3, maxReplicas: 6, cpuUtilization: 70, ...args.autoscaling };
    refuseInvalid("Canary", name, [...objectionsToAutoscaling(minReplicas, maxReplicas), ...objectionsToAnalysis(analysis), ...objectionsToLoad(args.load ?? {})], this);

    const deadline = seconds(analysis.progressDeadline);
    this.times = timesOf(analysis);
    // Twice the longest way to a verdict, for pods that are slow and gates that say "not yet"; ten minutes is Pulumi's own.
    const patience = `${Math.max(600, 2 * (deadline + this.times.promoteSeconds + this.times.rollBackSeconds))}s`;
    this.serviceName = args.app;
    const child = { parent: this, ...after(opts) };
    const metadata = { namespace: args.namespace, labels: { ...appLabels(args.app) } };
    const target = { apiVersion: "apps/v1", kind: "Deployment", name: args.app };
    const limits = { ...defaultLimits, ...args.resources?.limits };

    this.workload = new Workload(`${name}-workload`, { ...args, progressDeadlineSeconds: deadline }, child);

    this.autoscaler = new k8s.autoscaling.v2.HorizontalPodAutoscaler(
      ...transformed<k8s.autoscaling.v2.HorizontalPodAutoscalerArgs>(
        args.transform?.autoscaler,
        `${name}-autoscaler`,
        {
          metadata: { ...metadata, name: args.app },
          spec: {
            scaleTargetRef: target,
            minReplicas,
            maxReplicas,
            metrics: [{ type: "Resource", resource: { name: "cpu", target: { type: "Utilization", averageUtilization: cpuUtilization } } }],
          },
        },
        { parent: this, dependsOn: [this.workload.deployment] },
      ),
    );

    const source = {
      address: args.prometheus,
      container: args.app,
      cpuCores: pulumi.output(limits.cpu).apply(amount),
      memoryBytes: pulumi.output(limits.memory).apply(amount),
      servicePort: args.servicePort ?? 80,
    };
    const templates = canaryMetrics(analysis.metrics, source).map((metric) => ({
      ...metric,
      resource: new k8s.apiextensions.CustomResource(
        ...transformed<CustomResourceArgs>(
          args.transform?.metricTemplate,
          `${name}-metric-${metric.name}`,
          {
            apiVersion: "flagger.app/v1beta1",
            kind: "MetricTemplate",
            metadata: { ...metadata, name: `${args.app}-${metric.name}` },
            spec: { provider: { type: "prometheus", address: source.address }, query: metric.query },
          },
          child,
        ),
      ),
    }));
    this.metricTemplates = templates.map(({ resource }) => resource);

    this.canary = new k8s.apiextensions.CustomResource(
      ...transformed<CustomResourceArgs>(
        args.transform?.canary,
        `${name}-canary`,
        {
          apiVersion: "flagger.app/v1beta1",
          kind: "Canary",
          metadata: {
            ...metadata,
            name: args.app,
            annotations: { ...awaiting("Canary"), "rlhf-audit-trail.dev/template-hash": this.workload.templateHash },
          },
          spec: {
            provider: args.provider ?? "gatewayapi:v1",
            targetRef: target,
            autoscalerRef: { apiVersion: "autoscaling/v2", kind: "HorizontalPodAutoscaler", name: args.app },
            progressDeadlineSeconds: deadline,
            // Without it, deleting the Canary takes Services and route along and leaves the target at no pods.
            revertOnDeletion: true,
            service: {
              name: this.serviceName,
              port: args.servicePort ?? 80,
              portName: "http",
              targetPort: "http",
              gatewayRefs: [gatewayRef(args.gateway)],
              ...(args.gateway.hosts === undefined ? {} : { hosts: [...args.gateway.hosts] }),
            },
            analysis: canaryAnalysis(
              analysis,
              templates.map(({ resource, ...metric }) => ({ ...metric, template: resource.metadata.name })),
            ),
          },
        },
        { parent: this, dependsOn: [this.workload.deployment, this.autoscaler, ...this.metricTemplates], customTimeouts: { create: patience, update: patience } },
      ),
    );

    if (args.load !== undefined) {
      const place = { ...args, serviceAccountName: this.workload.serviceAccount.metadata.name, servicePort: args.servicePort ?? 80 };
      new k8s.apps.v1.Deployment(...transformed<k8s.apps.v1.DeploymentArgs>(args.transform?.load, `${name}-load`, loadDeployment(args.load, place), child));
    }
    this.lock =
      (args.lock ?? true)
        ? new ReleaseLock(`${name}-lock`, { app: args.app, namespace: args.namespace, transform: args.transform ?? {} }, { parent: this })
        : undefined;

    this.registerOutputs({ canary: this.canary.metadata.name, ...this.times });
  }
}

function gatewayRef({ name, namespace, sectionName }: CanaryArgs["gateway"]): object {
  return { group: "gateway.networking.k8s.io", kind: "Gateway", name, namespace, ...(sectionName === undefined ? {} : { sectionName }) };
}

/** A quantity as a number: cores, or bytes. */
function amount(quantity: string): number {
  return Number(nanos(quantity)) / 1e9;
}

function objectionsToAutoscaling(minReplicas: number, maxReplicas: number): Objection[] {
  return Number.isInteger(minReplicas) && Number.isInteger(maxReplicas) && minReplicas >= 1 && maxReplicas >= minReplicas
    ? []
    : [
        {
          path: "autoscaling",
          value: `${minReplicas} to ${maxReplicas}`,
          rule: "two whole numbers from 1, in order",
          fix: "Set minReplicas to the pods of a quiet hour and maxReplicas to those of the busiest.",
        },
      ];
}
