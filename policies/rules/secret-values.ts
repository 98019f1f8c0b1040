/** Secrets where they don't belong: environment, ConfigMaps, old token objects, and stores that reach too far. */
import { z } from "zod";
import { containerRule } from "../kubernetes/pods.ts";
import { annotation } from "../resource.ts";
import { resourceRule } from "../rule.ts";
import { get, has, isObj, list, text, within, type Obj } from "../value.ts";
import { manifest, pod } from "./examples.ts";

const SECRET_ENV = [{ name: "URL", valueFrom: { secretKeyRef: { name: "app", key: "url" } } }];

const byName = (allowed: readonly string[], name: string) => allowed.some((pattern) => (pattern.endsWith("*") ? name.startsWith(pattern.slice(0, -1)) : name === pattern));

export const secretsAsFiles = containerRule({
  id: "secrets-as-files", title: "Secrets reach a container as files, not as environment.", severity: "low",
  why: "The environment is printed by crash reports, inherited by every child, and never renewed while the program runs.", fix: "Mount the secret as a volume and read the file.",
  parameters: z.strictObject({ allowed: z.array(z.string()).default([]).describe("names of secrets that may stand in the environment; * at the end stands for anything") }),
  examples: {
    parameters: { allowed: ["public-*", "motd"] },
    pass: [pod(), pod({ envFrom: [{ secretRef: { name: "public-keys" } }] }), pod({ env: [{ name: "MOTD", valueFrom: { secretKeyRef: { name: "motd", key: "text" } } }] })],
    fail: [pod({ env: SECRET_ENV }), pod({ envFrom: [{ secretRef: { name: "app" } }] }), pod({ envFrom: [{ secretRef: { name: "motd-2" } }] })],
  },
  check: (container, { allowed }) =>
    ([["env", "valueFrom.secretKeyRef"], ["envFrom", "secretRef"]] as const).flatMap(([part, reference]) =>
      list(container.spec, part).flatMap((entry, index) => {
        const keys = reference.split(".");
        if (!has(entry, ...keys)) return [];
        const name = text(entry, ...keys, "name") ?? "";
        return byName(allowed, name) ? [] : [{ path: within(container.path, `${part}[${index}]`), message: `${container.label} has the secret ${name} in its environment` }];
      }),
    ),
});

export const noWholeSecretInEnv = containerRule({
  id: "no-whole-secret-in-env", title: "No container takes a whole Secret as its environment.", severity: "medium",
  why: "envFrom hands over every key, those added later too, under names that nobody wrote down.", fix: "Mount the Secret as files, or name the keys that are needed.",
  examples: { pass: [pod(), pod({ env: SECRET_ENV }), pod({ envFrom: [{ configMapRef: { name: "app" } }] })], fail: [pod({ envFrom: [{ configMapRef: { name: "app" } }, { prefix: "DB_", secretRef: { name: "app" } }] })] },
  check: (container) => list(container.spec, "envFrom").flatMap((entry, index) => (has(entry, "secretRef") ? [{ path: within(container.path, `envFrom[${index}].secretRef`), message: `${container.label} takes all of the secret ${text(entry, "secretRef", "name") ?? ""}` }] : [])),
});

const NAME = "(^|[_.-])(password|passwd|pwd|passphrase|secret|token|bearer|credentials?|api[_-]?key|apikey|access[_-]?key|private[_-]?key|(encryption|account|storage|batch|master|signing|ssh)[_-]?key|jwt)($|[_.-])";
const VALUE = "(AKIA[0-9A-Z]{16}|-----BEGIN [A-Z ]*PRIVATE KEY|gh[pousr]_[A-Za-z0-9]{30,}|xox[abprs]-[A-Za-z0-9-]{10,}|eyJ[A-Za-z0-9_-]{10,}\\.eyJ[A-Za-z0-9_-]{10,}|://[^/\\s:@]+:[^/\\s:@]+@)";
const patterns = z.strictObject({
  names: z.string().default(NAME).describe("regular expression on names"),
  values: z.string().default(VALUE).describe("regular expression on values; what it finds is never printed"),
  allowedNames: z.array(z.string()).default([]).describe("names that may stand with a value"),
});

