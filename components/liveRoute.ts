import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import { awaiting } from "./awaiting.ts";
import { appLabels } from "./labels.ts";
import { after } from "./ordering.ts";
import { type Transform, transformed } from "./transform.ts";

/** A route from a Gateway to one Service of the same namespace. */
export interface LiveRouteArgs {
  /** The application's name. */
  readonly app: string;
  /** Namespace of Gateway, Service and route. */
  readonly namespace: pulumi.Input<string>;
  /** The Gateway, its listener, and the host name of the route: a {@link PublicGateway} is one. */
  readonly entrance: {
    readonly gatewayName: pulumi.Input<string>;
    readonly sectionName: pulumi.Input<string>;
    readonly hostname: pulumi.Input<string>;
  };
  /** The Service. */
  readonly serviceName: pulumi.Input<string>;
  /** The Service's port. @default 80 */
  readonly servicePort?: pulumi.Input<number>;
  /** Edits of the children. */
  readonly transform?: { readonly route?: Transform<k8s.apiextensions.CustomResourceArgs> };
}

/** The HTTPRoute of a blue-green stack: it names the live Service and never changes, since the switch is that Service's selector. */
export class LiveRoute extends pulumi.ComponentResource {
  /** @internal */
  static readonly __pulumiType: string = "rlhf-audit-trail:network:LiveRoute";

  /** The HTTPRoute. */
  readonly route: k8s.apiextensions.CustomResource;

  constructor(name: string, args: LiveRouteArgs, opts?: pulumi.ComponentResourceOptions) {
    super(LiveRoute.__pulumiType, name, {}, opts);
    this.route = new k8s.apiextensions.CustomResource(
      ...transformed<k8s.apiextensions.CustomResourceArgs>(
        args.transform?.route,
        `${name}-route`,
        {
          apiVersion: "gateway.networking.k8s.io/v1",
          kind: "HTTPRoute",
          metadata: { name: `${args.app}-live`, namespace: args.namespace, labels: { ...appLabels(args.app) }, annotations: awaiting("HTTPRoute") },
          spec: {
            parentRefs: [{ name: args.entrance.gatewayName, sectionName: args.entrance.sectionName }],
            hostnames: [args.entrance.hostname],
            rules: [{ matches: [{ path: { type: "PathPrefix", value: "/" } }], backendRefs: [{ name: args.serviceName, port: args.servicePort ?? 80 }] }],
          },
        },
        { parent: this, ...after(opts) },
      ),
    );
    this.registerOutputs({ route: this.route.metadata.name });
  }
}
