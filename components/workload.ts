import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import { contentHash } from "./contentHash.ts";
import { refuseInvalid } from "./invalidArgument.ts";
import { type SlotName, appLabels, servingSelector, slotSelector } from "./labels.ts";
import { type PodTemplateArgs, objectionsToPodTemplate, podTemplate } from "./podTemplate.ts";
import { after } from "./ordering.ts";
import { type Transform, transformed } from "./transform.ts";

/** The annotation of a slot's Deployment that says what the slot was when it was last written: `live` or `idle`. */
export const slotRoleAnnotation = "rlhf-audit-trail.dev/slot-role";

/** A set of pods of the application, and what they need beside them. */
export interface WorkloadArgs extends PodTemplateArgs {
  /** Namespace of everything that is made. */
  readonly namespace: pulumi.Input<string>;
  /** The slot, where the workload is one of two. @default - none: a canary's target */
  readonly slot?: SlotName;
  /** What the slot is to be from now on. @default - none */
  readonly slotRole?: "live" | "idle";
  /** Number of pods; leave it out where an autoscaler decides. @default - left to the autoscaler */
  readonly replicas?: pulumi.Input<number>;
  /** How many pods may be away by people's doing, as a number or percentage. @default 1 */
  readonly maxUnavailable?: pulumi.Input<number | string>;
  /** Longest time for new pods to get ready before the rollout counts as failed, in seconds. @default 300 */
  readonly progressDeadlineSeconds?: pulumi.Input<number>;
  /** Options of the Deployment that say how it is changed: the live slot's guard. @default - none */
  readonly deploymentHooks?: pulumi.ResourceHookBinding;
  /** Edits of the children. */
  readonly transform?: {
    readonly serviceAccount?: Transform<k8s.core.v1.ServiceAccountArgs>;
    readonly deployment?: Transform<k8s.apps.v1.DeploymentArgs>;
    readonly podDisruptionBudget?: Transform<k8s.policy.v1.PodDisruptionBudgetArgs>;
  };
}

/** A slot says what it is. A canary's target is not awaited: Flagger starts its pods when it looks at them, and its verdict is what counts. */
function annotationsOf({ slot, slotRole }: WorkloadArgs): { annotations?: Record<string, string> } {
  if (slotRole !== undefined) return { annotations: { [slotRoleAnnotation]: slotRole } };
  return slot === undefined ? { annotations: { "pulumi.com/skipAwait": "true" } } : {};
}

/**
 * One set of pods: ServiceAccount, Deployment and PodDisruptionBudget, all named `<app>` or `<app>-<slot>`.
 * Rolling updates add a pod before they take one away.
 */
export class Workload extends pulumi.ComponentResource {
  /** @internal */
  static readonly __pulumiType: string = "rlhf-audit-trail:delivery:Workload";

  /** The pods' identity; no token of it is mounted. */
  readonly serviceAccount: k8s.core.v1.ServiceAccount;
  /** The pods. */
  readonly deployment: k8s.apps.v1.Deployment;
  /** Keeps the pods from being evicted all at once. */
  readonly podDisruptionBudget: k8s.policy.v1.PodDisruptionBudget;
  /** Hash of the pod template's content: another one is another release. */
  readonly templateHash: pulumi.Output<string>;

  constructor(name: string, args: WorkloadArgs, opts?: pulumi.ComponentResourceOptions) {
    super(Workload.__pulumiType, name, {}, opts);
    refuseInvalid("Workload", name, objectionsToPodTemplate(args), this);

    const child = { parent: this, ...after(opts) };
    const objectName = args.slot === undefined ? args.app : `${args.app}-${args.slot}`;
    const metadata = { name: objectName, namespace: args.namespace, labels: { ...appLabels(args.app), ...slotSelector(args.app, args.slot) } };
    const selector = { matchLabels: { ...slotSelector(args.app, args.slot) } };

    this.serviceAccount = new k8s.core.v1.ServiceAccount(
      ...transformed(args.transform?.serviceAccount, `${name}-service-account`, { metadata, automountServiceAccountToken: false }, child),
    );

    const template = podTemplate(args, { slot: args.slot, serviceAccountName: this.serviceAccount.metadata.name });
    this.templateHash = pulumi.output(template).apply(contentHash);

    this.deployment = new k8s.apps.v1.Deployment(
      ...transformed<k8s.apps.v1.DeploymentArgs>(
        args.transform?.deployment,
        `${name}-deployment`,
        {
          metadata: { ...metadata, ...annotationsOf(args) },
          spec: {
            ...(args.replicas === undefined ? {} : { replicas: args.replicas }),
            selector,
            strategy: { type: "RollingUpdate", rollingUpdate: { maxSurge: 1, maxUnavailable: 0 } },
            revisionHistoryLimit: 3,
            progressDeadlineSeconds: args.progressDeadlineSeconds ?? 300,
            template,
          },
        },
        { ...child, ...(args.deploymentHooks === undefined ? {} : { hooks: args.deploymentHooks }) },
      ),
    );

    // Without slots the pods that serve are Flagger's copies, which keep every label but `app`.
    const budgeted = args.slot === undefined ? servingSelector(args.app) : selector.matchLabels;
    this.podDisruptionBudget = new k8s.policy.v1.PodDisruptionBudget(
      ...transformed<k8s.policy.v1.PodDisruptionBudgetArgs>(
        args.transform?.podDisruptionBudget,
        `${name}-disruption-budget`,
        {
          metadata,
          // Pods that are not ready hold up nothing: draining a node heals them sooner.
          spec: { maxUnavailable: args.maxUnavailable ?? 1, unhealthyPodEvictionPolicy: "AlwaysAllow", selector: { matchLabels: { ...budgeted } } },
        },
        child,
      ),
    );

    this.registerOutputs({ deployment: this.deployment.metadata.name, templateHash: this.templateHash });
  }
}
