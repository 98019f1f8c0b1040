import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import { type Objection, refuseInvalid } from "./invalidArgument.ts";
import { type SlotName, appLabels, otherSlot, slotNames, slotSelector } from "./labels.ts";
import { liveSlotGuard } from "./liveSlotGuard.ts";
import { type PodTemplateArgs, objectionsToPodTemplate } from "./podTemplate.ts";
import { Slot, type SlotArgs } from "./slot.ts";
import { after } from "./ordering.ts";
import { type Transform, transformed } from "./transform.ts";
import { type VerificationArgs, objectionsToVerification } from "./verification.ts";

/** Two slots and the Services that select between them. */
export interface BlueGreenArgs extends Omit<PodTemplateArgs, "image"> {
  /** Namespace of everything that is made. */
  readonly namespace: pulumi.Input<string>;
  /** The slot that carries the traffic once `up` is done. */
  readonly active: SlotName;
  /** What runs in each slot; a slot without an image stays empty. The active one can't be. */
  readonly slots: Readonly<Partial<Record<SlotName, { readonly image?: pulumi.Input<string> }>>>;
  /** Pods of each slot: the idle one is kept as large, so that the way back is always warm. @default 3 */
  readonly replicas?: pulumi.Input<number>;
  /** Pods of a slot that may be away by people's doing. @default 1 */
  readonly maxUnavailable?: pulumi.Input<number | string>;
  /** Longest time for a slot's pods to get ready, in seconds. @default 300 */
  readonly progressDeadlineSeconds?: pulumi.Input<number>;
  /** The live Service. */
  readonly service?: {
    /** @default - `<app>-service` */
    readonly name?: pulumi.Input<string>;
    /** @default 80 */
    readonly port?: pulumi.Input<number>;
    /** How it is reached; `ClusterIP` behind a Gateway. @default "ClusterIP" */
    readonly type?: "ClusterIP" | "LoadBalancer";
  };
  /** How a slot proves itself before it may carry traffic. */
  readonly verification?: VerificationArgs;
  /** Edits of the children; a slot's are given both slots. */
  readonly transform?: SlotArgs["transform"] & {
    readonly liveService?: Transform<k8s.core.v1.ServiceArgs>;
    readonly previewService?: Transform<k8s.core.v1.ServiceArgs>;
  };
}

/**
 * Blue-green delivery: the live Service selects one of two slots, and one `up` is one release step. The order is: the active
 * slot's Deployment, its verification Job, the live Service, then the idle slot and the preview Service. So an `up` that fills a
 * slot and makes it active deploys, waits, verifies and only then moves the traffic; a failing verification leaves the traffic
 * where it was, and the slot that loses it is touched last. What carries traffic is never changed in place (`liveSlotGuard.ts`).
 */
export class BlueGreen extends pulumi.ComponentResource {
  /** @internal */
  static readonly __pulumiType: string = "rlhf-audit-trail:delivery:BlueGreen";

  /** The slots that are filled. */
  readonly slots: Readonly<Partial<Record<SlotName, Slot>>>;
  /** The slot that carries the traffic. */
  readonly activeSlot: SlotName;
  /** The other one: where the next release goes. */
  readonly idleSlot: SlotName;
  /** Where users come in; its selector is the switch. */
  readonly liveService: k8s.core.v1.Service;
  /** Always reaches the slot that has no traffic, port 80; without pods while that slot is empty. */
  readonly previewService: k8s.core.v1.Service;
  /** Address of the live Service: its load balancer's, or inside the cluster. Unknown until the load balancer has one. */
  readonly liveEndpoint: pulumi.Output<string>;
  /** Address of the preview Service inside the cluster. */
  readonly previewEndpoint: pulumi.Output<string>;

