import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import { appLabels } from "./labels.ts";
import { after } from "./ordering.ts";
import { type Transform, transformed } from "./transform.ts";

/** A volume for the audit trail's files that outlives its pods. */
export interface AuditVolumeArgs {
  /** The application's name. */
  readonly app: string;
  /** Namespace of the claim. */
  readonly namespace: pulumi.Input<string>;
  /** Size, as a quantity. @default "1Gi" */
  readonly size?: pulumi.Input<string>;
  /** StorageClass. @default - the cluster's */
  readonly storageClass?: pulumi.Input<string>;
  /** `ReadWriteMany` where two nodes run pods of the application. @default "ReadWriteMany" */
  readonly accessMode?: pulumi.Input<"ReadWriteOnce" | "ReadWriteMany">;
  /** Edits of the children. */
  readonly transform?: { readonly claim?: Transform<k8s.core.v1.PersistentVolumeClaimArgs> };
}

/** The PersistentVolumeClaim that all pods share. It stays in the cluster when it leaves the program. */
export class AuditVolume extends pulumi.ComponentResource {
  /** @internal */
  static readonly __pulumiType: string = "rlhf-audit-trail:platform:AuditVolume";

  /** The claim. */
  readonly claim: k8s.core.v1.PersistentVolumeClaim;

  constructor(name: string, args: AuditVolumeArgs, opts?: pulumi.ComponentResourceOptions) {
    super(AuditVolume.__pulumiType, name, {}, opts);
    this.claim = new k8s.core.v1.PersistentVolumeClaim(
      ...transformed<k8s.core.v1.PersistentVolumeClaimArgs>(
        args.transform?.claim,
        `${name}-claim`,
        {
          // Classes that bind at the first pod would keep `up` waiting for a pod that waits for `up`.
          metadata: {
            name: `${args.app}-audit`,
            namespace: args.namespace,
            labels: { ...appLabels(args.app) },
            annotations: { "pulumi.com/skipAwait": "true" },
          },
          spec: {
            accessModes: [args.accessMode ?? "ReadWriteMany"],
            resources: { requests: { storage: args.size ?? "1Gi" } },
            ...(args.storageClass === undefined ? {} : { storageClassName: args.storageClass }),
          },
        },
        { parent: this, retainOnDelete: true, ...after(opts) },
      ),
    );
    this.registerOutputs({ claimName: this.claim.metadata.name });
  }
}
