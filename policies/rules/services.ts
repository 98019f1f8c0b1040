/** Services, Ingresses and what comes in from outside. */
import { z } from "zod";
import { annotation, stringMap } from "../resource.ts";
import { each, resourceRule, type Finding } from "../rule.ts";
import { get, has, list, num, text, texts, type Obj } from "../value.ts";
import { manifest } from "./examples.ts";

const service = (spec: Obj, metadata: Obj = {}) => manifest("v1", "Service", { metadata, spec: { selector: { app: "app" }, ports: [{ port: 80, targetPort: "http" }], ...spec } });

export const noNodePort = resourceRule({
  id: "no-node-port", title: "No Service opens a port on every node.", severity: "medium", level: "mandatory", kinds: ["Service"],
  why: "The port stands open on every node, past the gateway and its TLS.", fix: "Use ClusterIP behind a Gateway or Ingress.",
  examples: { pass: [service({})], fail: [service({ type: "NodePort" })] },
  check: ({ data }) => (text(data, "spec", "type") === "NodePort" ? [{ path: "spec.type", message: "the Service is of type NodePort" }] : []),
});

const INTERNAL: Readonly<Record<string, string>> = {
  "service.beta.kubernetes.io/aws-load-balancer-scheme": "internal",
  "service.beta.kubernetes.io/aws-load-balancer-internal": "true",
  "service.beta.kubernetes.io/azure-load-balancer-internal": "true",
  "networking.gke.io/load-balancer-type": "internal",
  "cloud.google.com/load-balancer-type": "internal",
};

export const noLoadBalancer = resourceRule({
  id: "no-load-balancer", title: "No Service is a load balancer of its own, unless internal.", severity: "medium", kinds: ["Service"],
  why: "It puts the workload on the Internet, past the gateway, its TLS and its limits.", fix: "Use ClusterIP behind the Gateway, or the cloud's annotation for internal load balancers.",
  examples: {
    pass: [service({}), service({ type: "LoadBalancer" }, { annotations: { "networking.gke.io/load-balancer-type": "Internal" } }), ...Object.entries(INTERNAL).map(([key, value]) => service({ type: "LoadBalancer" }, { annotations: { [key]: value } }))],
    fail: [service({ type: "LoadBalancer" }), service({ type: "LoadBalancer" }, { annotations: { "networking.gke.io/load-balancer-type": "External" } })],
  },
  check: ({ data }) => {
    if (text(data, "spec", "type") !== "LoadBalancer") return [];
    const internal = Object.entries(INTERNAL).some(([key, value]) => annotation(data, key)?.toLowerCase() === value);
    return internal ? [] : [{ path: "spec.type", message: "the Service is a load balancer open to the Internet" }];
  },
});

export const noExternalIps = resourceRule({
  id: "no-external-ips", title: "No Service claims external addresses.", severity: "high", kinds: ["Service"],
  why: "Whoever may write Services takes over the traffic to any address (CVE-2020-8554).", fix: "Remove spec.externalIPs.",
  parameters: z.strictObject({ allowed: z.array(z.string()).default([]).describe("addresses that may be claimed") }),
  examples: { parameters: { allowed: ["203.0.113.8"] }, pass: [service({}), service({ externalIPs: ["203.0.113.8"] })], fail: [service({ externalIPs: ["203.0.113.7", "203.0.113.8", "203.0.113.9"] })] },
  check: ({ data }, { allowed }) => {
    const claimed = texts(data, "spec", "externalIPs").filter((address) => !allowed.includes(address));
    return claimed.length > 0 ? [{ path: "spec.externalIPs", message: `the Service claims ${claimed.join(", ")}` }] : [];
  },
});

