import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import { appLabels } from "./labels.ts";
import { after } from "./ordering.ts";
import { type Transform, transformed } from "./transform.ts";

type PolicyArgs = k8s.admissionregistration.v1.ValidatingAdmissionPolicyArgs;
type BindingArgs = k8s.admissionregistration.v1.ValidatingAdmissionPolicyBindingArgs;

/** The annotation of the target that breaks off a running analysis: its value is the Canary's `status.lastAppliedSpec`, so it serves once. */
const interruptAnnotation = "rlhf-audit-trail.dev/interrupt-analysis";

/** From the first look at a revision until the last pod of the old one is gone. */
const judging = ["Waiting", "Progressing", "WaitingPromotion", "Promoting", "Finalising"];

/** Edits of the lock's children. */
export interface LockTransforms {
  readonly lock?: Transform<PolicyArgs>;
  readonly lockBinding?: Transform<BindingArgs>;
}

/** Whose target is locked. */
export interface ReleaseLockArgs {
  /** The application's name: that of the target and of its Canary. */
  readonly app: string;
  /** Their namespace. */
  readonly namespace: pulumi.Input<string>;
}

/**
 * Refuses another revision while one is judged. Flagger would give it the running one's share of the traffic before any check of its own.
 * The API server itself decides (ValidatingAdmissionPolicy), whoever asks: it looks at the Canary's phase whenever the target's pod template
 * changes. Scaling and everything else of the Deployment stay free. Both objects are the cluster's, so their names carry the namespace.
 */
export class ReleaseLock extends pulumi.ComponentResource {
  /** @internal */
  static readonly __pulumiType: string = "rlhf-audit-trail:delivery:ReleaseLock";

  /** What is refused, and in which words. */
  readonly policy: k8s.admissionregistration.v1.ValidatingAdmissionPolicy;
  /** Where: the one namespace, by the one Canary. */
  readonly binding: k8s.admissionregistration.v1.ValidatingAdmissionPolicyBinding;

  constructor(name: string, args: ReleaseLockArgs & { readonly transform?: LockTransforms }, opts?: pulumi.ComponentResourceOptions) {
    super(ReleaseLock.__pulumiType, name, {}, opts);
    const child = { parent: this, ...after(opts) };
    const metadata = { name: pulumi.interpolate`${args.app}-release-lock.${args.namespace}`, labels: { ...appLabels(args.app) } };

    this.policy = new k8s.admissionregistration.v1.ValidatingAdmissionPolicy(
      ...transformed<PolicyArgs>(args.transform?.lock, `${name}-policy`, { metadata, spec: policySpec(args.app) }, child),
    );
    this.binding = new k8s.admissionregistration.v1.ValidatingAdmissionPolicyBinding(
      ...transformed<BindingArgs>(
        args.transform?.lockBinding,
        `${name}-binding`,
        {
          metadata,
          spec: {
            policyName: this.policy.metadata.name,
            validationActions: ["Deny"],
            matchResources: { namespaceSelector: { matchLabels: { "kubernetes.io/metadata.name": args.namespace } } },
            // Before the Canary is there, nothing is judged.
            paramRef: { name: args.app, namespace: args.namespace, parameterNotFoundAction: "Allow" },
          },
        },
        child,
      ),
    );
    this.registerOutputs({ policy: this.policy.metadata.name });
  }
}

function policySpec(app: string): PolicyArgs["spec"] {
  const given = `object.metadata.?annotations['${interruptAnnotation}'].orValue('')`;
  return {
    failurePolicy: "Fail",
    paramKind: { apiVersion: "flagger.app/v1beta1", kind: "Canary" },
    matchConstraints: {
      resourceRules: [{ apiGroups: ["apps"], apiVersions: ["v1"], operations: ["UPDATE"], resources: ["deployments"], resourceNames: [app] }],
    },
    // A changed pod template is a revision; replicas, labels and annotations of the Deployment itself are none.
    matchConditions: [{ name: "another-revision", expression: "object.spec.template != oldObject.spec.template" }],
    variables: [
      { name: "phase", expression: "params.?status.phase.orValue('')" },
      { name: "judged", expression: "params.?status.lastAppliedSpec.orValue('')" },
    ],
    validations: [
      {
        expression: `!(variables.phase in [${judging.map((phase) => `'${phase}'`).join(", ")}]) || (variables.judged != '' && ${given} == variables.judged)`,
        messageExpression:
          `"a release of " + object.metadata.name + " is being judged (Canary " + params.metadata.name + " is " + variables.phase + "); ` +
          `another revision would get its share of the traffic unchecked. Wait until it is promoted or taken back, then try again. ` +
          `To break it off, with the running share of the traffic going to what you push: annotate the Deployment with ${interruptAnnotation}=" + variables.judged`,
        reason: "Forbidden",
      },
    ],
  };
}
