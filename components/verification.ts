import type * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import { contentHash } from "./contentHash.ts";
import type { Objection } from "./invalidArgument.ts";
import { type SlotName, appLabels, verificationLabels } from "./labels.ts";
import { imageDigest } from "./podTemplate.ts";
import { containerSecurity, podDns, podSecurity } from "./podSecurity.ts";
import { verificationScript } from "./verificationScript.ts";

/** How a slot proves itself before it may carry traffic. */
export interface VerificationArgs {
  /** Image that the check runs in; the default command needs `node` in it. @default - the slot's own image, which is on the node already */
  readonly image?: pulumi.Input<string>;
  /** The check; it ends with status 0 if the slot may carry traffic. @default - asks /health, /ready and /version of the slot's Service, `checks` times */
  readonly command?: readonly string[];
  /** Rounds that must pass one after the other, each on new connections. @default 5 */
  readonly checks?: number;
  /** Time for all of it, in seconds. @default 60 */
  readonly timeoutSeconds?: number;
  /** A release's id: another one verifies the same template again. @default - none */
  readonly run?: pulumi.Input<string>;
}

/** What is to be verified. */
export interface VerificationSubject {
  readonly app: string;
  readonly slot: SlotName;
  readonly namespace: pulumi.Input<string>;
  readonly image: pulumi.Input<string>;
  readonly imagePullSecrets?: readonly pulumi.Input<string>[] | undefined;
  /** Name of the slot's own Service, port 80. */
  readonly serviceName: pulumi.Input<string>;
  readonly serviceAccountName: pulumi.Input<string>;
  /** Hash of the slot's pod template. */
  readonly templateHash: pulumi.Input<string>;
}

/** What is wrong with the arguments, if anything. */
export function objectionsToVerification(args: VerificationArgs): Objection[] {
  const { checks = 5, timeoutSeconds = 60 } = args;
  const objections: Objection[] = [];
  if (!Number.isInteger(checks) || checks < 1) {
    objections.push({ path: "verification.checks", value: checks, rule: "a whole number from 1", fix: "A slot that nobody asked has proved nothing." });
  }
  if (timeoutSeconds < checks * 2) {
    objections.push({
      path: "verification.timeoutSeconds",
      value: timeoutSeconds,
      rule: `at least 2 seconds for each of ${checks} checks`,
      fix: `Set it to ${checks * 2} or more.`,
    });
  }
  return objections;
}

/**
 * The Job that verifies one slot. A Job can't change, so its name is its content: the hash of the slot's pod template and of its own.
 * It is tried once: a check that passes only sometimes has failed. A failed one is made again by the next `up`.
 */
export function verificationJob(args: VerificationArgs, subject: VerificationSubject): k8s.batch.v1.JobArgs {
  const timeoutSeconds = args.timeoutSeconds ?? 60;
  const template: k8s.types.input.core.v1.PodTemplateSpec = {
    metadata: { labels: { ...verificationLabels(subject.app) } },
    spec: {
      restartPolicy: "Never",
      serviceAccountName: subject.serviceAccountName,
      automountServiceAccountToken: false,
      enableServiceLinks: false,
      dnsConfig: podDns,
      securityContext: podSecurity(),
      ...(subject.imagePullSecrets === undefined ? {} : { imagePullSecrets: subject.imagePullSecrets.map((name) => ({ name })) }),
      containers: [
        {
          name: "verification",
          image: args.image ?? subject.image,
          imagePullPolicy: "IfNotPresent",
          command: [...(args.command ?? ["node", "-e", verificationScript])],
          env: [
            { name: "TARGET", value: pulumi.interpolate`http://${subject.serviceName}` },
            { name: "EXPECTED_SLOT", value: subject.slot },
            { name: "EXPECTED_DIGEST", value: imageDigest(subject.image) },
            { name: "CHECKS", value: String(args.checks ?? 5) },
            { name: "TIMEOUT_SECONDS", value: String(timeoutSeconds) },
          ],
          resources: {
            requests: { cpu: "50m", memory: "128Mi", "ephemeral-storage": "16Mi" },
            limits: { cpu: "500m", memory: "128Mi", "ephemeral-storage": "64Mi" },
          },
          securityContext: containerSecurity(),
        },
      ],
    },
  };
  const run = args.run ?? "";
  const hash = pulumi.output([subject.templateHash, run, template]).apply(contentHash);
  return {
    metadata: {
      name: pulumi.interpolate`${subject.app}-${subject.slot}-verification-${hash}`,
      namespace: subject.namespace,
      labels: { ...appLabels(subject.app), version: subject.slot },
      annotations: {
        "rlhf-audit-trail.dev/template-hash": subject.templateHash,
        ...(args.run === undefined ? {} : { "rlhf-audit-trail.dev/run": args.run }),
        "pulumi.com/replaceUnready": "true",
      },
    },
    // The pod gives up by itself with a reason; the Job's own limit, with room for a start, is for one that hangs.
    spec: { backoffLimit: 0, activeDeadlineSeconds: timeoutSeconds + 60, template },
  };
}
