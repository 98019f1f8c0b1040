/** Manifests to measure scanners by: Deployments as teams write them, alike and each a little other. */
import { closeSync, openSync, writeSync } from "node:fs";

/** The i-th Deployment, as an object. Every fourth writes to its root file system, none has a digest. */
export function deploymentAt(i: number): Record<string, unknown> {
  const name = `app-${i}`;
  const labels = { app: name, "app.kubernetes.io/name": name };
  return {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: { name, namespace: `team-${i % 50}`, labels },
    spec: {
      replicas: 3,
      selector: { matchLabels: { app: name } },
      template: {
        metadata: { labels },
        spec: {
          serviceAccountName: name,
          automountServiceAccountToken: false,
          securityContext: { runAsNonRoot: true, runAsUser: 10001, seccompProfile: { type: "RuntimeDefault" } },
          containers: [
            {
              name: "app",
              image: `registry.example.com/team/${name}:1.2.${i}`,
              ports: [{ name: "http", containerPort: 8080 }],
              env: [{ name: "LOG_LEVEL", value: "info" }, { name: "REGION", value: "eu-central-1" }],
              resources: { requests: { cpu: "100m", memory: "128Mi" }, limits: { memory: "256Mi" } },
              livenessProbe: { httpGet: { path: "/live", port: "http" } },
              readinessProbe: { httpGet: { path: "/ready", port: "http" } },
              securityContext: { allowPrivilegeEscalation: false, readOnlyRootFilesystem: i % 4 !== 0, capabilities: { drop: ["ALL"] } },
            },
          ],
        },
      },
    },
  };
}

/** Writes many Deployments to one YAML file, a document each, as people write them: in blocks. */
export async function writeDeployments(file: string, count: number): Promise<void> {
  const { dump } = await import("js-yaml");
  const descriptor = openSync(file, "w");
  try {
    for (let i = 0; i < count; i++) writeSync(descriptor, `---\n${dump(deploymentAt(i))}`);
  } finally {
    closeSync(descriptor);
  }
}
