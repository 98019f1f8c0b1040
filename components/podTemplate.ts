import * as pulumi from "@pulumi/pulumi";
import type * as k8s from "@pulumi/kubernetes";
import { type SlotName, servingLabels, slotSelector } from "./labels.ts";
import { containerSecurity, podDns, podSecurity } from "./podSecurity.ts";
import type { Objection } from "./invalidArgument.ts";

type PodTemplateSpec = k8s.types.input.core.v1.PodTemplateSpec;
type Volume = k8s.types.input.core.v1.Volume;

/**
 * Where the audit trail's files go, mounted at `/var/lib/audit-trail`.
 * `ephemeral`: a volume of the pod, `sizeLimit` (a quantity) large, gone with it; the records themselves are in PostgreSQL.
 * `claim`: an existing PersistentVolumeClaim, which both slots and all replicas must be able to mount at once (ReadWriteMany).
 */
type AuditStorage =
  { readonly kind: "ephemeral"; readonly sizeLimit?: pulumi.Input<string> } | { readonly kind: "claim"; readonly claimName: pulumi.Input<string> };

/** CPU, memory and other resources by name, as Kubernetes quantities. */
interface ResourceAmounts {
  /** What is set aside for the container. @default - cpu 500m, memory 1Gi, ephemeral-storage 256Mi, each by itself */
  readonly requests?: Readonly<Record<string, pulumi.Input<string>>>;
  /** What it can't exceed. @default - cpu 2, memory 4Gi, ephemeral-storage 2Gi, each by itself */
  readonly limits?: Readonly<Record<string, pulumi.Input<string>>>;
}

/** How a pod of the application takes its leave. All in seconds. */
interface Shutdown {
  /** Pause before SIGTERM, in which the endpoint is taken out of the Services. @default 5 */
  readonly preStopSeconds?: number;
  /** Time for requests in flight after SIGTERM. @default 20 */
  readonly drainSeconds?: number;
  /** When the kubelet kills what is left; must exceed the two others together. @default 30 */
  readonly terminationGracePeriodSeconds?: number;
}

/** What a pod of the application is made of, whatever delivers it. */
export interface PodTemplateArgs {
  /** The application's name: label `app`, container name, prefix of object names. */
  readonly app: string;
  /** Image reference, by digest wherever it matters: `registry/repository@sha256:…`. */
  readonly image: pulumi.Input<string>;
  /** Value of `ENVIRONMENT`. */
  readonly environment: pulumi.Input<string>;
  /** Value of `LOG_LEVEL`. @default "INFO" */
  readonly logLevel?: pulumi.Input<string>;
  /** Name of the Secret with the keys `database-url`, `redis-url` and `encryption-key`. */
  readonly secretName: pulumi.Input<string>;
  /** Port that the container listens on. @default 8000 */
  readonly port?: pulumi.Input<number>;
  /** Requests and limits; what is left out keeps its default. */
  readonly resources?: ResourceAmounts;
  /** How pods take their leave. */
  readonly shutdown?: Shutdown;
  /** Where the audit trail's files go. @default - ephemeral, 1Gi */
  readonly auditStorage?: AuditStorage;
  /** Further environment variables, none of them secret. @default - none */
  readonly env?: Readonly<Record<string, pulumi.Input<string>>>;
  /** Names of the Secrets that open the registry. @default - none: the node's own credentials */
  readonly imagePullSecrets?: readonly pulumi.Input<string>[];
}

/** What the pod template needs beyond the arguments: its place in the delivery. */
export interface PodPlace {
  /** The slot, or undefined where there are no slots. */
  readonly slot?: SlotName | undefined;
  /** Name of the ServiceAccount. */
  readonly serviceAccountName: pulumi.Input<string>;
}

const defaultShutdown = { preStopSeconds: 5, drainSeconds: 20, terminationGracePeriodSeconds: 30 };
const defaultRequests = { cpu: "500m", memory: "1Gi", "ephemeral-storage": "256Mi" };

/** Limits of the container where none are given; the canary's metrics are shares of them. */
export const defaultLimits = { cpu: "2", memory: "4Gi", "ephemeral-storage": "2Gi" };

/** The keys of the application's Secret and the environment variables that they become. */
export const secretVariables = { DATABASE_URL: "database-url", REDIS_URL: "redis-url", ENCRYPTION_KEY: "encryption-key" } as const;

/** What is wrong with the arguments, if anything. Only plain values are judged. */
export function objectionsToPodTemplate(args: PodTemplateArgs): Objection[] {
  const { preStopSeconds, drainSeconds, terminationGracePeriodSeconds } = { ...defaultShutdown, ...args.shutdown };
  const objections: Objection[] = [];
  // The longest suffix made from it is a verification Job's, and pod names must stay within 63 characters to be host names.
  if (!/^[a-z]([-a-z0-9]{0,28}[a-z0-9])?$/.test(args.app)) {
    objections.push({
      path: "app",
      value: args.app,
      rule: "a DNS label of at most 30 characters",
      fix: "Use lower-case letters, digits and hyphens, beginning with a letter.",
    });
  }
  if (preStopSeconds < 1) {
    objections.push({
      path: "shutdown.preStopSeconds",
      value: preStopSeconds,
      rule: "at least 1 second",
      fix: "Without a pause requests reach a pod that no longer listens.",
    });
  }
  if (terminationGracePeriodSeconds <= preStopSeconds + drainSeconds) {
    objections.push({
      path: "shutdown.terminationGracePeriodSeconds",
      value: terminationGracePeriodSeconds,
      rule: `more than preStopSeconds ${preStopSeconds} + drainSeconds ${drainSeconds}`,
      fix: `Set it to ${preStopSeconds + drainSeconds + 5} or more, or requests in flight are cut off.`,
    });
  }
  return objections;
}

