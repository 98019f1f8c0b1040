import type * as k8s from "@pulumi/kubernetes";
import type * as pulumi from "@pulumi/pulumi";
import { belongingSelector, loadSelector, servingSelector, verificationSelector } from "./labels.ts";

type NetworkPolicySpec = k8s.types.input.networking.v1.NetworkPolicySpec;
type Peer = k8s.types.input.networking.v1.NetworkPolicyPeer;
type Port = pulumi.Input<number>;

/** A namespace, and a port in it. */
interface Peered {
  readonly namespace: pulumi.Input<string>;
  readonly port: Port;
}

/** Whom the pods of the application may talk to, and who may talk to them. All else is denied. */
export interface Allowances {
  /** The application's name. */
  readonly app: string;
  /** Port that its pods listen on. @default 8000 */
  readonly port?: Port;
  /** Namespace of the data plane that carries the users' traffic. */
  readonly ingress: pulumi.Input<string>;
  /** Clients that come past the data plane, as CIDRs: for a Service of type LoadBalancer. @default - none */
  readonly clientCidrs?: readonly pulumi.Input<string>[];
  /** PostgreSQL. */
  readonly database: Peered;
  /** Redis. */
  readonly redis: Peered;
  /** The cluster's DNS; its pods are those labelled `k8s-app: kube-dns`. @default - kube-system, 53 */
  readonly dns?: Peered;
  /** Namespace of Prometheus, which scrapes the pods. @default - nobody scrapes */
  readonly monitoring?: pulumi.Input<string>;
  /**
   * The gates: their namespace, whether it is the application's own, and who calls them on which port. Their pods are labelled
   * `app.kubernetes.io/component: gate` and `app.kubernetes.io/part-of: <app>`. @default - no gates
   */
  readonly gates?: {
    readonly namespace: pulumi.Input<string>;
    readonly own: boolean;
    readonly callers: pulumi.Input<string>;
    readonly port?: Port;
    readonly prometheusPort?: Port;
    /** The API server, which they ask what is deployed: its addresses as CIDRs, and the port behind them. @default - not reached */
    readonly apiServer?: { readonly cidrs: readonly pulumi.Input<string>[]; readonly port: Port };
  };
  /** Whether a verification Job asks the pods: blue-green's. @default true */
  readonly verification?: boolean;
  /** Whether a load source asks the canary's pods. @default false */
  readonly load?: boolean;
  /** Whether an ACME solver must be reachable through the data plane, port 8089. @default false */
  readonly acmeSolver?: boolean;
}

/** One NetworkPolicy: the end of its name, and what it says. */
export interface NetworkRule {
  readonly name: string;
  readonly spec: NetworkPolicySpec;
}

/**
 * The NetworkPolicies of a namespace: deny everything both ways, then one small policy to each reason. Pods are selected by labels that
 * both slots, a canary and Flagger's `-primary` copies carry.
 */
export function networkRules(allow: Allowances): NetworkRule[] {
  const port = allow.port ?? 8000;
  const serving = { matchLabels: { ...servingSelector(allow.app) } };
  const verifying = { matchLabels: { ...verificationSelector(allow.app) } };
  const dns = allow.dns ?? { namespace: "kube-system", port: 53 };
  const ingress = (name: string, podSelector: object, from: Peer[], ports: Port[]): NetworkRule => ({
    name,
    spec: { podSelector, policyTypes: ["Ingress"], ingress: [{ from, ports: ports.map(tcp) }] },
  });
  const egress = (name: string, podSelector: object, to: Peer[], ports: Port[]): NetworkRule => ({
    name,
    spec: { podSelector, policyTypes: ["Egress"], egress: [{ to, ports: ports.map(tcp) }] },
  });

  const rules: NetworkRule[] = [
    { name: "default-deny", spec: { podSelector: {}, policyTypes: ["Ingress", "Egress"] } },
    {
      name: "dns",
      spec: {
        podSelector: { matchLabels: { ...belongingSelector(allow.app) } },
        policyTypes: ["Egress"],
        // TCP too: answers that don't fit a datagram are asked for again by TCP.
        egress: [
          {
            to: [{ ...inNamespace(dns.namespace), podSelector: { matchLabels: { "k8s-app": "kube-dns" } } }],
            ports: [{ protocol: "UDP", port: dns.port }, tcp(dns.port)],
          },
        ],
      },
    },
    ingress("from-gateway", serving, [inNamespace(allow.ingress), ...(allow.clientCidrs ?? []).map((cidr) => ({ ipBlock: { cidr } }))], [port]),
    egress("to-database", serving, [inNamespace(allow.database.namespace)], [allow.database.port]),
    egress("to-redis", serving, [inNamespace(allow.redis.namespace)], [allow.redis.port]),
  ];
  if (allow.verification ?? true) {
    rules.push(ingress("from-verification", serving, [{ podSelector: verifying }], [port]));
    rules.push(egress("verification", verifying, [{ podSelector: serving }], [port]));
  }
  if (allow.load ?? false) {
    const asking = { matchLabels: { ...loadSelector(allow.app) } };
    rules.push(ingress("from-load", serving, [{ podSelector: asking }], [port]));
    rules.push(egress("load", asking, [{ podSelector: serving }], [port]));
  }
  if (allow.monitoring !== undefined) rules.push(ingress("from-monitoring", serving, [inNamespace(allow.monitoring)], [port]));
  if (allow.acmeSolver === true) {
    rules.push(ingress("acme-solver", { matchLabels: { "acme.cert-manager.io/http01-solver": "true" } }, [inNamespace(allow.ingress)], [8089]));
  }
  if (allow.gates !== undefined) {
    const { namespace, own, callers, port: gatePort = 8080, prometheusPort = 9090, apiServer } = allow.gates;
    const gates = { matchLabels: { ...belongingSelector(allow.app), "app.kubernetes.io/component": "gate" } };
    rules.push(ingress("from-gates", serving, [{ ...(own ? {} : inNamespace(namespace)), podSelector: gates }], [port]));
    if (own) {
      rules.push(ingress("gates", gates, [inNamespace(callers), { podSelector: gates }], [gatePort]));
      rules.push(egress("gates-to-gates", gates, [{ podSelector: gates }], [gatePort]));
      rules.push(egress("gates-to-workload", gates, [{ podSelector: serving }], [port]));
      if (apiServer !== undefined && apiServer.cidrs.length > 0) {
        rules.push(egress("gates-to-api-server", gates, apiServer.cidrs.map((cidr) => ({ ipBlock: { cidr } })), [apiServer.port]));
      }
      if (allow.monitoring !== undefined) rules.push(egress("gates-to-monitoring", gates, [inNamespace(allow.monitoring)], [prometheusPort]));
    }
  }
  return rules;
}

/** Every pod of a namespace, by the label that the API server itself sets and nobody can forge. */
function inNamespace(name: pulumi.Input<string>): Peer {
  return { namespaceSelector: { matchLabels: { "kubernetes.io/metadata.name": name } } };
}

function tcp(port: Port): k8s.types.input.networking.v1.NetworkPolicyPort {
  return { protocol: "TCP", port };
}
