import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import { type SlotName, appLabels, slotSelector } from "./labels.ts";
import { after } from "./ordering.ts";
import { type Transform, transformed } from "./transform.ts";
import { type VerificationArgs, verificationJob } from "./verification.ts";
import { Workload, type WorkloadArgs } from "./workload.ts";

/** One slot: a workload, a Service of its own, and the Job that verifies it. */
export interface SlotArgs extends Omit<WorkloadArgs, "slot" | "slotRole" | "transform"> {
  /** Which of the two. */
  readonly slot: SlotName;
  /** What it is to be from now on; recorded on its Deployment. */
  readonly slotRole: "live" | "idle";
  /** How it proves itself. */
  readonly verification: VerificationArgs;
  /** Edits of the children. */
  readonly transform?: WorkloadArgs["transform"] & {
    readonly slotService?: Transform<k8s.core.v1.ServiceArgs>;
    readonly verification?: Transform<k8s.batch.v1.JobArgs>;
  };
}

/** A slot of a {@link BlueGreen}; in order: Deployment, Service, verification Job. */
export class Slot extends pulumi.ComponentResource {
  /** @internal */
  static readonly __pulumiType: string = "rlhf-audit-trail:delivery:Slot";

  /** The slot's pods. */
  readonly workload: Workload;
  /** Reaches this slot and never the other, port 80. */
  readonly service: k8s.core.v1.Service;
  /** Passes only if the slot may carry traffic: whatever moves traffic here depends on it. */
  readonly verification: k8s.batch.v1.Job;

  constructor(name: string, args: SlotArgs, opts?: pulumi.ComponentResourceOptions) {
    super(Slot.__pulumiType, name, {}, opts);
    const objectName = `${args.app}-${args.slot}`;

    this.workload = new Workload(`${name}-workload`, args, { parent: this, ...after(opts) });

    this.service = new k8s.core.v1.Service(
      ...transformed<k8s.core.v1.ServiceArgs>(
        args.transform?.slotService,
        `${name}-service`,
        {
          metadata: { name: objectName, namespace: args.namespace, labels: { ...appLabels(args.app), version: args.slot } },
          spec: {
            type: "ClusterIP",
            selector: { ...slotSelector(args.app, args.slot) },
            ports: [{ name: "http", port: 80, targetPort: "http", protocol: "TCP" }],
          },
        },
        { parent: this, dependsOn: [this.workload.deployment] },
      ),
    );

    this.verification = new k8s.batch.v1.Job(
      ...transformed(
        args.transform?.verification,
        `${name}-verification`,
        verificationJob(args.verification, {
          ...args,
          serviceName: this.service.metadata.name,
          serviceAccountName: this.workload.serviceAccount.metadata.name,
          templateHash: this.workload.templateHash,
        }),
        { parent: this, dependsOn: [this.workload.deployment, this.service] },
      ),
    );

    this.registerOutputs({ image: args.image, role: args.slotRole });
  }
}
