import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import { awaiting } from "./awaiting.ts";
import { type Objection, refuseInvalid } from "./invalidArgument.ts";
import { appLabels } from "./labels.ts";
import { secretVariables } from "./podTemplate.ts";
import { after } from "./ordering.ts";
import { type Transform, transformed } from "./transform.ts";

type CustomResourceArgs = k8s.apiextensions.CustomResourceArgs;

/** The keys of the application's Secret. */
type SecretKey = (typeof secretVariables)[keyof typeof secretVariables];

/** A vault's key-value engine, version 2, and how to log in to it. */
export interface VaultArgs {
  /** Address, `https://…`. */
  readonly address: pulumi.Input<string>;
  /** Mount path of the engine. @default "secret" */
  readonly path?: pulumi.Input<string>;
  /** `kubernetes`: the vault asks the cluster about the token. `jwt`: it checks the token's signature itself. @default "kubernetes" */
  readonly auth?: "kubernetes" | "jwt";
  /** Mount path of the auth method. @default - the auth method's name */
  readonly mount?: pulumi.Input<string>;
  /** Role that may read the three keys and nothing else. */
  readonly role: pulumi.Input<string>;
  /** Audience that the token is made out to. @default "vault" */
  readonly audience?: pulumi.Input<string>;
  /** How often the vault is read, as a duration. @default "15m" */
  readonly refreshInterval?: pulumi.Input<string>;
  /** Where each key lies below the mount. */
  readonly keys: Readonly<Record<SecretKey, { readonly key: pulumi.Input<string>; readonly property: pulumi.Input<string> }>>;
}

/** Where the application's Secret comes from. Its values are never an argument. */
export interface StackSecretsArgs {
  /** The application's name. */
  readonly app: string;
  /** Namespace of everything that is made. */
  readonly namespace: pulumi.Input<string>;
  /** Name of the Secret. @default "rlhf-secrets" */
  readonly secretName?: pulumi.Input<string>;
  /** `existing`: somebody else makes the Secret, and nothing is made here. Otherwise External Secrets keeps it in step with a vault. */
  readonly source: "existing" | VaultArgs;
  /** Edits of the children. */
  readonly transform?: {
    readonly serviceAccount?: Transform<k8s.core.v1.ServiceAccountArgs>;
    readonly secretStore?: Transform<CustomResourceArgs>;
    readonly externalSecret?: Transform<CustomResourceArgs>;
  };
}

/**
 * The application's Secret, by External Secrets (`external-secrets.io/v1`): a SecretStore that logs in with a short-lived token of its
 * own ServiceAccount, and an ExternalSecret with the three keys. No secret value passes through the program or its state.
 */
export class StackSecrets extends pulumi.ComponentResource {
  /** @internal */
  static readonly __pulumiType: string = "rlhf-audit-trail:secrets:StackSecrets";

  /** Who logs in to the vault. */
  readonly serviceAccount: k8s.core.v1.ServiceAccount | undefined;
  /** The vault. */
  readonly secretStore: k8s.apiextensions.CustomResource | undefined;
  /** The three keys. */
  readonly externalSecret: k8s.apiextensions.CustomResource | undefined;
  /** Name of the Secret; what uses it is made after it. */
  readonly secretName: pulumi.Output<string>;

  constructor(name: string, args: StackSecretsArgs, opts?: pulumi.ComponentResourceOptions) {
    super(StackSecrets.__pulumiType, name, {}, opts);
    const secretName = pulumi.output(args.secretName ?? "rlhf-secrets");
    const { source } = args;
    if (source === "existing") {
      this.secretName = secretName;
      this.registerOutputs({ secretName });
      return;
    }
    refuseInvalid("StackSecrets", name, objectionsToVault(source), this);

    const child = { parent: this, ...after(opts) };
    const labelled = { namespace: args.namespace, labels: { ...appLabels(args.app) } };

    this.serviceAccount = new k8s.core.v1.ServiceAccount(
      ...transformed<k8s.core.v1.ServiceAccountArgs>(
        args.transform?.serviceAccount,
        `${name}-service-account`,
        { metadata: { ...labelled, name: `${args.app}-secrets` }, automountServiceAccountToken: false },
        child,
      ),
    );

    this.secretStore = new k8s.apiextensions.CustomResource(
      ...transformed<CustomResourceArgs>(
        args.transform?.secretStore,
        `${name}-store`,
        {
          apiVersion: "external-secrets.io/v1",
          kind: "SecretStore",
          metadata: { ...labelled, name: "vault-backend", annotations: awaiting("SecretStore") },
          spec: {
            provider: {
              vault: { server: source.address, path: source.path ?? "secret", version: "v2", auth: vaultAuth(source, this.serviceAccount.metadata.name) },
            },
          },
        },
        child,
      ),
    );

    this.externalSecret = new k8s.apiextensions.CustomResource(
      ...transformed<CustomResourceArgs>(
        args.transform?.externalSecret,
        `${name}-external-secret`,
        {
          apiVersion: "external-secrets.io/v1",
          kind: "ExternalSecret",
          metadata: { ...labelled, name: secretName, annotations: awaiting("ExternalSecret") },
          spec: {
            refreshInterval: source.refreshInterval ?? "15m",
            secretStoreRef: { kind: "SecretStore", name: this.secretStore.metadata.name },
            target: {
              name: secretName,
              creationPolicy: "Owner",
              deletionPolicy: "Retain",
              // Flagger copies tracked Secrets at promotion only: after a rotation the primary would go on with the old password.
              template: { metadata: { annotations: { "flagger.app/config-tracking": "disabled" } } },
            },
            data: Object.values(secretVariables).map((secretKey) => ({ secretKey, remoteRef: { ...source.keys[secretKey] } })),
          },
        },
        { ...child, dependsOn: [this.secretStore] },
      ),
    );

    this.secretName = this.externalSecret.metadata.name;
    this.registerOutputs({ secretName: this.secretName });
  }
}

function vaultAuth(vault: VaultArgs, serviceAccount: pulumi.Output<string>): object {
  const { auth = "kubernetes", audience = "vault", role } = vault;
  const mount = vault.mount ?? auth;
  return auth === "kubernetes"
    ? { kubernetes: { mountPath: mount, role, serviceAccountRef: { name: serviceAccount, audiences: [audience] } } }
    : {
        jwt: {
          path: mount,
          role,
          kubernetesServiceAccountToken: { serviceAccountRef: { name: serviceAccount, audiences: [audience] }, expirationSeconds: 600 },
        },
      };
}

function objectionsToVault(vault: VaultArgs): Objection[] {
  const missing = Object.values(secretVariables).filter((key) => (vault.keys as Partial<VaultArgs["keys"]>)[key] === undefined);
  return [
    ...missing.map((key) => ({
      path: `source.keys.${key}`,
      value: undefined,
      rule: "a key and a property in the vault",
      fix: "Say where it lies below the mount.",
    })),
    ...(typeof vault.address === "string" && !vault.address.startsWith("https://")
      ? [{ path: "source.address", value: vault.address, rule: "an https:// address", fix: "A token sent in the clear is everybody's." }]
      : []),
  ];
}
