/** Sound manifests, and ways to spoil them: from these the rules' examples are made. */
import { isObj, type Obj } from "../value.ts";

const DIGEST = `sha256:${"4e".repeat(32)}`;

/** Merges a patch into an object, deeply; `undefined` in the patch removes the key, arrays are replaced. */
export function patched(base: Obj, patch: Obj): Obj {
  const result: Record<string, unknown> = { ...base };
  for (const [key, value] of Object.entries(patch)) {
    const old = result[key];
    if (value === undefined) Reflect.deleteProperty(result, key);
    else result[key] = isObj(value) && isObj(old) ? patched(old, value) : value;
  }
  return result;
}

const SOUND_CONTAINER: Obj = {
  name: "app",
  image: `registry.example.com/app@${DIGEST}`,
  imagePullPolicy: "Always",
  ports: [{ name: "http", containerPort: 8000 }],
  resources: { requests: { cpu: "500m", memory: "1Gi", "ephemeral-storage": "1Gi" }, limits: { cpu: "1", memory: "1Gi", "ephemeral-storage": "1Gi" } },
  startupProbe: { httpGet: { path: "/ready", port: "http" }, failureThreshold: 30 },
  livenessProbe: { httpGet: { path: "/health", port: "http" } },
  readinessProbe: { httpGet: { path: "/ready", port: "http" } },
  securityContext: {
    privileged: false,
    allowPrivilegeEscalation: false,
    readOnlyRootFilesystem: true,
    runAsNonRoot: true,
    runAsUser: 10001,
    runAsGroup: 10001,
    capabilities: { drop: ["ALL"] },
    seccompProfile: { type: "RuntimeDefault" },
  },
};

const SOUND_SPEC: Obj = {
  serviceAccountName: "app",
  automountServiceAccountToken: false,
  priorityClassName: "standard",
  imagePullSecrets: [{ name: "registry" }],
  securityContext: { runAsNonRoot: true, runAsUser: 10001, runAsGroup: 10001, fsGroup: 10001, seccompProfile: { type: "RuntimeDefault" } },
  topologySpreadConstraints: [{ maxSkew: 1, topologyKey: "kubernetes.io/hostname", whenUnsatisfiable: "ScheduleAnyway", labelSelector: { matchLabels: { app: "app" } } }],
};

/** A sound container, patched. */
function container(patch: Obj = {}): Obj {
  return patched(SOUND_CONTAINER, patch);
}

/** A sound pod spec with one container, patched. */
export function podSpec(containerPatch: Obj = {}, specPatch: Obj = {}): Obj {
  return patched({ ...SOUND_SPEC, containers: [container(containerPatch)] }, specPatch);
}

/** A sound Pod, its container and spec patched. */
export function pod(containerPatch: Obj = {}, specPatch: Obj = {}, metadataPatch: Obj = {}): Obj {
  return { apiVersion: "v1", kind: "Pod", metadata: metadata("app", metadataPatch), spec: podSpec(containerPatch, specPatch) };
}

/** Sound metadata in the namespace `shop`, patched. */
function metadata(name: string, patch: Obj = {}): Obj {
  return patched({ name, namespace: "shop", labels: { app: name } }, patch);
}

/** A sound Deployment; patches for its container, its pod spec and its own spec. */
export function deployment(containerPatch: Obj = {}, specPatch: Obj = {}, patch: Obj = {}): Obj {
  return patched(
    {
      apiVersion: "apps/v1",
      kind: "Deployment",
      metadata: metadata("app"),
      spec: {
        replicas: 3,
        strategy: { type: "RollingUpdate" },
        selector: { matchLabels: { app: "app" } },
        template: { metadata: { labels: { app: "app" } }, spec: podSpec(containerPatch, specPatch) },
      },
    },
    patch,
  );
}

/** A Service with one port, labelled as the sound workload is. */
export function serviceFor(selector: Obj, spec: Obj = {}, name = "app"): Obj {
  return manifest("v1", "Service", { metadata: { labels: { app: "app" } }, spec: { selector, ports: [{ port: 80, name: "http" }], ...spec } }, name);
}

/** Any other object. */
export function manifest(apiVersion: string, kind: string, body: Obj, name = "app"): Obj {
  return patched({ apiVersion, kind, metadata: metadata(name) }, body);
}
