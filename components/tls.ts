import * as certManager from "@pulumi/kubernetes-cert-manager";
import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import { awaiting } from "./awaiting.ts";
import { type Objection, refuseInvalid } from "./invalidArgument.ts";
import { appLabels } from "./labels.ts";
import { after } from "./ordering.ts";
import { type Transform, transformed } from "./transform.ts";

type CustomResourceArgs = k8s.apiextensions.CustomResourceArgs;

/** Who signs. `acme`: a public CA, by a challenge through the Gateway. `ca`: a CA whose key pair lies in a Secret. `selfSigned`: the certificate itself, for trials. */
type IssuerArgs =
  | { readonly type: "acme"; readonly server: pulumi.Input<string>; readonly email: pulumi.Input<string> }
  | { readonly type: "ca"; readonly caSecret: pulumi.Input<string> }
  | { readonly type: "selfSigned" };

/** A certificate for the Gateway. */
export interface TlsArgs {
  /** The application's name. */
  readonly app: string;
  /** Namespace of issuer and certificate: the Gateway's. */
  readonly namespace: pulumi.Input<string>;
  /** Whether cert-manager is `present` in the cluster or this stack is to `install` it, in the namespace `cert-manager`. @default "present" */
  readonly certManager?: "present" | "install";
  /** Name that the certificate is for. */
  readonly hostname: pulumi.Input<string>;
  /** Who signs. */
  readonly issuer: IssuerArgs;
  /** The Gateway that ACME's challenge goes through, in the same namespace; `acme` needs it. @default - none */
  readonly gatewayName?: pulumi.Input<string>;
  /** Lifetime, as a duration in hours. @default "2160h", 90 days */
  readonly duration?: pulumi.Input<string>;
  /** How long before its end it is renewed, as a duration in hours. @default "720h", 30 days */
  readonly renewBefore?: pulumi.Input<string>;
  /** Algorithm of the key, which is a new one at every renewal. @default "ECDSA" */
  readonly algorithm?: pulumi.Input<"ECDSA" | "RSA" | "Ed25519">;
  /** Size of the key in bits; of no meaning for Ed25519. @default 256 */
  readonly keySize?: pulumi.Input<number>;
  /** Edits of the children. */
  readonly transform?: {
    readonly issuer?: Transform<CustomResourceArgs>;
    readonly certificate?: Transform<CustomResourceArgs>;
    readonly certManager?: Transform<certManager.CertManagerArgs>;
  };
}

/** TLS by cert-manager: an Issuer of the namespace and a Certificate whose key changes at every renewal. */
export class Tls extends pulumi.ComponentResource {
  /** @internal */
  static readonly __pulumiType: string = "rlhf-audit-trail:network:Tls";

  /** cert-manager, where this stack installs it. */
  readonly certManager: certManager.CertManager | undefined;
  /** Who signs. */
  readonly issuer: k8s.apiextensions.CustomResource;
  /** The certificate. */
  readonly certificate: k8s.apiextensions.CustomResource;
  /** Name of the Secret with certificate and key, which cert-manager writes. */
  readonly secretName: string;

  constructor(name: string, args: TlsArgs, opts?: pulumi.ComponentResourceOptions) {
    super(Tls.__pulumiType, name, {}, opts);
    refuseInvalid("Tls", name, objectionsToTls(args), this);
    this.secretName = `${args.app}-tls`;
    const metadata = { name: args.app, namespace: args.namespace, labels: { ...appLabels(args.app) } };

    this.certManager =
      args.certManager === "install"
        ? new certManager.CertManager(
            ...transformed<certManager.CertManagerArgs>(
              args.transform?.certManager,
              `${name}-cert-manager`,
              { installCRDs: true, helmOptions: { name: "cert-manager", namespace: "cert-manager", createNamespace: true } },
              { parent: this, ...after(opts) },
            ),
          )
        : undefined;
    const order = this.certManager === undefined ? after(opts) : { dependsOn: [this.certManager] };

    this.issuer = new k8s.apiextensions.CustomResource(
      ...transformed<CustomResourceArgs>(
        args.transform?.issuer,
        `${name}-issuer`,
        { apiVersion: "cert-manager.io/v1", kind: "Issuer", metadata: { ...metadata, annotations: awaiting("Issuer") }, spec: issuerSpec(args) },
        { parent: this, ...order },
      ),
    );

    this.certificate = new k8s.apiextensions.CustomResource(
      ...transformed<CustomResourceArgs>(
        args.transform?.certificate,
        `${name}-certificate`,
        {
          apiVersion: "cert-manager.io/v1",
          kind: "Certificate",
          // An ACME challenge needs the Gateway, and the Gateway waits for this: nobody may wait for both.
          metadata: { ...metadata, annotations: args.issuer.type === "acme" ? { "pulumi.com/skipAwait": "true" } : awaiting("Certificate") },
          spec: {
            secretName: this.secretName,
            dnsNames: [args.hostname],
            duration: args.duration ?? "2160h",
            renewBefore: args.renewBefore ?? "720h",
            issuerRef: { group: "cert-manager.io", kind: "Issuer", name: this.issuer.metadata.name },
            privateKey: { algorithm: args.algorithm ?? "ECDSA", size: args.keySize ?? 256, rotationPolicy: "Always" },
            usages: ["digital signature", "server auth"],
          },
        },
        { parent: this, dependsOn: [this.issuer] },
      ),
    );

    this.registerOutputs({ secretName: this.secretName });
  }
}

function issuerSpec(args: TlsArgs): object {
  const { issuer, app } = args;
  switch (issuer.type) {
    case "acme": {
      const gateway = { group: "gateway.networking.k8s.io", kind: "Gateway", name: args.gatewayName };
      return {
        acme: {
          server: issuer.server,
          email: issuer.email,
          privateKeySecretRef: { name: `${app}-acme-account` },
          solvers: [{ http01: { gatewayHTTPRoute: { parentRefs: [gateway] } } }],
        },
      };
    }
    case "ca":
      return { ca: { secretName: issuer.caSecret } };
    case "selfSigned":
      return { selfSigned: {} };
  }
}

function objectionsToTls(args: TlsArgs): Objection[] {
  return args.issuer.type === "acme" && args.gatewayName === undefined
    ? [{ path: "gatewayName", value: undefined, rule: "the Gateway's name where the issuer is acme", fix: "The challenge is answered through it." }]
    : [];
}
