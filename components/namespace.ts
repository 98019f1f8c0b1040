import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import { after } from "./ordering.ts";
import { type Transform, transformed } from "./transform.ts";

/** Amounts by resource name, as quantities. */
type Amounts = Readonly<Record<string, pulumi.Input<string>>>;

/** A namespace, and what may be in it. */
export interface NamespaceArgs {
  /** Its name. */
  readonly namespace: pulumi.Input<string>;
  /** What all pods together may have, two versions at once included. @default - no quota */
  readonly quota?: { readonly requests: Amounts; readonly limits: Amounts; readonly pods: pulumi.Input<number> };
  /** What a container gets that asks for nothing. @default - requests 100m and 128Mi, limits 500m and 512Mi */
  readonly containerDefaults?: { readonly requests: Amounts; readonly limits: Amounts };
  /** Further labels. @default - none */
  readonly labels?: Readonly<Record<string, pulumi.Input<string>>>;
  /** Edits of the children. */
  readonly transform?: {
    readonly namespace?: Transform<k8s.core.v1.NamespaceArgs>;
    readonly quota?: Transform<k8s.core.v1.ResourceQuotaArgs>;
    readonly limitRange?: Transform<k8s.core.v1.LimitRangeArgs>;
  };
}

/** A namespace that admits only pods that meet Pod Security's `restricted`, with a quota and with limits for who forgot them. */
export class Namespace extends pulumi.ComponentResource {
  /** @internal */
  static readonly __pulumiType: string = "rlhf-audit-trail:platform:Namespace";

  /** The namespace itself. */
  readonly namespace: k8s.core.v1.Namespace;
  /** The quota, if one was asked for. */
  readonly quota: k8s.core.v1.ResourceQuota | undefined;
  /** The defaults of containers. */
  readonly limitRange: k8s.core.v1.LimitRange;
  /** The namespace's name; what uses it is made after it. */
  readonly name: pulumi.Output<string>;

  constructor(name: string, args: NamespaceArgs, opts?: pulumi.ComponentResourceOptions) {
    super(Namespace.__pulumiType, name, {}, opts);
    const child = { parent: this, ...after(opts) };
    const podSecurity = Object.fromEntries(
      ["enforce", "audit", "warn"].flatMap((mode) => [
        [`pod-security.kubernetes.io/${mode}`, "restricted"],
        [`pod-security.kubernetes.io/${mode}-version`, "latest"],
      ]),
    );

    this.namespace = new k8s.core.v1.Namespace(
      ...transformed<k8s.core.v1.NamespaceArgs>(
        args.transform?.namespace,
        `${name}-namespace`,
        { metadata: { name: args.namespace, labels: { ...args.labels, ...podSecurity } } },
        child,
      ),
    );
    this.name = this.namespace.metadata.name;

    const { quota } = args;
    this.quota =
      quota &&
      new k8s.core.v1.ResourceQuota(
        ...transformed<k8s.core.v1.ResourceQuotaArgs>(
          args.transform?.quota,
          `${name}-quota`,
          {
            metadata: { name: "quota", namespace: this.name },
            spec: { hard: { ...amounts("requests", quota.requests), ...amounts("limits", quota.limits), pods: pulumi.output(quota.pods).apply(String) } },
          },
          child,
        ),
      );

    const defaults = args.containerDefaults ?? { requests: { cpu: "100m", memory: "128Mi" }, limits: { cpu: "500m", memory: "512Mi" } };
    this.limitRange = new k8s.core.v1.LimitRange(
      ...transformed<k8s.core.v1.LimitRangeArgs>(
        args.transform?.limitRange,
        `${name}-limit-range`,
        {
          metadata: { name: "container-defaults", namespace: this.name },
          spec: { limits: [{ type: "Container", defaultRequest: { ...defaults.requests }, default: { ...defaults.limits } }] },
        },
        child,
      ),
    );

    this.registerOutputs({ name: this.name });
  }
}

function amounts(kind: "requests" | "limits", by: Amounts): Record<string, pulumi.Input<string>> {
  return Object.fromEntries(Object.entries(by).map(([resource, amount]) => [`${kind}.${resource}`, amount]));
}
