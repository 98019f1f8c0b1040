import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import { appLabels } from "./labels.ts";
import { type Allowances, networkRules } from "./networkRules.ts";
import { after } from "./ordering.ts";
import { type Transform, transformed } from "./transform.ts";

/** The network of one namespace. */
export interface ZeroTrustNetworkArgs extends Allowances {
  /** The namespace that is closed: everything in it. */
  readonly namespace: pulumi.Input<string>;
  /** Edits of the children. */
  readonly transform?: { readonly networkPolicy?: Transform<k8s.networking.v1.NetworkPolicyArgs> };
}

/** Default deny both ways for a namespace, and the allowances that its pods need: one NetworkPolicy for each reason. */
export class ZeroTrustNetwork extends pulumi.ComponentResource {
  /** @internal */
  static readonly __pulumiType: string = "rlhf-audit-trail:network:ZeroTrustNetwork";

  /** The policies by reason, for example `default-deny`, `from-gateway`, `to-database`. Make pods after them. */
  readonly policies: Readonly<Record<string, k8s.networking.v1.NetworkPolicy>>;

  constructor(name: string, args: ZeroTrustNetworkArgs, opts?: pulumi.ComponentResourceOptions) {
    super(ZeroTrustNetwork.__pulumiType, name, {}, opts);
    const child = { parent: this, ...after(opts) };
    this.policies = Object.fromEntries(
      networkRules(args).map((rule) => [
        rule.name,
        new k8s.networking.v1.NetworkPolicy(
          ...transformed<k8s.networking.v1.NetworkPolicyArgs>(
            args.transform?.networkPolicy,
            `${name}-${rule.name}`,
            { metadata: { name: `${args.app}-${rule.name}`, namespace: args.namespace, labels: { ...appLabels(args.app) } }, spec: rule.spec },
            child,
          ),
        ),
      ]),
    );
    this.registerOutputs({ policies: Object.keys(this.policies) });
  }
}