/** Words that point at a secret rather than being one. */
const REFERENCE = /([_.-](file|path|name|ref|type|ttl|url|uri|header|expiry|expiration|algorithm|enabled|id)$)/i;

function looksSecret(name: string, value: string, { names, values, allowedNames }: z.output<typeof patterns>): boolean {
  if (allowedNames.includes(name) || value === "") return false;
  const spelled = name.replace(/([a-z0-9])([A-Z])/g, "$1_$2");
  const named = new RegExp(names, "i").test(spelled) && !REFERENCE.test(spelled) && !/^(true|false|\d{1,4}|\/.*|\$\(.*\))$/.test(value);
  return named || new RegExp(values).test(value);
}

export const noSecretInEnv = containerRule({
  id: "no-secret-in-env", title: "No environment variable carries a credential in clear.", severity: "high",
  why: "It stands in the program, the state, the cluster's API and every log of either.", fix: "Refer to a Secret that an ExternalSecret fills.",
  parameters: patterns,
  examples: { pass: [pod({ env: [{ name: "LOG_LEVEL", value: "INFO" }, ...SECRET_ENV] })], fail: [pod({ env: [{ name: "DB_PASSWORD", value: "example" }] }), pod({ env: [{ name: "URL", value: "postgres://ann:example@db/app" }] })] },
  check: (container, parameters) =>
    list(container.spec, "env").flatMap((entry, index) => {
      const name = text(entry, "name") ?? "";
      return looksSecret(name, text(entry, "value") ?? "", parameters) ? [{ path: within(container.path, `env[${index}].value`), message: `${container.label} has what looks like a credential in ${name}` }] : [];
    }),
});

export const noSecretInConfigMap = resourceRule({
  id: "no-secret-in-config-map", title: "No ConfigMap carries a credential.", severity: "high", kinds: ["ConfigMap"],
  why: "ConfigMaps are readable by far more accounts than Secrets, and not encrypted at rest.", fix: "Move it to the secret store.",
  parameters: patterns,
  examples: { pass: [manifest("v1", "ConfigMap", { data: { LOG_LEVEL: "INFO" } })], fail: [manifest("v1", "ConfigMap", { data: { "db.password": "example" } })] },
  check: ({ data }, parameters) => {
    const map = get(data, "data");
    return Object.keys(isObj(map) ? map : {}).flatMap((key) => (looksSecret(key, text(map, key) ?? "", parameters) ? [{ path: `data["${key}"]`, message: `what looks like a credential stands in ${key}` }] : []));
  },
});

export const noTokenSecret = resourceRule({
  id: "no-token-secret", title: "No service account token is kept in a Secret.", severity: "high", kinds: ["Secret", "ServiceAccount"],
  why: "Such tokens never expire.", fix: "Use projected tokens, which Kubernetes renews.",
  examples: { pass: [manifest("v1", "Secret", { type: "Opaque" }), manifest("v1", "ServiceAccount", {})], fail: [manifest("v1", "Secret", { type: "kubernetes.io/service-account-token" }), manifest("v1", "ServiceAccount", { secrets: [{ name: "app-token" }] })] },
  check: ({ kind, data }) => {
    if (kind === "ServiceAccount") return list(data, "secrets").length > 0 ? [{ path: "secrets", message: "the account keeps its token in a Secret" }] : [];
    return text(data, "type") === "kubernetes.io/service-account-token" ? [{ path: "type", message: "the Secret is a token that never expires" }] : [];
  },
});

const external = (spec: Obj) => manifest("external-secrets.io/v1", "ExternalSecret", { spec: { refreshInterval: "15m", secretStoreRef: { name: "vault", kind: "SecretStore" }, target: { name: "app", deletionPolicy: "Retain", template: { metadata: { annotations: { "flagger.app/config-tracking": "disabled" } } } }, data: [{ secretKey: "url", remoteRef: { key: "app/db", property: "url" } }], ...spec } });
const EXTERNAL = ["external-secrets.io/ExternalSecret"];