/**
 * The pod template of the application: the seed's container, hardened to Pod Security's `restricted`, with probes that tell
 * "can't start", "can't serve now" and "hangs" apart. Pure: the same arguments give the same template.
 */
export function podTemplate(args: PodTemplateArgs, place: PodPlace): PodTemplateSpec {
  const shutdown = { ...defaultShutdown, ...args.shutdown };
  const port = args.port ?? 8000;
  return {
    metadata: {
      labels: { ...servingLabels(args.app, place.slot) },
      annotations: { "prometheus.io/scrape": "true", "prometheus.io/port": pulumi.output(port).apply(String), "prometheus.io/path": "/metrics" },
    },
    spec: {
      serviceAccountName: place.serviceAccountName,
      automountServiceAccountToken: false,
      enableServiceLinks: false,
      dnsConfig: podDns,
      securityContext: podSecurity(),
      terminationGracePeriodSeconds: shutdown.terminationGracePeriodSeconds,
      topologySpreadConstraints: ["kubernetes.io/hostname", "topology.kubernetes.io/zone"].map((topologyKey) => ({
        maxSkew: 1,
        topologyKey,
        whenUnsatisfiable: "ScheduleAnyway",
        labelSelector: { matchLabels: { ...slotSelector(args.app, place.slot) } },
        matchLabelKeys: ["pod-template-hash"],
      })),
      ...(args.imagePullSecrets === undefined ? {} : { imagePullSecrets: args.imagePullSecrets.map((name) => ({ name })) }),
      containers: [
        {
          name: args.app,
          image: args.image,
          imagePullPolicy: "IfNotPresent",
          ports: [{ name: "http", containerPort: port, protocol: "TCP" }],
          env: environmentVariables(args, place.slot),
          resources: {
            requests: { ...defaultRequests, ...args.resources?.requests },
            limits: { ...defaultLimits, ...args.resources?.limits },
          },
          // Everything a pod depends on, once: one that can't reach its database never takes a request. It replaces fixed initial delays.
          startupProbe: { httpGet: { path: "/health", port: "http" }, periodSeconds: 2, timeoutSeconds: 5, failureThreshold: 60 },
          // Answered from memory, so that a late answer says only that processors are short, and of all pods at once: patient, as the last
          // one that is taken out is an outage. A pod that ends is taken out at its deletion, not by this.
          readinessProbe: { httpGet: { path: "/ready", port: "http" }, periodSeconds: 5, timeoutSeconds: 5, failureThreshold: 3 },
          // Answered from memory: /health here would restart every pod whenever the database is away, and heal nothing. Not counted as a
          // request either, or a canary that nobody asks would look busy.
          livenessProbe: { httpGet: { path: "/live", port: "http" }, periodSeconds: 10, timeoutSeconds: 5, failureThreshold: 3 },
          lifecycle: { preStop: { sleep: { seconds: shutdown.preStopSeconds } } },
          securityContext: containerSecurity(),
          volumeMounts: [
            { name: "tmp", mountPath: "/tmp" },
            { name: "audit-storage", mountPath: "/var/lib/audit-trail" },
          ],
        },
      ],
      volumes: [{ name: "tmp", emptyDir: { sizeLimit: "64Mi" } }, auditVolume(args.auditStorage ?? { kind: "ephemeral" })],
    },
  };
}

function environmentVariables(args: PodTemplateArgs, slot: SlotName | undefined): k8s.types.input.core.v1.EnvVar[] {
  const values: Record<string, pulumi.Input<string>> = {
    ENVIRONMENT: args.environment,
    LOG_LEVEL: args.logLevel ?? "INFO",
    PORT: pulumi.output(args.port ?? 8000).apply(String),
    IMAGE_DIGEST: imageDigest(args.image),
    ...(slot === undefined ? {} : { SLOT: slot }),
    ...args.env,
  };
  return [
    ...Object.entries(values).map(([name, value]) => ({ name, value })),
    ...Object.entries(secretVariables).map(([name, key]) => ({ name, valueFrom: { secretKeyRef: { name: args.secretName, key } } })),
  ];
}

/** The digest of an image reference (`sha256:…`), or an empty string where it has none. */
export function imageDigest(image: pulumi.Input<string>): pulumi.Output<string> {
  return pulumi.output(image).apply((reference) => reference.split("@")[1] ?? "");
}

function auditVolume(storage: AuditStorage): Volume {
  return storage.kind === "claim"
    ? { name: "audit-storage", persistentVolumeClaim: { claimName: storage.claimName } }
    : { name: "audit-storage", emptyDir: { sizeLimit: storage.sizeLimit ?? "1Gi" } };
}
