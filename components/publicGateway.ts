import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import { awaiting } from "./awaiting.ts";
import { appLabels } from "./labels.ts";
import { after } from "./ordering.ts";
import { type Transform, transformed } from "./transform.ts";

type CustomResourceArgs = k8s.apiextensions.CustomResourceArgs;

const apiVersion = "gateway.networking.k8s.io/v1";

/** The way in for users. */
export interface PublicGatewayArgs {
  /** The application's name. */
  readonly app: string;
  /** Namespace of everything that is made. */
  readonly namespace: pulumi.Input<string>;
  /** Name of the Gateway. @default - the application's */
  readonly gatewayName?: pulumi.Input<string>;
  /** GatewayClass: the platform's data plane. */
  readonly className: pulumi.Input<string>;
  /** Public name. */
  readonly hostname: pulumi.Input<string>;
  /** Port of the plain listener, which sends everybody on to HTTPS where there is a certificate. @default 80 */
  readonly httpPort?: pulumi.Input<number>;
  /** Port of the HTTPS listener. @default 443 */
  readonly httpsPort?: pulumi.Input<number>;
  /** Secret with the certificate, in the same namespace. @default - none: HTTP only */
  readonly tlsSecretName?: pulumi.Input<string>;
}

/** Edits of the Gateway's children. */
export interface GatewayTransforms {
  readonly gateway?: Transform<CustomResourceArgs>;
  readonly redirect?: Transform<CustomResourceArgs>;
}

/**
 * A Gateway for one host name. With a certificate it serves HTTPS, and its plain listener only redirects. The route to the pods is made
 * apart: by {@link LiveRoute} for blue-green, by Flagger for a canary.
 */
export class PublicGateway extends pulumi.ComponentResource {
  /** @internal */
  static readonly __pulumiType: string = "rlhf-audit-trail:network:PublicGateway";

  /** The Gateway. */
  readonly gateway: k8s.apiextensions.CustomResource;
  /** Sends plain requests on to HTTPS; missing where there is no certificate. */
  readonly redirect: k8s.apiextensions.CustomResource | undefined;
  /** The Gateway's name; what hangs on it is made after it. */
  readonly gatewayName: pulumi.Output<string>;
  /** The listener that carries the users' traffic. */
  readonly sectionName: "http" | "https";
  /** Public name. */
  readonly hostname: pulumi.Output<string>;
  /** Where users come in. */
  readonly endpoint: pulumi.Output<string>;

  constructor(name: string, args: PublicGatewayArgs & { readonly transform?: GatewayTransforms }, opts?: pulumi.ComponentResourceOptions) {
    super(PublicGateway.__pulumiType, name, {}, opts);
    const secure = args.tlsSecretName !== undefined;
    const [httpPort, httpsPort] = [args.httpPort ?? 80, args.httpsPort ?? 443];
    const child = { parent: this, ...after(opts) };
    const metadata = { namespace: args.namespace, labels: { ...appLabels(args.app) } };
    const own = { allowedRoutes: { namespaces: { from: "Same" } } };
    const http = { name: "http", protocol: "HTTP", port: httpPort, hostname: args.hostname, ...own };
    const https = {
      name: "https",
      protocol: "HTTPS",
      port: httpsPort,
      hostname: args.hostname,
      tls: { mode: "Terminate", certificateRefs: [{ group: "", kind: "Secret", name: args.tlsSecretName }] },
      ...own,
    };
    this.hostname = pulumi.output(args.hostname);
    this.sectionName = secure ? "https" : "http";

    this.gateway = new k8s.apiextensions.CustomResource(
      ...transformed<CustomResourceArgs>(
        args.transform?.gateway,
        `${name}-gateway`,
        {
          apiVersion,
          kind: "Gateway",
          metadata: { ...metadata, name: args.gatewayName ?? args.app, annotations: awaiting("Gateway") },
          spec: { gatewayClassName: args.className, listeners: secure ? [http, https] : [http] },
        },
        child,
      ),
    );
    this.gatewayName = this.gateway.metadata.name;

    this.redirect = secure
      ? new k8s.apiextensions.CustomResource(
          ...transformed<CustomResourceArgs>(
            args.transform?.redirect,
            `${name}-redirect`,
            {
              apiVersion,
              kind: "HTTPRoute",
              metadata: { ...metadata, name: `${args.app}-https-redirect`, annotations: awaiting("HTTPRoute") },
              spec: {
                parentRefs: [{ name: this.gatewayName, sectionName: "http" }],
                hostnames: [args.hostname],
                rules: [{ filters: [{ type: "RequestRedirect", requestRedirect: { scheme: "https", port: httpsPort, statusCode: 301 } }] }],
              },
            },
            child,
          ),
        )
      : undefined;

    const port = pulumi.output(secure ? httpsPort : httpPort).apply((number) => (number === (secure ? 443 : 80) ? "" : `:${number}`));
    this.endpoint = pulumi.interpolate`${secure ? "https" : "http"}://${args.hostname}${port}`;
    this.registerOutputs({ endpoint: this.endpoint });
  }
}