  constructor(name: string, args: BlueGreenArgs, opts?: pulumi.ComponentResourceOptions) {
    super(BlueGreen.__pulumiType, name, {}, opts);
    refuseInvalid("BlueGreen", name, objectionsToBlueGreen(args), this);

    this.activeSlot = args.active;
    this.idleSlot = otherSlot(args.active);
    const guard = liveSlotGuard(`${name}-live-slot-guard`);

    const slot = (slotName: SlotName, slotRole: SlotArgs["slotRole"], order: pulumi.ResourceOptions): Slot | undefined => {
      const image = args.slots[slotName]?.image;
      if (image === undefined) return undefined;
      return new Slot(
        `${name}-${slotName}`,
        {
          ...args,
          image,
          replicas: args.replicas ?? 3,
          slot: slotName,
          slotRole,
          verification: args.verification ?? {},
          deploymentHooks: { beforeUpdate: [guard] },
          ...(args.transform === undefined ? {} : { transform: args.transform }),
        },
        { parent: this, ...order },
      );
    };
    const metadata = (role: "live" | "preview", objectName: pulumi.Input<string>): k8s.types.input.meta.v1.ObjectMeta => ({
      name: objectName,
      namespace: args.namespace,
      labels: { ...appLabels(args.app), "app.kubernetes.io/component": `${role}-service` },
    });
    const selecting = (slotName: SlotName, port: pulumi.Input<number>): k8s.types.input.core.v1.ServiceSpec => ({
      selector: { ...slotSelector(args.app, slotName) },
      ports: [{ name: "http", port, targetPort: "http", protocol: "TCP" }],
    });

    const live = slot(this.activeSlot, "live", after(opts));
    this.liveService = new k8s.core.v1.Service(
      ...transformed<k8s.core.v1.ServiceArgs>(
        args.transform?.liveService,
        `${name}-live-service`,
        {
          metadata: metadata("live", args.service?.name ?? `${args.app}-service`),
          spec: { type: args.service?.type ?? "ClusterIP", ...selecting(this.activeSlot, args.service?.port ?? 80) },
        },
        { parent: this, dependsOn: live === undefined ? [] : [live.verification] },
      ),
    );
    const idle = slot(this.idleSlot, "idle", { dependsOn: [this.liveService] });
    this.previewService = new k8s.core.v1.Service(
      ...transformed<k8s.core.v1.ServiceArgs>(
        args.transform?.previewService,
        `${name}-preview-service`,
        {
          // Nothing waits for it, and an empty slot never gives it an endpoint to wait for.
          metadata: { ...metadata("preview", `${args.app}-preview`), annotations: { "pulumi.com/skipAwait": "true" } },
          spec: { type: "ClusterIP", ...selecting(this.idleSlot, 80) },
        },
        { parent: this, dependsOn: [this.liveService, ...(idle === undefined ? [] : [idle.workload.deployment])] },
      ),
    );
    this.slots = { ...(live && { [this.activeSlot]: live }), ...(idle && { [this.idleSlot]: idle }) };
    this.liveEndpoint = args.service?.type === "LoadBalancer" ? balancedEndpoint(this.liveService) : clusterEndpoint(this.liveService);
    this.previewEndpoint = clusterEndpoint(this.previewService);
    this.registerOutputs({ activeSlot: this.activeSlot, liveService: this.liveService.metadata.name, previewService: this.previewService.metadata.name });
  }
}

function clusterEndpoint({ metadata, spec }: k8s.core.v1.Service): pulumi.Output<string> {
  return pulumi.all([metadata, spec]).apply(([{ name, namespace }, { ports }]) => `http://${name}.${namespace}.svc.cluster.local:${ports[0]?.port ?? 80}`);
}

function balancedEndpoint({ status, spec }: k8s.core.v1.Service): pulumi.Output<string> {
  return pulumi.all([status, spec]).apply(([{ loadBalancer }, { ports }]) => {
    const [address] = loadBalancer.ingress;
    return `http://${address?.hostname ?? address?.ip ?? "pending"}:${ports[0]?.port ?? 80}`;
  });
}

function objectionsToBlueGreen(args: BlueGreenArgs): Objection[] {
  const filled = slotNames.filter((slotName) => args.slots[slotName]?.image !== undefined);
  const objections: Objection[] = [];
  if (!filled.includes(args.active)) {
    objections.push({
      path: "active",
      value: args.active,
      rule: filled.length === 0 ? "a slot that has an image, and none has" : `a slot that has an image: ${filled.join(" or ")}`,
      fix: `Give slots.${args.active} an image first.`,
    });
  }
  return [...objections, ...objectionsToPodTemplate({ ...args, image: "" }), ...objectionsToVerification(args.verification ?? {})];
}
