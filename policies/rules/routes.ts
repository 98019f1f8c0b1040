/** Ingresses and routes: where they lead, and which workloads are reached from outside. */
import { z } from "zod";
import { podOf } from "../kubernetes/pods.ts";
import { mapSelects } from "../kubernetes/selector.ts";
import { labelsOf, nameOf, namespaceOf, type Resource, type Stack } from "../resource.ts";
import { eachResource, stackRule } from "../rule.ts";
import { ofKind } from "../stack-index.ts";
import { get, has, list, text, type Obj } from "../value.ts";
import { workloads } from "./isolation-network.ts";
import { primaryLabels } from "./targets.ts";
import { deployment, manifest, patched, serviceFor } from "./examples.ts";

const SERVICE = serviceFor({ app: "app" });
const elsewhere = (object: Obj): Obj => patched(object, { metadata: { namespace: "other" } });
const released = (spec: Obj): Obj => manifest("flagger.app/v1beta1", "Canary", { spec });
const ROUTES = ["Ingress", "HTTPRoute", "GRPCRoute", "TCPRoute", "TLSRoute", "UDPRoute"];

const route = (backend: string) => manifest("gateway.networking.k8s.io/v1", "HTTPRoute", { spec: { rules: [{ backendRefs: [{ name: backend, port: 80 }] }] } });
const ingress = (name: string) => manifest("networking.k8s.io/v1", "Ingress", { spec: { rules: [{ host: "a.example.com", http: { paths: [{ path: "/", pathType: "Prefix", backend: { service: { name, port: { number: 80 } } } }] } }] } });

const ingressTo = (backend: Obj) => manifest("networking.k8s.io/v1", "Ingress", { spec: { rules: [{ host: "a.example.com", http: { paths: [{ path: "/", backend }] } }] } });
const oldIngress = (backend: Obj): Obj => ({ ...ingressTo(backend), apiVersion: "extensions/v1beta1" });

export const routeHasBackend = stackRule({
  id: "route-has-backend", title: "Every Ingress and route leads to a Service of the stack, on a port it has.", severity: "medium",
  why: "Visitors get 503, and nothing in the rollout notices.", fix: "Name a Service and one of its ports.",
  examples: {
    pass: [
      [SERVICE, route("app")], [SERVICE, ingress("app")],
      [SERVICE, serviceFor({ app: "b" }, {}, "b"), route("app")],
      [SERVICE, oldIngress({ serviceName: "app", servicePort: 80 })],
      [SERVICE, oldIngress({ serviceName: "app", servicePort: "http" })],
      [SERVICE, ingressTo({ service: { name: "app", port: { name: "http" } } })],
      [SERVICE, ingressTo({ service: { name: "app" } })],
      ingressTo({ resource: { kind: "StorageBucket", name: "assets" } }),
      [elsewhere(SERVICE), manifest("gateway.networking.k8s.io/v1", "HTTPRoute", { spec: { rules: [{ backendRefs: [{ name: "app", namespace: "other", port: 80 }] }] } })],
      manifest("gateway.networking.k8s.io/v1", "HTTPRoute", { spec: { rules: [{ backendRefs: [{ kind: "ServiceImport", name: "far" }] }] } }),
      ...["front", "front-primary", "front-canary"].flatMap((name) => [[released({ service: { name: "front" } }), route(name)], [released({ targetRef: { name: "front" } }), route(name)]]),
    ],
    fail: [
      [SERVICE, route("ghost")], [SERVICE, ingress("ghost")],
      ...["GRPCRoute", "TCPRoute", "TLSRoute", "UDPRoute"].map((kind) => ({ ...route("ghost"), kind })),
      [SERVICE, ingressTo({ service: { name: "app", port: { number: 81 } } })],
      [SERVICE, ingressTo({ service: { name: "app", port: { name: "https" } } })],
      [SERVICE, ingressTo({ serviceName: "app", servicePort: 80 })],
      [SERVICE, oldIngress({ serviceName: "ghost", servicePort: 80 })],
      manifest("networking.k8s.io/v1", "Ingress", { spec: { defaultBackend: { service: { name: "ghost", port: { number: 80 } } } } }),
      manifest("extensions/v1beta1", "Ingress", { spec: { backend: { serviceName: "ghost", servicePort: 80 } } }),
      [elsewhere(SERVICE), route("app")],
      [elsewhere(released({ service: { name: "front" } })), route("front")],
      [released({ service: { name: "back" } }), route("front")],
      manifest("gateway.networking.k8s.io/v1", "HTTPRoute", { spec: { rules: [{ backendRefs: [{}] }] } }),
    ],
  },
  check: (stack) =>
    eachResource(ofKind(stack, ...ROUTES), (found) => {
      const missing = backends(found).filter(({ name, namespace, port }) => !backendThere(stack, name, namespace ?? namespaceOf(found), port));
      return missing.map(({ name, path, port }) => ({ path, message: `Service ${name}${port === undefined ? "" : `, port ${port}`} is not in this stack` }));
    }),
});

interface Backend {
  readonly path: string;
  readonly name: string;
  readonly namespace?: string;
  readonly port?: number | string;
}

