import * as pulumi from "@pulumi/pulumi";
import { seconds } from "./config/duration.ts";
import { stackConfig } from "./config/runtime.ts";
import * as parts from "./components/index.ts";

const config = stackConfig();
const { gateway, network, secrets, tls } = config;
const app = "rlhf-audit-trail";

// The ground: a namespace that admits only restricted pods, in which nobody talks to anybody without a reason.
const { name: namespace } = new parts.Namespace(app, { namespace: config.namespace, quota: config.quota });
const place = { app, namespace };
const zeroTrust = new parts.ZeroTrustNetwork(`${app}-network`, {
  ...place,
  port: config.port,
  ingress: network.ingress.namespace,
  ...(config.service.type === "LoadBalancer" && { clientCidrs: ["0.0.0.0/0", "::/0"] }),
  database: network.database,
  redis: network.redis,
  dns: network.dns,
  monitoring: network.monitoring.namespace,
  verification: config.strategy === "blueGreen",
  ...(config.strategy === "canary" && {
    load: config.canary.load.enabled,
    ...(config.canary.gates.enabled && {
      gates: { ...network.gates, own: network.gates.namespace === config.namespace, callers: network.flagger.namespace, apiServer: network.apiServer },
    }),
  }),
  acmeSolver: tls.enabled && tls.issuer.type === "acme",
});
const { secretName } = new parts.StackSecrets(`${app}-secrets`, {
  ...place,
  secretName: secrets.name,
  source: secrets.source === "existing" ? "existing" : { ...secrets.store, refreshInterval: secrets.refreshInterval, keys: secrets.keys },
});
const { type: storage, ...volume } = config.auditStorage;
const auditVolume = storage === "persistent" ? new parts.AuditVolume(`${app}-audit-volume`, { ...place, ...volume }) : undefined;

// The way in: a certificate, and a Gateway that serves it.
const certificate =
  gateway.enabled && tls.enabled ? new parts.Tls(`${app}-tls`, { ...place, ...tls, hostname: gateway.hostname, gatewayName: gateway.name }) : undefined;
const served = certificate && { dependsOn: certificate.certificate };
const entrance = gateway.enabled
  ? new parts.PublicGateway(`${app}-entrance`, { ...place, ...gateway, gatewayName: gateway.name, tlsSecretName: certificate?.secretName }, served)
  : undefined;

// The application, and how a release of it reaches the users.
const workload = {
  ...place,
  environment: config.environment,
  logLevel: config.logLevel,
  secretName,
  port: config.port,
  resources: config.resources,
  maxUnavailable: config.podDisruption.maxUnavailable,
  auditStorage: auditVolume
    ? ({ kind: "claim", claimName: auditVolume.claim.metadata.name } as const)
    : ({ kind: "ephemeral", sizeLimit: volume.size } as const),
};
const options = { dependsOn: [...Object.values(zeroTrust.policies), ...(entrance ? [entrance.gateway] : [])] };

const { active, bake, slots, progressDeadline, verificationTimeout } = config.blueGreen;
// Kubernetes counts whole seconds.
const limits = {
  progressDeadlineSeconds: Math.ceil(seconds(progressDeadline)),
  verification: { timeoutSeconds: Math.ceil(seconds(verificationTimeout)) },
};
const blueGreen =
  config.strategy === "blueGreen"
    ? new parts.BlueGreen(app, { ...workload, active, slots, replicas: config.replicas, service: config.service, ...limits }, options)
    : undefined;
if (blueGreen && entrance) {
  new parts.LiveRoute(`${app}-live`, { ...place, entrance, serviceName: blueGreen.liveService.metadata.name, servicePort: config.service.port });
}

const { maxWeight, stepWeight, traffic, gates, provider, prometheus, lock, load, ...judged } = config.canary;
const { enabled: gated, approval, ...asked } = gates;
const token = config.gateToken === undefined ? undefined : pulumi.secret(config.gateToken);
const releaseGates = gated ? parts.releaseGates(network.gates.namespace, { ...asked, token, ...(approval.required && { approval: { timeout: approval.timeout } }) }) : [];
const canary =
  config.strategy === "canary" && entrance
    ? new parts.Canary(
        app,
        {
          ...workload,
          image: config.image,
          provider,
          prometheus,
          gateway: { name: entrance.gatewayName, namespace, sectionName: entrance.sectionName, hosts: [entrance.hostname] },
          servicePort: config.service.port,
          autoscaling: { minReplicas: config.replicas, ...config.autoscaling },
          analysis: { ...judged, traffic: parts.canaryTraffic({ ...traffic, maxWeight, stepWeight }, tls.enabled), gates: releaseGates },
          lock,
          ...(load.enabled && { load }),
        },
        options,
      )
    : undefined;

export = {
  strategy: config.strategy,
  namespace,
  /** Where users come in: the Gateway, or without one the live Service. */
  serviceEndpoint: entrance?.endpoint ?? blueGreen?.liveEndpoint,
  /** The slot with traffic, the one that the next release goes to, where that is reached inside the cluster, what runs in both, and how a release is judged. */
  ...(blueGreen && {
    activeSlot: blueGreen.activeSlot,
    idleSlot: blueGreen.idleSlot,
    previewEndpoint: blueGreen.previewEndpoint,
    images: { blue: slots.blue.image, green: slots.green.image },
    bake: { ...bake, availability: config.slo.availability, prometheus: config.canary.prometheus },
  }),
  /** What is released, and how long Flagger takes when all is well and when not, in seconds. */
  ...(canary && { images: { canary: config.image }, canaryTimes: canary.times }),
};