export const externalSecretScope = resourceRule({
  id: "external-secret-scope", title: "ExternalSecrets use a store of their own namespace and name their keys.", severity: "medium", kinds: EXTERNAL,
  why: "A ClusterSecretStore reads for every namespace; dataFrom.find takes whatever is there.", fix: "Use secretStoreRef.kind: SecretStore and list the keys in data.",
  parameters: z.strictObject({ allowClusterStore: z.boolean().default(false).describe("allow ClusterSecretStore"), keyPrefix: z.string().default("").describe("what every remote key must begin with") }),
  examples: { parameters: { keyPrefix: "app/" }, pass: [external({})], fail: [external({ secretStoreRef: { name: "vault", kind: "ClusterSecretStore" } }), external({ dataFrom: [{ find: { name: { regexp: ".*" } } }] }), external({ data: [{ secretKey: "a", remoteRef: { key: "other/a" } }] })] },
  check: ({ data }, { allowClusterStore, keyPrefix }) => [
    ...(!allowClusterStore && text(data, "spec", "secretStoreRef", "kind") === "ClusterSecretStore" ? [{ path: "spec.secretStoreRef.kind", message: "the store reads for every namespace" }] : []),
    ...list(data, "spec", "dataFrom").flatMap((entry, index) => (has(entry, "find") ? [{ path: `spec.dataFrom[${index}].find`, message: "it takes whatever is found" }] : [])),
    ...list(data, "spec", "data").flatMap((entry, index) => ((text(entry, "remoteRef", "key") ?? "").startsWith(keyPrefix) ? [] : [{ path: `spec.data[${index}].remoteRef.key`, message: `the key doesn't begin with ${keyPrefix}` }])),
  ],
});

export const externalSecretKept = resourceRule({
  id: "external-secret-kept", title: "A secret that vanished from the store stays in the cluster.", severity: "medium", kinds: EXTERNAL,
  why: "With deletionPolicy Delete an outage or a mistake in the store takes the running workload down.", fix: "Set target.deletionPolicy: Retain.",
  examples: { pass: [external({})], fail: [external({ target: { deletionPolicy: "Delete" } })] },
  check: ({ data }) => (text(data, "spec", "target", "deletionPolicy") === "Delete" ? [{ path: "spec.target.deletionPolicy", message: "the Secret is deleted with its source" }] : []),
});

export const externalSecretUntracked = resourceRule({
  id: "external-secret-untracked", title: "Flagger doesn't copy secrets that are rotated.", severity: "low", kinds: EXTERNAL,
  why: "Flagger's copy for the primary is renewed at promotion only: a rotated password takes production down.", fix: 'Set target.template.metadata.annotations["flagger.app/config-tracking"]: disabled.',
  examples: { pass: [external({})], fail: [external({ target: { name: "app" } })] },
  check: ({ data }) => (annotation(get(data, "spec", "target", "template"), "flagger.app/config-tracking") === "disabled" ? [] : [{ path: "spec.target.template.metadata.annotations", message: "Flagger copies the Secret, and its copy grows stale" }]),
});

const store = (auth: Obj) => manifest("external-secrets.io/v1", "SecretStore", { spec: { provider: { vault: { server: "https://vault", auth } } } });

export const secretStoreShortLived = resourceRule({
  id: "secret-store-short-lived", title: "Secret stores are opened by short-lived identity.", severity: "high", kinds: ["external-secrets.io/SecretStore", "external-secrets.io/ClusterSecretStore"],
  why: "A long-lived token or key is itself a secret, kept in the cluster in clear and seldom rotated.", fix: "Use Kubernetes, JWT or workload identity.",
  examples: { pass: [store({ kubernetes: { role: "app", serviceAccountRef: { name: "app" } } })], fail: [store({ tokenSecretRef: { name: "token" } }), manifest("external-secrets.io/v1", "SecretStore", { spec: { provider: { aws: { auth: { secretRef: {} } } } } })] },
  check: ({ data }) => {
    const provider = get(data, "spec", "provider");
    return Object.keys(isObj(provider) ? provider : {}).flatMap((name) => {
      const auth = get(provider, name, "auth");
      const bad = ["tokenSecretRef", "userPass", "appRole", "secretRef", "ldap"].find((key) => has(auth, key) || has(provider, name, key));
      return bad === undefined ? [] : [{ path: `spec.provider.${name}.auth.${bad}`, message: "the store is opened by a long-lived credential" }];
    });
  },
});