function backends({ kind, data, version }: Resource): Backend[] {
  if (kind !== "Ingress") {
    return list(data, "spec", "rules").flatMap((rule, i) =>
      list(rule, "backendRefs").flatMap((ref, j) => ((text(ref, "kind") ?? "Service") === "Service" ? [backend(ref, `spec.rules[${i}].backendRefs[${j}]`, get(ref, "port"))] : [])),
    );
  }
  const whole = get(data, "spec", "defaultBackend") ?? get(data, "spec", "backend");
  const paths = list(data, "spec", "rules").flatMap((rule, i) => list(rule, "http", "paths").map((entry, j) => ({ at: get(entry, "backend"), path: `spec.rules[${i}].http.paths[${j}].backend` })));
  return [...(whole === undefined ? [] : [{ at: whole, path: "spec.defaultBackend" }]), ...paths].flatMap(({ at, path }) => {
    if (has(at, "resource")) return [];
    // Since networking.k8s.io/v1 the backend is written otherwise, and the old form names nothing.
    const old = version === "v1" ? undefined : text(at, "serviceName");
    return old === undefined ? [backend(get(at, "service"), path, get(at, "service", "port", "number") ?? get(at, "service", "port", "name"))] : [backend({ name: old }, path, get(at, "servicePort"))];
  });
}

function backend(ref: unknown, path: string, port: unknown): Backend {
  const namespace = text(ref, "namespace");
  return { path, name: text(ref, "name") ?? "", ...(namespace !== undefined && { namespace }), ...((typeof port === "number" || typeof port === "string") && { port }) };
}

function backendThere(stack: Stack, name: string, namespace: string, port: number | string | undefined): boolean {
  // Flagger makes the Services of a Canary itself.
  const made = ofKind(stack, "Canary").some((canary) => namespaceOf(canary) === namespace && [text(canary.data, "spec", "service", "name"), text(canary.data, "spec", "targetRef", "name")].some((own) => own !== undefined && [own, `${own}-primary`, `${own}-canary`].includes(name)));
  return made || ofKind(stack, "Service").some((found) => nameOf(found) === name && namespaceOf(found) === namespace && (port === undefined || list(found.data, "spec", "ports").some((own) => get(own, "port") === port || get(own, "name") === port)));
}

const LOAD_BALANCER: Obj = { ...SERVICE, spec: { type: "LoadBalancer", selector: { app: "app" }, ports: [{ port: 80 }] } };

export const exposureIntended = stackRule({
  id: "exposure-intended", title: "Only workloads that are meant to be are reached from outside the cluster.", severity: "low",
  why: "A route or load balancer added in passing opens a workload to the Internet, and nobody decided it.", fix: "Name the workload in the parameter `intended`, or remove what leads to it.",
  parameters: z.strictObject({ intended: z.array(z.string()).default([]).describe("regular expressions on namespace/name of the workloads that may be reached from outside") }),
  examples: {
    parameters: { intended: ["^shop/front$"] },
    pass: [[deployment(), SERVICE], [deployment({}, {}, { metadata: { name: "front" } }), SERVICE, route("app")], [deployment(), SERVICE, route("other")], [deployment({}, {}, { metadata: { namespace: "other" } }), LOAD_BALANCER], [deployment(), { ...LOAD_BALANCER, apiVersion: "serving.knative.dev/v1" }], [deployment(), elsewhere(SERVICE), route("app")]],
    fail: [[deployment(), SERVICE, route("app")], [deployment(), SERVICE, ingress("app")], [deployment(), LOAD_BALANCER], [deployment(), { ...LOAD_BALANCER, spec: { type: "NodePort", selector: { app: "app" } } }], [deployment(), serviceFor({ app: "b" }, { type: "LoadBalancer" }, "b"), LOAD_BALANCER], [released({ targetRef: { name: "app" } }), deployment(), serviceFor({ app: "app-primary" }, { type: "LoadBalancer" })], [deployment(), SERVICE, manifest("gateway.networking.k8s.io/v1", "HTTPRoute", { metadata: { name: undefined, namespace: "other" }, spec: { rules: [{ backendRefs: [{ name: "app", namespace: "shop" }] }] } })]],
  },
  check: (stack, { intended }) => {
    const doors = new Map<string, string>();
    for (const found of ofKind(stack, ...ROUTES)) for (const { name, namespace } of backends(found)) doors.set(`${namespace ?? namespaceOf(found)}/${name}`, `${found.kind} ${nameOf(found) ?? ""}`);
    const open = ofKind(stack, "Service").flatMap((found) => {
      const outside = ["LoadBalancer", "NodePort"].includes(text(found.data, "spec", "type") ?? "") ? `Service ${nameOf(found) ?? ""}` : doors.get(`${namespaceOf(found)}/${nameOf(found) ?? ""}`);
      return found.group !== "" || outside === undefined ? [] : [{ found, outside }];
    });
    return eachResource(workloads(stack), (workload) => {
      const place = `${namespaceOf(workload)}/${nameOf(workload) ?? ""}`;
      if (open.length === 0 || intended.some((pattern) => new RegExp(pattern).test(place))) return undefined;
      const own = primaryLabels(stack, labelsOf(podOf(workload)?.metadata), nameOf(workload));
      const through = open.find(({ found }) => namespaceOf(found) === namespaceOf(workload) && own.some((labels) => mapSelects(get(found.data, "spec", "selector"), labels)));
      return through ? { path: "metadata.name", message: `it is reached from outside through ${through.outside}` } : undefined;
    });
  },
});