export const noLocalhostService = resourceRule({
  id: "no-localhost-service", title: "No ExternalName Service points at localhost.", severity: "high", kinds: ["Service"],
  why: "An ingress controller that follows it gives out its own internal pages.", fix: "Remove the Service.",
  examples: { pass: [service({ type: "ExternalName", externalName: "db.localhost.example.com" }), service({ type: "ExternalName" }), service({ externalName: "localhost" })], fail: ["localhost", "127.0.0.2", "::1", "[::1]"].map((externalName) => service({ type: "ExternalName", externalName })) },
  check: ({ data }) => (text(data, "spec", "type") === "ExternalName" && /^(localhost|127\.|\[?::1)/.test(text(data, "spec", "externalName") ?? "") ? [{ path: "spec.externalName", message: "the Service points at localhost" }] : []),
});

export const servicePortRange = resourceRule({
  id: "service-port-range", title: "Services use ports of the allowed range, and name their targets well.", severity: "low", kinds: ["Service"],
  why: "A wrong target port fails at the first request, not at deployment.", fix: "Use a port between min and max, and a target port 1-65535 or a name of at most 15 lower-case characters.",
  parameters: z.strictObject({ min: z.int().default(1).describe("lowest port"), max: z.int().default(65535).describe("highest port") }),
  examples: { parameters: { min: 80, max: 443 }, more: [{ pass: [1, 65535].map((port) => service({ ports: [{ port, targetPort: port }] })), fail: [0, 65536].flatMap((port) => [service({ ports: [{ port }] }), service({ ports: [{ port: 80, targetPort: port }] })]) }], pass: [service({}), service({ ports: [{ port: 443, targetPort: "n2345678901234x" }] })], fail: [service({ ports: [{ port: 32000 }] }), service({ ports: [{ port: 80, targetPort: 70000 }] }), ...["n234567890123456", "80", "a--b", "-a", "A"].map((targetPort) => service({ ports: [{ port: 80, targetPort }] }))] },
  check: ({ data }, { min, max }) =>
    list(data, "spec", "ports").flatMap((entry, index): Finding[] => {
      const port = num(entry, "port");
      const target = get(entry, "targetPort");
      const path = `spec.ports[${index}]`;
      const found: Finding[] = port !== undefined && (port < min || port > max) ? [{ path: `${path}.port`, message: `port ${port} is not between ${min} and ${max}` }] : [];
      if (typeof target === "number" && (target < 1 || target > 65535)) found.push({ path: `${path}.targetPort`, message: `targetPort ${target} is no port` });
      if (typeof target === "string" && !/^(?=.*[a-z])(?!.*--)[a-z0-9]([a-z0-9-]{0,13}[a-z0-9])?$/.test(target)) found.push({ path: `${path}.targetPort`, message: `targetPort "${target}" is no port name` });
      return found;
    }),
});

const AWS = "service.beta.kubernetes.io/aws-load-balancer-";

export const loadBalancerTls = resourceRule({
  id: "load-balancer-tls", title: "A cloud load balancer that speaks for the workload has a certificate.", severity: "medium", kinds: ["Service"],
  why: "Otherwise it forwards plain text from the Internet.", fix: "Set the annotation aws-load-balancer-ssl-cert, or let a Gateway end TLS.",
  examples: { pass: [service({}), service({ type: "LoadBalancer" }, { annotations: { [`${AWS}backend-protocol`]: "http", [`${AWS}ssl-cert`]: "arn" } })], fail: [service({ type: "LoadBalancer" }, { annotations: { "service.beta.kubernetes.io/aws-load-balancer-backend-protocol": "http" } })] },
  check: ({ data }) => (text(data, "spec", "type") === "LoadBalancer" && annotation(data, `${AWS}backend-protocol`) !== undefined && annotation(data, `${AWS}ssl-cert`) === undefined ? [{ path: "metadata.annotations", message: "the load balancer has no certificate" }] : []),
});

const ingress = (spec: Obj, metadata: Obj = {}) => manifest("networking.k8s.io/v1", "Ingress", { metadata, spec: { ingressClassName: "public", ...spec } });
const RULE: Obj = { host: "shop.example.com", http: { paths: [{ path: "/", pathType: "Prefix", backend: { service: { name: "app", port: { number: 80 } } } }] } };
const TLS: Obj = { hosts: ["shop.example.com"], secretName: "shop-tls" };
const SOUND = ingress({ tls: [TLS], rules: [RULE] });

const ALLOW_HTTP = "kubernetes.io/ingress.allow-http";

export const ingressTls = resourceRule({
  id: "ingress-tls", title: "Every Ingress has TLS.", severity: "high", kinds: ["Ingress"],
  why: "Passwords and data travel in clear.", fix: "Add spec.tls with a secret made by cert-manager.",
  parameters: z.strictObject({ refuseHttp: z.boolean().default(false).describe("whether plain HTTP must be refused by the annotation kubernetes.io/ingress.allow-http") }),
  examples: {
    parameters: { refuseHttp: true },
    pass: [ingress({ tls: [TLS], rules: [RULE] }, { annotations: { [ALLOW_HTTP]: "false" } })],
    more: [{ pass: [SOUND], fail: [ingress({ tls: [TLS], rules: [RULE] }, { annotations: { [ALLOW_HTTP]: "true" } })] }],
    fail: [ingress({ rules: [RULE] }, { annotations: { [ALLOW_HTTP]: "false" } }), ingress({ tls: [], rules: [RULE] }), SOUND, ingress({ tls: [TLS], rules: [RULE] }, { annotations: { [ALLOW_HTTP]: "true" } })],
  },
  check: ({ data }, { refuseHttp }) => [
    ...(list(data, "spec", "tls").length === 0 ? [{ path: "spec.tls", message: "there is no TLS" }] : []),
    ...((annotation(data, ALLOW_HTTP) ?? (refuseHttp ? "true" : "false")) === "true" ? [{ path: `metadata.annotations["${ALLOW_HTTP}"]`, message: "plain HTTP is allowed beside TLS" }] : []),
  ],
});

export const ingressHostsCovered = resourceRule({
  id: "ingress-hosts-covered", title: "Every host of an Ingress stands under its TLS.", severity: "medium", level: "mandatory", kinds: ["Ingress"],
  why: "A host that the certificate doesn't name is served with another's, or in clear.", fix: "Add the host to spec.tls[].hosts.",
  examples: {
    pass: [SOUND, ingress({ rules: [RULE] }), ingress({ tls: [TLS], rules: [RULE, { http: {} }] }), ingress({ tls: [{ hosts: ["*.example.com"] }], rules: [RULE] })],
    fail: [ingress({ tls: [TLS], rules: [RULE, { ...RULE, host: "other.example.com" }] }), ingress({ tls: [{ hosts: ["*.com"] }], rules: [RULE] })],
  },
  check: ({ data }) => {
    const hosts = list(data, "spec", "tls").flatMap((tls) => texts(tls, "hosts"));
    if (list(data, "spec", "tls").length === 0) return [];
    const covered = (host: string) => hosts.includes(host) || hosts.includes(host.replace(/^[^.]+/, "*"));
    return each(list(data, "spec", "rules").map((rule, index) => ({ rule, index })), ({ rule, index }) => {
      const host = text(rule, "host") ?? "";
      return host === "" || covered(host) ? undefined : { path: `spec.rules[${index}].host`, message: `${host} is under no TLS` };
    });
  },
});

export const ingressHostNamed = resourceRule({
  id: "ingress-host-named", title: "Every rule of an Ingress names its host, without wildcard.", severity: "medium", level: "mandatory", kinds: ["Ingress"],
  why: "An empty or wildcard host takes the traffic of hosts that are yet to come.", fix: "Write the whole host name.",
  parameters: z.strictObject({ allowed: z.array(z.string()).default([]).describe("wildcard hosts that may be used"), allowWildcard: z.boolean().default(false).describe("allow every wildcard host") }),
  examples: {
    pass: [SOUND], fail: [ingress({ rules: [{ http: {} }] }), ingress({ rules: [{ ...RULE, host: "*.example.com" }] })],
    more: [{ parameters: { allowed: ["*.example.com"] }, pass: [ingress({ rules: [{ ...RULE, host: "*.example.com" }] })], fail: [ingress({ rules: [{ ...RULE, host: "*.com" }] })] }, { parameters: { allowWildcard: true }, pass: [ingress({ rules: [{ ...RULE, host: "*.com" }] })], fail: [ingress({ rules: [{ http: {} }] })] }],
  },
  check: ({ data }, { allowed, allowWildcard }) =>
    each(list(data, "spec", "rules").map((rule, index) => ({ rule, index })), ({ rule, index }) => {
      const host = text(rule, "host") ?? "";
      if ((host !== "" && (allowWildcard || !host.includes("*"))) || allowed.includes(host)) return undefined;
      return { path: `spec.rules[${index}].host`, message: host === "" ? "the rule names no host" : `${host} is a wildcard` };
    }),
});

export const ingressNoDefaultBackend = resourceRule({
  id: "ingress-no-default-backend", title: "No Ingress has a default backend; its class is an allowed one.", severity: "low", kinds: ["Ingress"],
  why: "A default backend answers for every host that no other Ingress claims.", fix: "Remove spec.defaultBackend and give rules; use an allowed class.",
  parameters: z.strictObject({ classes: z.array(z.string()).default([]).describe("classes that may be used; an empty list allows all") }),
  examples: { parameters: { classes: ["public"] }, pass: [SOUND], fail: [ingress({ defaultBackend: { service: { name: "app" } } }), ingress({ backend: { serviceName: "app" } }), ingress({ ingressClassName: "other", rules: [RULE] }), ingress({ ingressClassName: undefined, rules: [RULE] }, { annotations: { "kubernetes.io/ingress.class": "other" } })], more: [{ pass: [ingress({ ingressClassName: "other", rules: [RULE] })], fail: [] }] },
  check: ({ data }, { classes }) => {
    const found: Finding[] = has(data, "spec", "defaultBackend") || has(data, "spec", "backend") ? [{ path: "spec.defaultBackend", message: "there is a default backend" }] : [];
    const name = text(data, "spec", "ingressClassName") ?? annotation(data, "kubernetes.io/ingress.class");
    if (classes.length > 0 && name !== undefined && !classes.includes(name)) found.push({ path: "spec.ingressClassName", message: `class ${name} is not allowed` });
    return found;
  },
});

const HARMFUL = /(alias|root|proxy_pass|lua_|_by_lua|kubernetes\.io\/serviceaccount|serviceaccount|\/etc\/|\/var\/run|\/proc|load_module|client_body_temp|include\b)/i;

export const noIngressSnippets = resourceRule({
  id: "no-ingress-snippets", title: "No Ingress carries nginx configuration, or paths that reach into the controller.", severity: "high", kinds: ["Ingress", "ConfigMap"],
  why: "Snippets run in the controller and read its token, which reads every secret (CVE-2021-25742 and its kin).", fix: "Remove the snippet annotation; set allow-snippet-annotations to false.",
  parameters: z.strictObject({ allowed: z.array(z.string()).default([]).describe("snippet annotations that may be used, without their prefix") }),
  examples: { parameters: { allowed: ["auth-snippet"] }, pass: [SOUND, ingress({ rules: [RULE] }, { annotations: { "nginx.ingress.kubernetes.io/auth-snippet": "return 200;", "nginx.ingress.kubernetes.io/snippet-note": "a", "other.example.com/server-snippet": "return 200;", "x-nginx.org/server-snippet": "a" } }), ingress({ rules: [{ host: "a", http: { paths: [{}] } }] })], fail: [ingress({ rules: [RULE] }, { annotations: { "nginx.org/location-snippets": "a" } }), ingress({ rules: [RULE] }, { annotations: { "nginx.ingress.kubernetes.io/rewrite-target": "/etc/passwd" } }), ingress({ rules: [RULE] }, { annotations: { "nginx.ingress.kubernetes.io/server-snippet": "return 200;" } }), ingress({ rules: [{ host: "a", http: { paths: [{ path: "/var/run/secrets/kubernetes.io/serviceaccount" }] } }] }), manifest("v1", "ConfigMap", { data: { "allow-snippet-annotations": "true" } })] },
  check: ({ kind, data }, { allowed }) => {
    if (kind === "ConfigMap") return text(data, "data", "allow-snippet-annotations") === "true" ? [{ path: "data.allow-snippet-annotations", message: "snippets are allowed for every Ingress" }] : [];
    const annotations = Object.entries(stringMap(get(data, "metadata", "annotations"))).flatMap(([key, value]) => {
      if (!/^nginx\.(ingress\.kubernetes\.io|org)\//.test(key)) return [];
      const name = key.replace(/^[^/]*\//, "");
      const bad = (/snippets?$/.test(name) && !allowed.includes(name)) || HARMFUL.test(value);
      return bad ? [{ path: `metadata.annotations["${key}"]`, message: `${key} carries configuration into the controller` }] : [];
    });
    const paths = list(data, "spec", "rules").flatMap((rule, i) =>
      list(rule, "http", "paths").flatMap((entry, j) => (/(^\/(etc|root|proc|sys)(\/|$))|\/var\/run\/secrets|serviceaccount/.test(text(entry, "path") ?? "") ? [{ path: `spec.rules[${i}].http.paths[${j}].path`, message: `path ${text(entry, "path") ?? ""} reaches into the controller's files` }] : [])),
    );
    return [...annotations, ...paths];
  },
});
