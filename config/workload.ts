import { z } from "zod";
import { key } from "./key.ts";
import { cpu, dnsLabel, integer, memory, oneOf, port } from "./values.ts";

/** What one pod asks for and may use. */
export const resources = key(
  z
    .strictObject({
      requests: key(
        z
          .strictObject({
            cpu: cpu({ description: "CPU that the scheduler reserves for one pod." }).prefault("500m"),
            memory: memory({ description: "Memory that the scheduler reserves for one pod." }).prefault("1Gi"),
          })
          .prefault({}),
        { description: "What the scheduler reserves for one pod." },
      ),
      limits: key(
        z
          .strictObject({
            cpu: cpu({ description: "CPU above which a pod is throttled." }).prefault("2"),
            memory: memory({ description: "Memory above which a pod is killed." }).prefault("4Gi"),
          })
          .prefault({}),
        { description: "What one pod may use at most." },
      ),
    })
    .prefault({}),
  { description: "CPU and memory of one pod." },
);

/** The autoscaler that a canary's target always has. */
export const autoscaling = key(
  z
    .strictObject({
      maxReplicas: integer(1, 200, {
        description: "Most pods that the autoscaler starts; the fewest are `replicas`.",
        unit: "pods",
      }).default(6),
      cpuUtilization: integer(10, 95, {
        description: "Average CPU use, of what is requested, that the autoscaler aims at.",
        unit: "percent",
      }).default(70),
    })
    .prefault({}),
  { description: "The autoscaler of the canary strategy. Blue-green runs exactly `replicas` pods in each slot." },
);

/** How many pods a node drain may take at once. */
export const podDisruption = key(
  z
    .strictObject({
      maxUnavailable: integer(1, 100, {
        description: "Pods of one slot that a voluntary disruption may take away at once.",
        unit: "pods",
      }).default(1),
    })
    .prefault({}),
  {
    description:
      "The PodDisruptionBudget. It bounds what may be away rather than what must stay, so that it can never block a node drain for ever.",
  },
);

/** Where the audit_storage check of /health writes. */
export const auditStorage = key(
  z
    .strictObject({
      type: oneOf(["ephemeral", "persistent"], {
        description:
          "`ephemeral` is an emptyDir that ends with its pod; `persistent` is a PersistentVolumeClaim that all pods share.",
      }).default("ephemeral"),
      size: memory({ description: "Size of the volume." }).prefault("1Gi"),
      storageClass: dnsLabel({
        description: "StorageClass of a persistent volume; the cluster's default class where absent.",
        example: "shared-files",
      }).optional(),
      accessMode: oneOf(["ReadWriteOnce", "ReadWriteMany"], {
        description: "Access mode of a persistent volume.",
      }).default("ReadWriteMany"),
    })
    .prefault({}),
  { description: "The audit storage volume. The audit trail itself lies in PostgreSQL." },
);

/** The Service in front of the pods. */
export const service = key(
  z
    .strictObject({
      type: oneOf(["ClusterIP", "LoadBalancer"], {
        description:
          "How the live Service is reached: behind the Gateway (`ClusterIP`), or by a load balancer of its own, without TLS.",
      }).default("ClusterIP"),
      port: port({ description: "Port of the Services; they forward to `port` of the pods." }).default(80),
    })
    .prefault({}),
  { description: "The live Service and its companions." },
);
